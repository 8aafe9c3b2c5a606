"""A style, as numbers: what its palette, marks, screens and surface are. Drawn from a seed, never from a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.fields import FLOWS, Array

FAMILIES = (
    "leaves", "dabs", "strokes", "bristles", "wash", "stipple", "mosaic", "hatching", "woodcut", "halftone", "marbling",
    "fractal", "lines", "mixed",
)  # fmt: skip
SCREENS = ("hatching", "crosshatching", "halftone", "marbling", "rings")


@dataclass(frozen=True)
class Marks:
    """One layer of marks, laid one over another, big ones first. Sizes in pixels, half a mark's width."""

    smallest: float
    largest: float
    law: float = 3.0  # sizes are spread as size^-law: 3 is what pictures of things have at every scale
    elongation: float = 1.0  # length over width
    squareness: float = 2.0  # exponent of a superellipse: 1 a diamond, 2 an ellipse, 8 a slab
    corners: int = 0  # a wobble of so many corners, 0: none
    wobble: float = 0.0  # how deep it is
    bend: float = 0.0  # of a long mark, in lengths
    spread: float = 0.2  # radians, from the flow
    coverage: float = 2.5  # how many times over the marks would cover the picture
    opacity: float = 1.0
    softness: float = 0.7  # of the edge, in pixels
    outline: float = 0.0  # pixels of dark line around each mark
    pooling: float = 0.0  # darker towards the edge, as a drying wash is
    fill: str = "flat"  # flat, bristles, stripes, dots, cloud
    fill_depth: float = 0.0  # lightness, up to
    fill_period: float = 3.0
    height: float = 0.0  # thickness of the paint
    light: float = 0.0  # lighter or darker than the form below it, by up to


@dataclass(frozen=True)
class Screen:
    """A pattern of ink over the whole picture that follows its light and dark."""

    kind: str
    period: float
    sharpness: float = 3.0  # 1: a soft wave; 8: hard edges
    warp: float = 0.0  # how far lines wander, in periods
    strength: float = 1.0


@dataclass(frozen=True)
class Style:
    """All that one class of pictures has in common. Each picture of it has forms of its own."""

    family: str
    palette: Array  # (K, 3), 0..1; the first is the ink
    form_steepness: float  # spectrum of the forms: 1.2 busy, 2.5 large and smooth
    steps: int  # colours of the forms: 0 runs smoothly along the palette, n has n flat tones
    flow: str
    angle: float
    swirl: float
    marks: tuple[Marks, ...] = ()
    screens: tuple[Screen, ...] = ()
    cells: float = 0.0  # pixels a mosaic's stone, 0: none
    grout: float = 0.0  # pixels between stones
    jitter: float = 0.05  # colour, from mark to mark
    impasto: float = 0.0  # how much slanting light shows the paint's thickness
    grain: float = 0.0
    grain_steepness: float = 0.5
    blur: float = 0.0


def _palette(rng: np.random.Generator) -> Array:
    """Three to seven colours: some schemes of one hue, some of two that answer each other, some of any."""
    count = int(rng.integers(3, 8))
    scheme = rng.random()
    if scheme < 0.4:
        colours = rng.uniform(0, 1, (count, 3)) ** rng.uniform(0.5, 2)
    else:
        hues = rng.uniform(0, 2 * np.pi) + rng.normal(0, rng.uniform(0.1, 0.9), count)
        if scheme > 0.7:
            hues[rng.random(count) < 0.4] += np.pi
        light, vivid = np.linspace(rng.uniform(0, 0.35), rng.uniform(0.6, 1), count), rng.uniform(0.02, 0.42, count)
        wheel = np.stack([np.cos(hues), np.cos(hues - 2.094), np.cos(hues + 2.094)], axis=1)
        colours = light[:, None] + vivid[:, None] * wheel
    colours = np.clip(colours, 0, 1)
    if rng.random() < 0.6:
        colours = colours[np.argsort(colours @ [0.3, 0.6, 0.1])]  # from dark to light: light falls on forms
    return np.asarray(colours, np.float32)


def draw_style(seed: int) -> Style:
    """The style of this number, always the same."""
    rng = np.random.default_rng((seed, 2015))
    family = FAMILIES[seed % len(FAMILIES)]
    size = float(np.exp(rng.uniform(np.log(1.5), np.log(6))))
    impasto = rng.uniform(0.3, 1.2) if _chance(rng, 0.4) else 0.0
    marks = _marks_of(family, size, rng)
    if family in ("bristles", "mixed"):
        impasto = rng.uniform(0.5, 1.5)
    cells, grout = (rng.uniform(4, 14), rng.uniform(0, 1.6)) if family == "mosaic" else (0.0, 0.0)
    screens = _screens_of(family, rng)
    if family == "lines":
        marks.append(_lines(rng))
    if _chance(rng, 0.2) and family not in ("mosaic", "mixed"):  # several scales in one picture
        marks.append(_strokes(rng, size, "flat") if _chance(rng, 0.5) else _leaves(rng, size))
        marks.sort(key=lambda m: -m.largest)
    if _chance(rng, 0.12) and not screens:
        screens.append(_screen(rng, str(rng.choice(SCREENS))))
    return Style(
        family,
        _palette(rng),
        form_steepness=rng.uniform(1.2, 2.4) if family != "fractal" else rng.uniform(0.9, 1.8),
        steps=int(rng.integers(3, 7)) if _chance(rng, 0.35) else 0,
        flow=str(rng.choice(FLOWS, p=[0.25, 0.3, 0.1, 0.35])),
        angle=rng.uniform(0, np.pi),
        swirl=rng.uniform(0.3, 1.2),
        marks=tuple(marks),
        screens=tuple(screens),
        cells=cells,
        grout=grout,
        jitter=rng.uniform(0, 0.1),
        impasto=impasto,
        grain=rng.uniform(0, 0.06) if _chance(rng, 0.5) else 0.0,
        grain_steepness=rng.uniform(0, 1.2),
        blur=float(rng.choice([0.0, 0.0, 0.5, 0.9])),
    )


def _chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _marks_of(family: str, size: float, rng: np.random.Generator) -> list[Marks]:
    """The family's own marks; none for families of screens and stones. size: pixels, half a mark's width."""
    if family == "leaves":
        return [_leaves(rng, size)]
    if family == "dabs":
        return [_dabs(rng, size)]
    if family == "strokes":
        return [_strokes(rng, size, "flat")]
    if family == "bristles":
        return [_strokes(rng, size, "bristles")]
    if family == "mixed":
        return [_leaves(rng, size), _strokes(rng, size, "bristles")]
    if family == "wash":
        return [_wash(rng, size)]
    if family == "stipple":
        return [_stipple(rng)]
    return []


def _leaves(rng: np.random.Generator, size: float) -> Marks:
    """Dead leaves: things of every size that cover one another, with textures of their own."""
    return Marks(
        size * 0.8,
        size * rng.uniform(4, 10),
        elongation=rng.uniform(1, 2.5),
        squareness=rng.choice([1.0, 2.0, 2.0, 4.0, 8.0]),
        corners=int(rng.integers(0, 7)),
        wobble=rng.uniform(0, 0.35),
        spread=rng.choice([0.1, 3.2]),
        coverage=rng.uniform(2, 5),
        outline=rng.uniform(0.8, 1.6) if _chance(rng, 0.3) else 0.0,
        fill=rng.choice(["flat", "stripes", "dots", "cloud"]),
        fill_depth=rng.uniform(0.05, 0.3),
        fill_period=rng.uniform(2.5, 7),
        light=rng.uniform(0.05, 0.4),
    )


def _strokes(rng: np.random.Generator, size: float, fill: str) -> Marks:
    """Long marks of a brush."""
    return Marks(
        size * 0.6,
        size * rng.uniform(0.8, 2),
        law=rng.uniform(1, 3),
        elongation=rng.uniform(2.5, 9),
        squareness=rng.choice([2.0, 3.0, 6.0]),
        bend=rng.uniform(0, 0.25),
        spread=rng.choice([0.08, 0.25, 0.6]),
        coverage=rng.uniform(2, 4),
        opacity=rng.uniform(0.75, 1),
        outline=rng.uniform(0.6, 1.2) if _chance(rng, 0.15) else 0.0,
        fill=fill,
        fill_depth=rng.uniform(0.1, 0.4),
        fill_period=rng.uniform(1.6, 3.5),
        height=rng.uniform(0.5, 1.5),
        light=rng.uniform(0.05, 0.35),
    )


def _dabs(rng: np.random.Generator, size: float) -> Marks:
    """Short, round marks of much the same size."""
    return Marks(
        size * 0.7,
        size * rng.uniform(1, 1.8),
        law=1,
        elongation=rng.uniform(1, 2.2),
        coverage=rng.uniform(2, 4),
        spread=rng.uniform(0.1, 1),
        opacity=rng.uniform(0.7, 1),
        fill="cloud",
        fill_depth=rng.uniform(0, 0.15),
        height=rng.uniform(0, 1.5),
        light=rng.uniform(0.1, 0.4),
    )


def _wash(rng: np.random.Generator, size: float) -> Marks:
    """Thin paint that runs, darker where it dried last."""
    return Marks(
        size * 2,
        size * rng.uniform(4, 9),
        law=2,
        elongation=rng.uniform(1, 2),
        corners=int(rng.integers(2, 9)),
        wobble=rng.uniform(0.1, 0.4),
        spread=3.2,
        coverage=rng.uniform(2, 4),
        opacity=rng.uniform(0.3, 0.7),
        softness=rng.uniform(0.7, 4),
        pooling=rng.uniform(0.05, 0.35),
        fill="cloud",
        fill_depth=rng.uniform(0.05, 0.2),
        light=rng.uniform(0.05, 0.25),
    )


def _stipple(rng: np.random.Generator) -> Marks:
    dot = rng.uniform(0.8, 2.2)
    return Marks(
        dot, dot * rng.uniform(1, 2), law=1, coverage=rng.uniform(0.5, 2.5), light=rng.uniform(0.2, 0.7), softness=0.6
    )


def _lines(rng: np.random.Generator) -> Marks:
    """Thin ones, as of a pen or of grass."""
    return Marks(
        rng.uniform(0.5, 1.2),
        rng.uniform(1.2, 2.2),
        law=1,
        elongation=rng.uniform(8, 25),
        squareness=6,
        bend=rng.uniform(0, 0.4),
        spread=rng.choice([0.05, 0.4, 3.2]),
        coverage=rng.uniform(0.6, 2),
        light=rng.uniform(0.2, 0.8),
    )


def _screens_of(family: str, rng: np.random.Generator) -> list[Screen]:
    """The family's own screen; none for families of marks."""
    if family not in ("hatching", "woodcut", "halftone", "marbling"):
        return []
    hatched, cut = str(rng.choice(["hatching", "crosshatching"])), str(rng.choice(["hatching", "rings"]))
    kind = {"hatching": hatched, "woodcut": cut}.get(family, family)
    screen = _screen(rng, kind)
    if family == "woodcut":  # all or nothing, as a gouge leaves it
        screen = Screen(kind, rng.uniform(3, 8), rng.uniform(6, 12), rng.uniform(0.3, 2), 1.0)
    return [screen]


def _screen(rng: np.random.Generator, kind: str) -> Screen:
    return Screen(kind, rng.uniform(2.5, 9), rng.uniform(1, 7), rng.uniform(0, 1.5), rng.uniform(0.6, 1))
