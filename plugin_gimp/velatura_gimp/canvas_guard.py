"""Calls about an image that may be closed between any two of them.

A plug-in and GIMP are two processes: a layer that exists at one call can be gone at the next. The dialog looks at its
layer several times a second, so that this happens, and GIMP would show a window with an error for each call that fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from gi.repository import Gimp

from velatura.errors import NothingToRestyle, VelaturaError

Value = TypeVar("Value")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """GIMP shows nothing about the calls that fail inside."""
    plug_in = Gimp.get_plug_in()
    before = plug_in.get_pdb_error_handler()
    plug_in.set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)
    try:
        yield
    finally:
        plug_in.set_pdb_error_handler(before)


@contextlib.contextmanager
def while_open(
    is_open: Callable[[], bool], sentence: str, error: type[VelaturaError] = NothingToRestyle
) -> Iterator[None]:
    """Raises the error with the sentence if the layer was gone before the end, whatever the calls returned."""
    with quiet():
        try:
            yield
        except Exception as problem:  # also from a line that did not expect the None or 0 of a call that failed
            if is_open():
                raise
            raise error(sentence) from problem
        if not is_open():
            raise error(sentence)


def steps_while_open(
    steps: Generator[None, None, Value],
    is_open: Callable[[], bool],
    sentence: str,
    error: type[VelaturaError] = NothingToRestyle,
) -> Generator[None, None, Value]:
    """The same for each of the steps, between which other work is done."""
    with contextlib.closing(steps):
        while True:
            with while_open(is_open, sentence, error):
                if not is_open():  # GIMP ends a plug-in that reads pixels of a layer that is gone
                    raise error(sentence)
                try:
                    next(steps)
                except StopIteration as end:
                    value: Value = end.value
                    return value
            yield
