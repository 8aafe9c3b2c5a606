"""Which saved work gives way when the disk space is full: only that of the client that needs the space."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from velatura.errors import TooBusy
from velatura.i18n import Text, lazy_list, lazy_plural, lazy_text, sentences
from velatura.short_repr import short_repr
from velatura_daemon.storage.blobs import BlobStore
from velatura_daemon.storage.checkpoints import CheckpointStore
from velatura_daemon.storage.records import Key
from velatura_daemon.storage.results import ResultStore

log = logging.getLogger("velatura.storage")

# Of all clients. A record with 16 styles, their thumbnails and the longest names is 150 KB, and is held in memory.
MAX_SAVED = 1024
HOLDERS_NAMED = 3  # in an error message, the largest first
HOW_TO_FREE = lazy_text(
    "Fetch saved work or delete it with 'velatura results', delete all of it with 'velatura forget', or start the "
    "daemon with a larger --spool-megabytes."
)
RESULT, STOPPED = "result", "stopped restyle"  # not translated: for the log


class Holder(NamedTuple):
    """In an error message: what of which program holds space."""

    what: str  # RESULT or STOPPED
    program: str


@dataclass(frozen=True)
class SavedWork:
    """A result that was not fetched, or a stopped restyle. image_bytes: of its image beside the blobs."""

    store: ResultStore | CheckpointStore
    key: Key
    blobs: frozenset[bytes]
    image_bytes: int = 0

    @property
    def holder(self) -> Holder:
        what = RESULT if isinstance(self.store, ResultStore) else STOPPED
        return Holder(what, str(self.store.records[self.key].get("program", "")))


class Quota:
    """The space for pictures and saved work. Blobs that nobody needs (pictures of earlier restyles, last images) give
    way first, whoever sent them: they can be sent or made again. Then a client's own stopped restyles, then its own
    results, the oldest first, and only if that suffices. Other clients' saved work stays."""

    def __init__(
        self, blobs: BlobStore, results: ResultStore, checkpoints: CheckpointStore, active: Collection[Key]
    ) -> None:
        """active: restyles in the queue or running, whose checkpoints stay."""
        self._blobs, self._results, self._checkpoints, self._active = blobs, results, checkpoints, active

    def make_space(self, client: str, size: int, records: int = 0) -> None:
        """Make space for so many bytes and records of a client. Raises TooBusy; then nothing has been deleted."""
        own = [*self._stopped(client), *self._finished(client)]
        needed = self._blobs.bytes_in_use + size - self._blobs.budget
        chosen = self._enough(own, needed, self._blobs.pins, size)
        reason = "to make space for new work of the same program"  # not translated: for the log
        self._drop(self._with_excess(client, chosen, records), reason)

    def make_space_for_result(self, client: str, blobs: Iterable[bytes], records: int = 1) -> None:
        """Make space for a result with these blobs: results may fill half of the space, or all of it if there is only
        one. records: 0 if it replaces a checkpoint. Raises TooBusy; then nothing has been deleted."""
        chosen = self._enough_results(client, set(blobs), 0)
        reason = "to make space for a new result of the same program"  # not translated: for the log
        self._drop(self._with_excess(client, chosen, records), reason)

    def check_for_result(self, client: str, size: int) -> None:
        """Whether a result of so many bytes could be saved now. Raises TooBusy."""
        self._enough_results(client, set(), size)

    def _enough_results(self, client: str, blobs: set[bytes], size: int) -> list[SavedWork]:
        """Which own results have to go for new ones that have these blobs, and others of so many bytes."""
        saved, own = self._finished(), self._finished(client)
        uses = Counter(blob for work in saved for blob in work.blobs) + Counter(blobs)
        needed = self._bytes_of(uses) + size - self._blobs.budget // 2
        if len(own) == len(saved) and needed > self._freed(own, uses):
            return own  # alone it may have more than half
        return self._enough(own, needed, uses, size + self._bytes_of(blobs))

    def _with_excess(self, client: str, chosen: list[SavedWork], records: int) -> list[SavedWork]:
        """`chosen`, and what else of a client has to go for so many more records. Raises TooBusy."""
        saved = len(self._results) + len(self._checkpoints.records)
        excess = saved - len(chosen) + records - MAX_SAVED if records else 0
        others = [work for work in [*self._stopped(client), *self._finished(client)] if work not in chosen]
        if len(others) < excess:
            full = lazy_text(
                "The daemon keeps up to {limit} results and stopped restyles, and this limit is reached. It holds "
                "{holders}.",
                limit=MAX_SAVED,
                holders=self._holders(),
            )
            raise TooBusy(sentences(full, HOW_TO_FREE))
        return [*chosen, *others[: max(0, excess)]]

    def _enough(self, own: Sequence[SavedWork], needed: int, uses: Counter[bytes], size: int) -> list[SavedWork]:
        """The first of `own` that free so many bytes together, none of them in vain. uses: how often each blob is
        needed. size: of what is new, for the error. Raises TooBusy."""
        chosen: list[SavedWork] = []
        for work in own:
            if self._freed(chosen, uses) >= needed:
                break
            chosen.append(work)
        if self._freed(chosen, uses) < needed:
            full = lazy_text(
                "The daemon has {budget:.1f} MB for pictures and saved work, half of it for results. {size:.1f} MB "
                "more do not fit. It holds {holders}.",
                budget=self._blobs.budget / 1e6,
                size=size / 1e6,
                holders=self._holders(),
            )
            raise TooBusy(sentences(full, HOW_TO_FREE))
        for work in list(chosen):
            others = [other for other in chosen if other is not work]
            if self._freed(others, uses) >= needed:
                chosen = others
        return chosen

    def _freed(self, works: Iterable[SavedWork], uses: Counter[bytes]) -> int:
        works = list(works)
        released = Counter(blob for work in works for blob in work.blobs)
        gone = [blob for blob, count in released.items() if count >= uses[blob]]
        return self._bytes_of(gone) + sum(work.image_bytes for work in works)

    def _bytes_of(self, blobs: Iterable[bytes]) -> int:
        return sum(self._blobs.size_of(blob) for blob in set(blobs))

    def _drop(self, works: Iterable[SavedWork], reason: str) -> None:
        for work in works:
            log.warning("deleting the %s %s: %s", work.holder.what, short_repr(work.key[1]), reason)
            work.store.drop(work.key)

    def _finished(self, client: str | None = None) -> list[SavedWork]:
        """Results of a client, or (None) all, the oldest first."""
        keys = [key for key in self._results.records if client in (None, key[0])]
        return [SavedWork(self._results, key, self._results.blobs_of(key)) for key in keys]

    def _stopped(self, client: str | None = None) -> list[SavedWork]:
        """Stopped restyles of a client, or (None) all, the oldest first."""
        store = self._checkpoints
        keys = [key for key in store.records if client in (None, key[0]) and key not in self._active]
        return [SavedWork(store, key, store.blobs_of(key), store.image_bytes(key)) for key in keys]

    def _holders(self) -> str:
        """What holds the space, as a list."""
        counts, sizes, counted = Counter[Holder](), Counter[Holder](), set[bytes]()
        for work in [*self._finished(), *self._stopped()]:
            counts[work.holder] += 1
            sizes[work.holder] += work.image_bytes + self._bytes_of(work.blobs - counted)
            counted |= work.blobs
        rest = self._blobs.bytes_in_use - sum(sizes.values())
        parts = [_held(holder, counts[holder], size) for holder, size in sizes.most_common(HOLDERS_NAMED)]
        if len(sizes) > HOLDERS_NAMED:
            # Translators: in a list, after "It holds": saved results and stopped restyles of other programs.
            parts.append(lazy_text("more from other programs"))
        # Translators: the end of a list, after "It holds". {mb}: of pictures of these restyles.
        return lazy_list([*parts, lazy_text("restyles under way ({mb:.1f} MB)", mb=max(0, rest) / 1e6)])


def _held(holder: Holder, count: int, size: int) -> Text:
    program, mb = short_repr(holder.program), size / 1e6
    if holder.what == RESULT:
        # Translators: in a list, after "It holds".
        return lazy_plural(
            "{count} result from {program} ({mb:.1f} MB)",
            "{count} results from {program} ({mb:.1f} MB)",
            count,
            program=program,
            mb=mb,
        )
    # Translators: in a list, after "It holds".
    return lazy_plural(
        "{count} stopped restyle from {program} ({mb:.1f} MB)",
        "{count} stopped restyles from {program} ({mb:.1f} MB)",
        count,
        program=program,
        mb=mb,
    )
