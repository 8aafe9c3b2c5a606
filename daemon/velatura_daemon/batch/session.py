"""A run of a batch or a comparison with the daemon, and what is said if it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from velatura.errors import DaemonLost, VelaturaError
from velatura.i18n import lazy_plural, lazy_text, sentences
from velatura_daemon.batch.frames import Frame
from velatura_daemon.batch.manifest import Manifest
from velatura_daemon.batch.output import BatchDisplay
from velatura_daemon.batch.recipe import Recipe
from velatura_daemon.batch.runner import BatchRun
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.connect import connect


def restyle_frames(
    todo: Sequence[Frame],
    already: int,
    recipe_for: Callable[[Frame], Recipe],
    manifest: Manifest,
    display: BatchDisplay,
    *,
    force: bool,
    when_stopped: Callable[[BatchRun], str] = lambda _: "",
) -> BatchRun:
    """Restyle the frames. already: how many others are done. when_stopped: is called if a signal or an error ends the
    run after pictures are done, and returns a sentence to add. Raises what BatchRun.run raises."""
    with connect() as client:
        run = BatchRun(client, recipe_for, manifest, display, force=force)
        try:
            run.run(list(todo))
        except BaseException as error:
            client.disconnect()  # the daemon saves the progress of the running restyles
            done = already + len(run.outcome.made)
            sentence = _state(done, already + len(todo), manifest)
            if isinstance(error, KeyboardInterrupt):
                ending.kept(sentence)  # a second signal ends it at once
                ending.kept(sentences(sentence, when_stopped(run) if done else ""))
            elif isinstance(error, VelaturaError) and (done or isinstance(error, DaemonLost)):
                display.note(sentences(sentence, when_stopped(run) if done else ""))
            raise
    return run


def _state(done: int, of: int, manifest: Manifest) -> str:
    again = lazy_text("Run the same command again to continue.")
    if not done:
        return sentences(lazy_text("No picture is done yet."), again)
    state = lazy_plural(
        "{done} of {count} picture is done, in {folder}.",
        "{done} of {count} pictures are done, in {folder}.",
        of,
        done=done,
        folder=str(manifest.folder),
    )
    return sentences(state, again)
