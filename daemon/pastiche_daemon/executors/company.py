"""How workers of one picture find each other, and how they are put into a group.

The leader opens a *meeting*, a small store that all can reach: on one machine files in a private folder, between machines a port of
the leader's. Each helper says there that it is here and what it computes with; whenever the leader begins a scale that is worth
sharing it makes a company of those who are. A company that somebody leaves is given up, and the next one made of the rest.
torch.distributed's own groups, without its process-wide default: a worker is of many companies, one after another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from pastiche.locks import Lock, is_held
from pastiche_daemon.engine.company import PATIENCE, Company, CompanyLost
from pastiche_daemon.engine.network import Network
from pastiche_daemon.engine.shared_tiles import APART, OVER
from pastiche_daemon.room import Room

COMING = 10.0  # seconds that helpers are given to come, from the leader's beginning: a worker starts in four
COMING_AGAIN = 0.5  # the same, to those whom another's going has parted; who is at work on a large tile comes later
LOOK_EVERY = 0.05
LOOK_FOR_THE_LEADER_EVERY = 1.0
REACHING = 5.0  # seconds, to find a leader's port
PROBE_EVERY, SILENT = 5, 15  # seconds: how often an idle connection is asked for a sign, and when it is given up
JOINING = timedelta(seconds=15)  # for all who are here to be connected
LOOPBACK = "127.0.0.1"
dist: Any = torch.distributed  # most of what is used here is C++, which its annotations leave out; not every system's torch has it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What one must know of another to work with it. network: of its weights, and in which numbers. machine, card: '' where it is
    none of NVIDIA's."""

    network: str
    room: Room
    machine: str = ""
    card: str = ""


def facts_of(network: Network, device: torch.device, room: Room) -> Facts:
    card = str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else ""
    return Facts(_digest(network), room, socket.gethostname(), card)


def _digest(network: Network) -> str:
    digest = hashlib.sha256(str(network.arithmetic.dtype).encode())
    for weights in network.parameters():
        digest.update(weights.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def backend_for(company: Sequence[Facts]) -> str:
    """nccl where each has an NVIDIA card of its own in the same machine, else gloo, by way of the machine's memory."""
    cards = {facts.card for facts in company}
    alike = "" not in cards and len(cards) == len(company) and len({facts.machine for facts in company}) == 1
    return "nccl" if alike and dist.is_nccl_available() else "gloo"


class LeadersMeeting:
    """The leader's side: `engine.shared_tiles.Meeting`. order: {'size': n} with {'folder': path} or {'host': address}."""

    def __init__(self, order: dict[str, Any], facts: Facts, device: torch.device, leaving: Callable[[], bool]) -> None:
        """leaving: whether the job is cancelled: nobody is waited for then. Raises OSError, and the store's RuntimeError."""
        self.workers = int(order["size"])
        self.news: list[str] = []
        self._facts, self._device, self._leaving = facts, device, leaving
        name = secrets.token_hex(16)
        self._lock: Lock | None = None
        if "folder" in order:
            folder = Path(order["folder"])
            self._lock = Lock(folder / "leader")
            self._lock.take()
            self.where = {"folder": str(folder), "name": name}
            self._host, self._store = LOOPBACK, dist.PrefixStore(name, dist.FileStore(str(folder / "store"), -1))
        else:
            self._host = order["host"]
            listening = _listening(self._host)
            port = listening.getsockname()[1]
            store = dist.TCPStore(self._host, port, None, True, wait_for_workers=False, master_listen_fd=listening.detach())
            self.where = {"host": self._host, "port": port, "name": name}
            self._store = dist.PrefixStore(name, store)
        self._store.set_timeout(JOINING)
        self._store_failed = False
        self._store.set("round", "0")
        self._round = 0
        self._helpers: dict[int, Facts] = {}  # of the company
        self._company: Company | None = None
        self._expected = set(range(1, self.workers))
        self._until = time.monotonic() + COMING
        self._unlike: set[int] = set()  # who computes with something else
        self._told = False

    def rooms(self) -> list[Room]:
        return [facts.room for facts in self._helpers.values()]

    def company(self) -> Company | None:
        """Where somebody is still expected, that is waited for."""
        if self._company is not None:
            if not self.somebody_waits():
                return self._company
            self._expected, self._until = {*self._helpers, *self._here()}, time.monotonic() + COMING_AGAIN
            with contextlib.suppress(CompanyLost):  # it is over anyway
                self._company.command(APART)
            self._give_up()
        for _ in range(self.workers):  # whoever fails to join is gone by the next time
            helpers = self._gathered()
            self._tell_of(helpers)
            if not helpers:
                return None
            self._helpers = helpers
            try:
                self._company = self._made_of(helpers)
            except RuntimeError as error:
                self.part(str(error))
            else:
                return self._company
        return None

    def somebody_waits(self) -> bool:
        return bool(self._here())

    def part(self, words: str) -> None:
        log.warning("a company of %d is given up: %s", 1 + len(self._helpers), words)
        self._give_up()
        self._expected, self._until = set(self._helpers), time.monotonic() + COMING_AGAIN

    def close(self) -> None:
        """The picture is done, or nobody's any more: the helpers are free."""
        with contextlib.suppress(RuntimeError, CompanyLost):
            if self._company is not None:
                self._company.command(OVER)
            if not self._store_failed:
                self._store.set("over", "1")
        self._give_up()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _give_up(self) -> None:
        if self._company is not None:
            self._company.close()
        self._company = None

    def _here(self) -> set[int]:
        """Who waits for the next company."""
        numbers = set(range(1, self.workers)) - self._unlike
        return {number for number in numbers if self._is_said(f"{self._round}/here/{number}")}

    def _is_said(self, key: str) -> bool:
        """A store that has failed, which takes it JOINING, is one where nobody is: the leader can go on without."""
        try:
            return not self._store_failed and bool(self._store.check([key]))
        except RuntimeError as error:
            log.warning("the meeting's store has failed: %s", str(error).split("\n", 1)[0])
            self._store_failed = True
            return False

    def _gathered(self) -> dict[int, Facts]:
        """Who is here, and computes with the same: after those who are expected have come, or have had their time."""
        while time.monotonic() < self._until and not self._leaving() and self._expected - self._here() - self._left() - self._unlike:
            time.sleep(LOOK_EVERY)
        found = {number: _read_facts(self._store.get(f"{self._round}/here/{number}")) for number in sorted(self._here())}
        self._unlike |= {number for number, facts in found.items() if facts.network != self._facts.network}
        return {number: facts for number, facts in found.items() if number not in self._unlike}

    def _left(self) -> set[int]:
        return {number for number in range(1, self.workers) if self._is_said(f"left/{number}")}

    def _tell_of(self, helpers: Iterable[int]) -> None:
        """Once, where fewer have come at first than there should be."""
        helpers = set(helpers)
        if not self._told and len(helpers) < self.workers - 1 and not self._leaving():
            why = ", or computed with other weights or in other numbers" if self._unlike else ""
            self.news.append(
                f"Of the {self.workers - 1} other workers that were to share this picture {self.workers - 1 - len(helpers)} did not come within "
                f"{COMING:.0f} seconds{why}: without them it takes longer."
            )
        self._told = True

    def _made_of(self, helpers: dict[int, Facts]) -> Company:
        """Raises RuntimeError."""
        backend = backend_for([self._facts, *helpers.values()])
        number, self._round = self._round, self._round + 1
        self._store.set(f"{number}/company", json.dumps({"members": list(helpers), "backend": backend}))
        self._store.set("round", str(self._round))
        return _joined(self._store, number, 0, 1 + len(helpers), backend, self._host, self._device)


def help_at_meeting(
    join: dict[str, Any], facts: Facts, device: torch.device, leaving: Callable[[], bool], follow: Callable[[Company], bool]
) -> None:
    """The helper's side: be of one company after another until the leader says that it is over, or has gone, or `leaving`.

    join: {'rank': r} with what the leader's meeting says of where it is. follow: be of this company; whether it is over.
    """
    number = int(join["rank"])
    if (found := _found(join)) is None:
        log.warning("there is no leader where one should be: %s", {name: join[name] for name in ("folder", "host", "port") if name in join})
        return
    store, host, led = found
    try:
        turn = int(store.get("round"))
        while not leaving():
            store.set(f"{turn}/here/{number}", json.dumps(asdict(facts)))
            said = _said(store, f"{turn}/company", led, leaving)
            if said is None:
                break
            if number in said["members"] and _be_of(store, turn, number, said, host, device, follow):
                return
            turn += 1
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and led():
            raise
        log.info("the leader's meeting is over: %s", str(error).split("\n", 1)[0])
    finally:
        with contextlib.suppress(RuntimeError):
            store.set(f"left/{number}", "1")  # nobody waits for it


def _found(join: dict[str, Any]) -> tuple[Any, str, Callable[[], bool]] | None:
    """The leader's store, this worker's own address, and whether the leader is still there. None where it is not."""
    if "folder" in join:
        folder = Path(join["folder"])

        def led() -> bool:
            return is_held(folder / "leader")

        if not led():  # a file that nobody writes to would be waited for
            return None
        store, host = dist.FileStore(str(folder / "store"), -1), LOOPBACK
    else:
        try:
            host = _own_address(join["host"], int(join["port"]))
            socket.create_connection((join["host"], int(join["port"])), REACHING).close()
            store = dist.TCPStore(join["host"], int(join["port"]), None, False, timeout=JOINING, wait_for_workers=False)
        except (OSError, dist.DistError):
            return None

        def led() -> bool:
            return True  # else the store fails

    store.set_timeout(JOINING)
    return dist.PrefixStore(join["name"], store), host, led


def _be_of(
    store: Any, turn: int, number: int, said: dict[str, Any], host: str, device: torch.device,
    follow: Callable[[Company], bool],
) -> bool:  # fmt: skip
    members = said["members"]
    try:
        company = _joined(store, turn, 1 + members.index(number), 1 + len(members), said["backend"], host, device)
    except RuntimeError as error:
        log.warning("a company could not be joined: %s", error)
        return False
    try:
        return follow(company)
    except CompanyLost as lost:
        log.info("a company is over: %s", lost)
        return False
    finally:
        company.close()


def _said(store: Any, key: str, led: Callable[[], bool], leaving: Callable[[], bool]) -> dict[str, Any] | None:
    """What the leader says there, or None where it says that all is over, or has gone."""
    next_look = time.monotonic()
    while not leaving():
        if store.check([key]):
            said: dict[str, Any] = json.loads(store.get(key))
            return said
        if store.check(["over"]):
            return None
        if time.monotonic() >= next_look:
            if not led():
                return None
            next_look = time.monotonic() + LOOK_FOR_THE_LEADER_EVERY
        time.sleep(LOOK_EVERY)
    return None


def _joined(store: Any, number: int, rank: int, size: int, backend: str, host: str, device: torch.device) -> Company:
    """host: this worker's address, as the others reach it. Raises RuntimeError where not everybody comes."""
    words = _gloo(dist.PrefixStore(f"{number}/words", store), rank, size, host)
    notice_who_is_cut_off()
    if backend != "nccl":
        return Company(rank, size, words, words, torch.device("cpu"))
    # As a blocking wait NCCL's failures are exceptions; else they end the process. Read when a group is made.
    os.environ["TORCH_NCCL_BLOCKING_WAIT"] = "1"
    tensors = dist.ProcessGroupNCCL(dist.PrefixStore(f"{number}/tensors", store), rank, size, PATIENCE)
    return Company(rank, size, words, tensors, device)


def _gloo(store: Any, rank: int, size: int, host: str) -> Any:
    """Bound to one address, given as a number: neither the machine's name nor its first interface is asked for."""
    options = dist.ProcessGroupGloo._Options()
    options._devices = [dist.ProcessGroupGloo.create_device(hostname=host)]
    options._timeout = JOINING
    return dist.ProcessGroupGloo(store, rank, size, options)


def notice_who_is_cut_off() -> None:
    """Of all TCP connections of this process, one whose other side gives no sign any more, not even that it has gone (no power, a cable that was
    pulled), fails SILENT to SILENT + PROBE_EVERY seconds later. gloo asks the system for nothing of the kind, and would wait for PATIENCE."""
    tcp = (("TCP_KEEPIDLE", PROBE_EVERY), ("TCP_KEEPINTVL", PROBE_EVERY), ("TCP_KEEPCNT", SILENT // PROBE_EVERY), ("TCP_USER_TIMEOUT", SILENT * 1000))
    for fd in [int(one.name) for one in Path("/dev/fd").iterdir()] if Path("/dev/fd").is_dir() else []:
        with contextlib.suppress(OSError):  # it is closed meanwhile, or not TCP's
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                with socket.socket(fileno=os.dup(fd)) as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    for name, value in tcp:
                        if hasattr(socket, name):  # not each system has them all
                            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _listening(host: str) -> socket.socket:
    """A port of this address and no other."""
    family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((host, 0))
    listening.listen()
    return listening


def _own_address(host: str, port: int) -> str:
    """This machine's, as whoever is at that one sees it. Nothing is sent."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as asking:
        asking.connect(address)
        return str(asking.getsockname()[0])


def _read_facts(packed: bytes) -> Facts:
    said = json.loads(packed)
    return Facts(**{**said, "room": Room(**said["room"])})
