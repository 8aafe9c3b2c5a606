"""A process that helps with the pictures of `test_company.py`, in float64: a line of JSON for each on its input, and a line on its output
when it is free again."""

from __future__ import annotations

import functools
import json
import sys

import torch

from pastiche.settings import StyleSettings
from pastiche_daemon.bench.problem import network as built_in
from pastiche_daemon.engine.calibration import procedural_pictures
from pastiche_daemon.engine.helping import Helper
from pastiche_daemon.engine.network import Network
from pastiche_daemon.engine.regions import resized
from pastiche_daemon.engine.source import Source
from pastiche_daemon.executors.company import facts_of, help_at_meeting
from pastiche_daemon.room import EVERYTHING

CPU = torch.device("cpu")
Case = tuple[Source, list[Source], StyleSettings]


pictures = functools.cache(procedural_pictures)


def thin() -> Network:
    made = built_in("thin", CPU).double()
    made.set_pooling("average")
    return made


def source(height: int, width: int, number: int = 0, **more: object) -> Source:
    image = resized(pictures()[number], height, width).clamp(0, 1).double().contiguous()
    ones = torch.ones(height, width).double()
    given = {"weight": ones, "visible": ones, "key": (number, height, width), "whole": max(height, width)}
    return Source(image, **{**given, **more})


def case(name: str) -> Case:
    """A small picture by name; the likeness is the name's second word."""
    kind, _, likeness = name.partition(" ")
    style = source(40, 56, 1)
    if kind == "plain":
        return source(21, 600), [style], StyleSettings(likeness=likeness or "auto")
    if kind == "seamless":
        return source(32, 560), [style], StyleSettings(seamless=True)
    if kind == "content":
        return source(16, 600), [style], StyleSettings(reconstruct="content")
    if kind == "steps":
        return source(16, 304), [style], StyleSettings(iterations=8, quality="draft", optimiser="adam")  # 128 and 304 pixels
    if kind == "long":
        return source(16, 704), [style], StyleSettings()
    height, width = 23, 602
    weight = torch.rand(height, width, generator=torch.Generator().manual_seed(2)).double()
    weight[:, 100:180] = 0
    region = torch.linspace(1, 0, width).double().expand(height, width)
    styles = [source(40, 56, 1, region=region, region_key="left"), source(32, 32, 2, share=0.3), source(48, 32, 3)]
    return source(height, width, weight=weight), styles, StyleSettings(likeness=likeness, coarse=150)


def never() -> bool:
    return False


def main() -> None:
    torch.set_num_threads(1)
    network = thin()
    facts = facts_of(network, CPU, EVERYTHING)
    for line in sys.stdin:
        asked = json.loads(line)
        helper = Helper(*case(asked["case"]), network)
        help_at_meeting(asked["join"], facts, CPU, never, functools.partial(helper.follow, leaving=never))
        print("free", flush=True)


if __name__ == "__main__":
    main()
