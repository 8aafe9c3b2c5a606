"""Readable text colours for light, dark and high-contrast themes: contrast as WCAG 2.1 defines it."""

from __future__ import annotations

Rgb = tuple[int, int, int]  # 0 to 255 each, sRGB

MIN_CONTRAST = 4.5  # WCAG 2.1, success criterion 1.4.3, for text of normal size
ERRORS: tuple[Rgb, ...] = ((255, 178, 138), (164, 0, 15))  # an orange for dark backgrounds, a red for light ones
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, 'contrast ratio')."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def error_colour(background: Rgb) -> Rgb:
    """Return a warning colour that is readable on this background; black or white where neither warning colour is."""
    return max(
        (*ERRORS, BLACK, WHITE), key=lambda colour: (contrast(colour, background) >= MIN_CONTRAST, colour in ERRORS)
    )


def quiet_colour(text: Rgb, background: Rgb) -> Rgb:
    """Return the text's colour, moved as far towards the background as it stays readable, at most half the way."""
    for share in (0.5, 0.4, 0.3, 0.2, 0.1):
        red, green, blue = (round(t + share * (b - t)) for t, b in zip(text, background, strict=True))
        if contrast((red, green, blue), background) >= MIN_CONTRAST:
            return red, green, blue
    # Some themes (Krita Blender) have text of their own that is hard to read.
    return (
        text if contrast(text, background) >= MIN_CONTRAST else max(BLACK, WHITE, key=lambda c: contrast(c, background))
    )
