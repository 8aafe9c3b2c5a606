"""Tiny films, made with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

WIDTH, HEIGHT = 64, 48


def scene(seed: int, width: int = 2 * WIDTH, height: int = 2 * HEIGHT) -> Array:
    """A picture with soft forms, larger than a frame, for a camera to move over."""
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def pan(seed: int, frames: int, step: int = 2, width: int = WIDTH, height: int = HEIGHT) -> list[Array]:
    """A camera that moves over a scene."""
    whole = scene(seed, width + step * frames, height)
    return [np.ascontiguousarray(whole[:, step * i : step * i + width]) for i in range(frames)]


def write_film(
    path: Path,
    frames: Sequence[Array],
    *,
    rate: Fraction | int = 10,
    starts: Sequence[int] | None = None,
    unit: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    tags: tuple[int, int, int, int] | None = (1, 1, 1, 1),
    sound: str = "",
    rotation: int = 0,
    gop: int = 12,
    aspect: Fraction | None = None,
) -> Path:
    """Write a film. starts: of the frames, in units; None: all equally long. tags: primaries, transfer, matrix, range.
    sound: a codec."""
    unit = unit or 1 / Fraction(rate)
    starts = starts or range(len(frames))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": "10"} if codec == "libx264" else {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.gop_size = pix_fmt, gop
        context = stream.codec_context
        stream.time_base = context.time_base = unit
        matrix, full = 1, 1
        if tags is not None:
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
            matrix, full = tags[2], tags[3]
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream(sound, rate=48000, layout="mono") if sound else None
        reformatter = av.video.reformatter.VideoReformatter()
        for start, pixels in zip(starts, frames, strict=True):
            form = "rgba" if pixels.shape[2] == 4 else "rgb24" if pixels.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(pixels, form)
            if pix_fmt != form:
                frame = reformatter.reformat(
                    frame, format=pix_fmt, dst_colorspace=matrix, src_color_range=2, dst_color_range=full
                )
            frame.pts, frame.time_base = start, unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            seconds = float((starts[-1] + 1) * unit)
            wave = (np.sin(np.arange(int(48000 * seconds)) / 17) * 8000).astype(np.int16)[None]
            for at in range(0, wave.shape[1] - 1024, 1024):
                piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, at : at + 1024]), "s16", layout="mono")
                piece.rate, piece.pts, piece.time_base = 48000, at, Fraction(1, 48000)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file with sound alone."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=48000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), "s16", layout="mono")
        piece.rate, piece.pts = 48000, 0
        container.mux(audio.encode(piece))
        container.mux(audio.encode(None))
    return path


def frames_of(path: Path) -> tuple[list[Array], list[Fraction]]:
    """The frames of a film as a player shows them, and when, in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.pts * frame.time_base for frame in frames]


def sound_of(path: Path) -> list[bytes]:
    """The packets of a film's sound."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def difference(one: Array, other: Array) -> float:
    """Mean absolute difference, of 255."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())
