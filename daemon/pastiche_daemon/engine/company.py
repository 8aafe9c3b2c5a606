"""What several workers tell one another about a picture that they share: a few numbers of command, and tensors.

Rank 0 leads. The groups are torch.distributed's, made by whoever knows how these workers find each other. A group of which
one has gone is of no use to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from math import prod
from typing import Any

import torch
import torch.distributed
from torch import Tensor

# For one that hangs. Generous: a share of a large picture takes minutes, and whoever started a worker looks after it more closely.
PATIENCE = timedelta(minutes=10)
NUMBERS = 5  # of a command

dist: Any = torch.distributed  # its annotations leave out what is C++


class CompanyLost(Exception):
    """Somebody has gone, or says nothing: the group cannot go on. In the words of the library."""


class Company:
    """A group of workers, seen by one of them. Each method raises CompanyLost."""

    def __init__(self, rank: int, size: int, words: Any, tensors: Any, device: torch.device) -> None:
        """words, tensors: groups of torch.distributed's (ProcessGroupGloo, ProcessGroupNCCL). One is for commands, which wait without
        keeping a device busy; the other for tensors, which are on `device` then."""
        self.rank = rank
        self.size = size
        self.device = device
        self._words, self._tensors = words, tensors
        self._under_way: list[tuple[Any, Tensor]] = []  # with what is being sent: its memory must stay

    def command(self, *numbers: int) -> None:
        """The leader's, to all the others."""
        command = torch.zeros(NUMBERS, dtype=torch.int64)
        command[: len(numbers)] = torch.tensor(numbers)
        self._broadcast(self._words, command)

    def hear(self) -> list[int]:
        """The leader's next command."""
        command = torch.zeros(NUMBERS, dtype=torch.int64)
        self._broadcast(self._words, command)
        return [int(number) for number in command]

    def send(self, tensor: Tensor, to: int) -> None:
        """Begin to send; goes on beside what is computed meanwhile."""
        tensor = tensor.detach().to(self.device).contiguous()
        with _lost_where_it_fails():
            self._under_way.append((self._tensors.send([tensor], to, 0), tensor))

    def all_sent(self) -> None:
        """Wait until what was begun has been taken."""
        while self._under_way:
            work, _ = self._under_way.pop(0)
            with _lost_where_it_fails():
                work.wait(PATIENCE)

    def receive(self, shape: Sequence[int], like: Tensor, of: int) -> Tensor:
        """like: of whose type and where the tensor is to be."""
        tensor = torch.empty(tuple(shape), dtype=like.dtype, device=self.device)
        with _lost_where_it_fails():
            self._tensors.recv([tensor], of, 0).wait(PATIENCE)
        return tensor.to(like.device)

    def add_up(self, tensors: Sequence[Tensor], like: Tensor) -> list[Tensor]:
        """Everybody's, which the leader gets the sums of; what the others get is nothing."""
        options = dist.ReduceOptions()
        options.rootRank, options.timeout = 0, PATIENCE
        return self._as_one(tensors, like, lambda one: self._tensors.reduce([one], options).wait())

    def hand_out(self, tensors: Sequence[Tensor], like: Tensor) -> list[Tensor]:
        """The leader's, to everybody. The others give tensors of the same shapes."""
        return self._as_one(tensors, like, lambda one: self._broadcast(self._tensors, one))

    def close(self) -> None:
        """Hang up. The groups do so when nobody has them any more."""
        self._under_way.clear()
        if self._tensors is not self._words:
            with suppress(RuntimeError):
                self._tensors.abort()  # NCCL's would wait for those who have gone
        self._words = self._tensors = None

    def _as_one(self, tensors: Sequence[Tensor], like: Tensor, do: Callable[[Tensor], object]) -> list[Tensor]:
        """All at once, in like's numbers; back in the tensors' own, where those are."""
        if not tensors:
            return []
        one = torch.cat([tensor.detach().reshape(-1).to(self.device, like.dtype) for tensor in tensors])
        with _lost_where_it_fails():
            do(one)
        pieces = torch.split(one, [prod(tensor.shape) for tensor in tensors])
        return [piece.view(tensor.shape).to(tensor) for piece, tensor in zip(pieces, tensors, strict=True)]

    def _broadcast(self, group: Any, tensor: Tensor) -> None:
        options = dist.BroadcastOptions()
        options.rootRank, options.timeout = 0, PATIENCE
        with _lost_where_it_fails():
            group.broadcast([tensor], options).wait()


@contextmanager
def _lost_where_it_fails() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo knows no others; NCCL's is one of them
        raise CompanyLost(str(error).split("\n", 1)[0]) from None
