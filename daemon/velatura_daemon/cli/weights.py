"""`velatura weights fetch|use|list`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from velatura.app_dirs import app_dirs
from velatura.errors import BadWeights
from velatura_daemon.models.store import ATTRIBUTION, DEFAULT, USER_NAME, WeightStore
from velatura_daemon.terminal.options import KNOWN_WEIGHTS


@click.group()
def weights() -> None:
    """Choose the weights of the network."""


@weights.command()
def fetch() -> None:
    """Download torchvision's VGG19 (548 MB, once). 'velatura weights use imagenet' then makes it the default."""
    from velatura_daemon.models.fetch import fetch_imagenet, imagenet_url

    store = WeightStore(app_dirs())
    if store.imagenet_file.exists():
        click.echo(f"Already downloaded: {store.imagenet_file}")
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        file = fetch_imagenet(store, imagenet_url(), lambda have, total: bar.update(task, completed=have, total=total))
    click.echo(f"Downloaded and checked: {file}")


@weights.command()
@click.argument("which", metavar="PATH|auto|vgg19|imagenet")
@click.option(
    "--input",
    "input_",
    default="",
    show_default=False,
    metavar="torchvision|unit|caffe",
    help="Input that the first layer expects. Default: detected.",
)
def use(which: str, input_: str) -> None:
    """Set the weights for jobs that ask for 'auto': a file of your own, or a known name."""
    store = WeightStore(app_dirs())
    known = which in KNOWN_WEIGHTS or USER_NAME.fullmatch(which)
    name = which if known else store.import_file(Path(which), input_)
    if name != "auto":  # 'auto' must work even if the current choice does not
        store.resolve(name)
    store.choose(name)
    click.echo(f"'auto' now means: {store.resolve('auto').label}")


@weights.command(name="list")
def list_() -> None:
    """List the weights on this machine. The star marks those that 'auto' means."""
    store = WeightStore(app_dirs())
    names = [DEFAULT.name, *(["imagenet"] if store.imagenet_file.exists() else [])]
    names += sorted(path.stem for path in store.dirs.weights.glob("user-*.safetensors"))
    try:
        chosen = store.resolve("auto").name
    except BadWeights as error:
        chosen = ""
        click.echo(f"{error.sentence} 'velatura weights use auto' restores the original VGG19.\n", err=True)
    for name in names:
        click.echo(f"{'*' if name == chosen else ' '} {name:18} {store.resolve(name).label}")
    click.echo(f"\n{ATTRIBUTION}")
