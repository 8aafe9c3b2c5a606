"""`velatura weights fetch|use|list`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights
from velatura.i18n import _, lazy_text, sentences, translated
from velatura_daemon.models.store import ATTRIBUTION, DEFAULT, USER_NAME, WeightStore
from velatura_daemon.terminal.console import StatusLine, echo
from velatura_daemon.terminal.help_pages import Group
from velatura_daemon.terminal.options import KNOWN_WEIGHTS


@click.group(cls=Group, help=_("Choose the weights of the network."))
def weights() -> None:
    pass


@weights.command(
    help=_("Download torchvision's VGG19 (548 MB, once). 'velatura weights use imagenet' then makes it the default.")
)
def fetch() -> None:
    from velatura_daemon.models.fetch import fetch_imagenet, imagenet_url

    store = WeightStore(app_dirs())
    if store.imagenet_file.exists():
        echo(_("Already downloaded: {file}").format(file=store.imagenet_file))
        return
    bar = StatusLine("", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar.start()
    with contextlib.closing(bar):
        file = fetch_imagenet(store, imagenet_url(), lambda have, total: bar.update(completed=have, total=total))
    echo(_("Downloaded and checked: {file}").format(file=file))


@weights.command(help=_("Set the weights for jobs that ask for 'auto': a file of your own, or a known name."))
@click.argument("which", metavar=_("PATH|auto|vgg19|imagenet"))
@click.option(
    "--input",
    "input_",
    default="",
    show_default=False,
    metavar="torchvision|unit|caffe",
    help=_("Input that the first layer expects. Default: detected."),
)
def use(which: str, input_: str) -> None:
    store = WeightStore(app_dirs())
    known = which in KNOWN_WEIGHTS or USER_NAME.fullmatch(which)
    name = which if known else store.import_file(Path(which), input_)
    if name != "auto":  # 'auto' must work even if the current choice does not
        store.resolve(name)
    store.choose(name)
    echo(_("'auto' now means: {weights}").format(weights=store.resolve("auto").label))


@weights.command(name="list", help=_("List the weights on this machine. The star marks those that 'auto' means."))
def list_() -> None:
    store = WeightStore(app_dirs())
    names = [DEFAULT.name, *(["imagenet"] if store.imagenet_file.exists() else [])]
    names += sorted(path.stem for path in store.dirs.weights.glob("user-*.safetensors"))
    try:
        chosen = store.resolve("auto").name
    except BadWeights as error:
        chosen = ""
        hint = lazy_text("'velatura weights use auto' restores the original VGG19.")
        echo(sentences(error.sentence, hint), "", err=True)
    for name in names:
        with contextlib.suppress(BadWeights):  # deleted meanwhile, or no file that Velatura has made
            echo(f"{'*' if name == chosen else ' '} {name:18} {translated(store.resolve(name).label)}")
    echo("", *ATTRIBUTION.split("\n"))
