"""Runs under kritarunner: reads pixels and inserts them again through the canvas, in every colour space."""

import json
import random
import struct
import traceback

from krita import Krita

KINDS = {"U8": ("B", 255), "U16": ("H", 65535), "F16": ("e", 1), "F32": ("f", 1)}
ALLOWED = {"U8": 1.01 / 255, "U16": 3e-4, "F16": 3e-3, "F32": 1e-4}
SPACES = [
    ("RGBA", "U8"),
    ("RGBA", "U16"),
    ("RGBA", "F16"),
    ("RGBA", "F32"),
    ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc"),
    ("RGBA", "U16", "Rec2020-elle-V4-g10.icc"),
    ("RGBA", "F32", "Rec2020-elle-V4-g10.icc"),
    ("GRAYA", "U8"),
    ("GRAYA", "U16"),
    ("GRAYA", "F32"),
    ("LABA", "U16"),
    ("XYZA", "U16"),
    ("XYZA", "F32"),
    ("CMYKA", "U8"),
    ("CMYKA", "U16"),
    ("YCbCrA", "U8"),
]
WIDTH, HEIGHT = 90, 70


def round_trips(arguments):
    (path,) = arguments
    try:
        results = {" ".join(space): _round_trip(*space) for space in SPACES}
    except BaseException:
        results = {"error": traceback.format_exc()}
    with open(path, "w") as file:
        json.dump(results, file)


def _round_trip(model, depth, profile=""):
    import velatura_krita.canvas as canvas

    krita = Krita.instance()
    document = krita.createDocument(WIDTH, HEIGHT, "x", "RGBA", "U8", canvas.SRGB, 72.0)
    node = document.topLevelNodes()[0]
    rng = random.Random(7)
    # Grey ramps with a little colour, inside every gamut; float sRGB first, so that each space gets what it can hold.
    smooth = bytearray()
    for i in range(WIDTH * HEIGHT):
        grey = 40 + (i * 150) // (WIDTH * HEIGHT)
        smooth += bytes([grey + rng.randrange(12), grey + rng.randrange(12), grey + rng.randrange(12), 255])
    node.setPixelData(bytes(smooth), 0, 0, WIDTH, HEIGHT)
    if (model, depth, profile) != ("RGBA", "U8", ""):
        document.setColorSpace(model, depth, profile)
        document.waitForDone()
    from velatura.editor.recipe import Recipe
    from velatura.settings import StyleSettings

    before = bytes(node.pixelData(0, 0, WIDTH, HEIGHT))
    target = canvas.Target(document, node, node.bounds())
    content = _run(canvas.read(target))
    canvas.check_exists = lambda target: None  # kritarunner does not list its documents
    _run(canvas.insert(target, content.picture, 0, 0, Recipe.of("result", StyleSettings(), [])))
    document.waitForDone()
    result = document.nodeByName("result")
    after = bytes(result.pixelData(0, 0, WIDTH, HEIGHT))
    kind, full = KINDS[depth]
    size = struct.calcsize(kind)
    a, b = (struct.unpack(f"<{len(p) // size}{kind}", p) for p in (before, after))
    difference = max(abs(i - j) for i, j in zip(a, b)) / full
    if model == "CMYKA":
        difference = _as_seen(content, _run(canvas.read(canvas.Target(document, result, result.bounds()))))
    return {
        "has_profile": bool(content.picture.format.profile),
        "space_after_restart": _space_after_a_restart(content),
        "format": [content.picture.format.channels, content.picture.format.sample, content.picture.format.curve],
        "untouched": bytes(node.pixelData(0, 0, WIDTH, HEIGHT)) == before,
        "space": [result.colorModel(), result.colorDepth(), result.colorProfile()]
        == [document.colorModel(), document.colorDepth(), document.colorProfile()],
        "difference": difference,
        # Inks are mixed again from sRGB: Krita's own round trip differs by that much (0.055 measured).
        "allowed": {"CMYKA": 0.07, "YCbCrA": 0.06}.get(model, ALLOWED[depth]),
    }


def _space_after_a_restart(content):
    """The colour space that a saved result would be converted from in a Krita that has not seen its profile yet."""
    from velatura_krita import canvas_pixels, canvas_profiles

    canvas_profiles._profiles.clear()
    return canvas_pixels.space_of(content.picture.format)


def _as_seen(one, other):
    """Compares in sRGB, since the same colour can be mixed from different inks."""
    count = one.picture.width * one.picture.height * 4
    a, b = (struct.unpack(f"<{count}f", content.picture.data) for content in (one, other))
    return max(abs(i - j) for i, j in zip(a, b))


def _run(steps):
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
