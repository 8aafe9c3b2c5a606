"""`pastiche keys new|allow|revoke|list|server`: who may have work done here from other machines."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from pastiche.paths import places
from pastiche_daemon.keys import Allowance, Keys, read_pair
from pastiche_daemon.run import have_it_look


@click.group()
def keys() -> None:
    """Keys for work between machines."""


def _default(name: str) -> Any:
    return next(f.default for f in dataclasses.fields(Allowance) if f.name == name)


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """On the painter's machine: make a key to go to another machine's daemon with."""
    path, pair = Keys(places()).make_own(name)
    click.echo(f"A key for this machine, in {path}. It stays here. Its public half:\n\n    {pair.public.hex()}\n")
    click.echo(f"On the machine that is to do the work:\n\n    pastiche keys allow {pair.public.hex()} --name {name}")
    click.echo("    pastiche keys server\n\nThen here, with what that prints:\n")
    click.echo("    pastiche daemon stop\n    pastiche daemon start --upstream tcp://HOST:PORT --server-key KEY")


@keys.command()
@click.argument("public_key")
@click.option("--name", required=True, help="What it is called in lists and in the audit log.")
@click.option("--max-megapixels", default=_default("max_megapixels"), help="Largest picture; 0: what the daemon takes of anybody.")
@click.option("--jobs", default=_default("jobs"), type=click.IntRange(min=1), help="Restyles at a time, queued and running.")
@click.option("--megabytes", default=_default("megabytes"), help="What its pictures may take of the spool; 0: no limit of its own.")
def allow(public_key: str, name: str, **limits: Any) -> None:
    """On the machine that does the work: let a key in, or change its limits. A running daemon knows at once."""
    allowed = Keys(places()).allow(name, public_key, Allowance(**limits))
    told = have_it_look(places())
    click.echo(f"{allowed.name} may come in ({_limits(allowed.allowance)})." + ("" if told else " No daemon is running yet: "
               "'pastiche daemon start --listen tcp://HOST:PORT'."))  # fmt: skip


@keys.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Let a key in no more. A running daemon hangs up on it at once, and its work stops."""
    Keys(places()).revoke(name)
    told = have_it_look(places())
    click.echo(f"{name} is out." + (" The daemon was told." if told else ""))


@keys.command(name="list")
def list_() -> None:
    """Who may come in, with which limits; and this machine's own keys."""
    here = Keys(places())
    allowed, own = sorted(here.allowed().values(), key=lambda key: key.name), here.own()
    for key in allowed:
        click.echo(f"{key.name}  {key.public.hex()}  {_limits(key.allowance)}")
    if not allowed:
        click.echo("No other machine may come in.")
    for name, path in own.items():
        click.echo(f"This machine's own: {name}  {read_pair(path).public.hex()}  {path}")


@keys.command()
def server() -> None:
    """The public key of this machine's daemon, for those who come to it."""
    click.echo(Keys(places()).server().public.hex())


def _limits(allowance: Allowance) -> str:
    size = f"up to {allowance.max_megapixels:g} megapixels" if allowance.max_megapixels else "any size that the daemon takes"
    spool = f", {allowance.megabytes} MB of spool" if allowance.megabytes else ""
    return f"{size}, {allowance.jobs} restyle(s) at a time{spool}"
