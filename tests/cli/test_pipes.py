"""`-`: pictures from standard input and to standard output, by real pipes."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon
from tests.support.command_line import QUICK
from velatura.errors import DiskTrouble, NotAPicture, PictureTooLarge
from velatura_daemon.imaging.files import Metadata, read_metadata
from velatura_daemon.terminal.pipes import copy_to_file

Piped = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def environment(warm: Daemon) -> dict[str, str]:
    return {**os.environ, "VELATURA_HOME": str(warm.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def piped(environment: dict[str, str], files: Path) -> Piped:
    """Return a function that runs `velatura restyle …` in the folder of the files, with bytes as standard input."""

    def call(*arguments: object, **more: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "velatura_daemon", "restyle", *map(str, arguments), *QUICK]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.run(command, env=environment, cwd=files, timeout=400, check=False, **streams)  # type: ignore[call-overload,no-any-return]

    return call


def refusal(done: subprocess.CompletedProcess[bytes], code: int) -> str:
    """The one line with which a command failed."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.decode().strip().split("\n")
    assert len(lines) == 1, lines
    return lines[0]


def test_a_photo_can_come_from_a_pipe_and_its_result_go_into_one(piped, files):
    done = piped("-", "--style", "painting.png", "-o", "-", input=(files / "photo.png").read_bytes())
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("PNG", (32, 24))
        assert (np.asarray(image) != np.asarray(Image.open(files / "photo.png"))).any()
    assert b"weights" in done.stderr


def test_a_painting_can_come_from_a_pipe(piped, files):
    done = piped("photo.png", "--style", "-:0.5", "-o", "out.png", input=(files / "painting.png").read_bytes())
    assert done.returncode == 0, done.stderr
    assert Image.open(files / "out.png").size == (32, 24)


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("tiff", "TIFF"), ("webp", "WEBP")])
def test_format_chooses_the_format_of_a_piped_result(piped, name, kind):
    done = piped("photo.png", "--style", "painting.png", "-o", "-", "--format", name)
    assert Image.open(io.BytesIO(done.stdout)).format == kind, done.stderr


def test_format_chooses_the_extension_of_the_default_name(piped, files):
    assert piped("photo.png", "--style", "painting.png", "--format", "tiff").returncode == 0
    assert Image.open(files / "photo-in-painting.tif").format == "TIFF"


def test_metadata_stays_through_pipes(piped, files):
    Image.open(files / "photo.png").save(files / "photo.jpg", dpi=(300, 300))
    photo = (files / "photo.jpg").read_bytes()
    done = piped("-", "--style", "painting.png", "-o", "-", "--format", "jpeg", input=photo)
    (files / "out.jpg").write_bytes(done.stdout)
    assert read_metadata(files / "out.jpg") == Metadata(dpi=(300, 300))


def test_a_file_named_with_a_dash_is_given_with_its_folder(piped, files):
    (files / "photo.png").rename(files / "-")
    done = piped("./-", "--style", "painting.png", "-o", "out.png", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    (files / "-").unlink()
    (files / "painting.png").rename(files / "-")
    done = piped("out.png", "--style", "./-", "-o", "again.png", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-", "--style", "-", "-o", "-"], "Only one picture can come from standard input"),
        (["-", "--style", "painting.png"], "Give -o FILE, or '-o -'"),
        (["photo.png", "--style", "painting.png", "-o", "out.png", "--format", "jpeg"], "out.png is that of a PNG"),
    ],
)
def test_what_cannot_be_piped_is_refused_before_the_work(piped, arguments, expected):
    assert expected in refusal(piped(*arguments, input=b""), 2)


def test_json_and_the_picture_cannot_share_standard_output(piped):
    done = piped("photo.png", "--style", "painting.png", "-o", "-", "--json")
    assert done.returncode == 2
    assert b"both use standard output" in done.stderr


def test_an_empty_standard_input_is_reported(piped):
    done = piped("-", "--style", "painting.png", "-o", "-", input=b"")
    assert "Nothing came from standard input" in refusal(done, 1)


def test_what_is_no_picture_is_reported_without_the_name_of_a_temporary_file(piped):
    done = piped("-", "--style", "painting.png", "-o", "-", input=b"no picture")
    assert refusal(done, 1).startswith("velatura: stdin: ")


@pytest.mark.parametrize(
    ("stream", "arguments", "expected"),
    [
        ("stdin", ["-", "--style", "painting.png", "-o", "-"], "Standard input is a terminal"),
        ("stdout", ["photo.png", "--style", "painting.png", "-o", "-"], "Standard output is a terminal"),
    ],
)
def test_a_terminal_is_refused_as_a_picture(piped, stream, arguments, expected):
    main, terminal = pty.openpty()
    try:
        assert expected in refusal(piped(*arguments, **{stream: terminal}), 2)
    finally:
        os.close(main)
        os.close(terminal)


def test_a_closed_standard_input_and_output_are_reported(piped):
    arguments = ("--style", "painting.png", "-o", "-")
    assert "Standard input is closed" in refusal(piped("-", *arguments, preexec_fn=lambda: os.close(0)), 2)
    assert "Standard output is closed" in refusal(piped("photo.png", *arguments, preexec_fn=lambda: os.close(1)), 2)


def test_a_pipe_that_nothing_reads_costs_one_line_and_the_result_can_be_saved(piped, files, environment):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = piped("photo.png", "--style", "painting.png", "-o", "-", stdout=writing)
    finally:
        os.close(writing)
    assert "nothing reads it any more" in refusal(done, 1)
    command = [sys.executable, "-m", "velatura_daemon", "results", "save", "-o", files / "saved.png"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=400)
    assert Image.open(files / "saved.png").size == (32, 24)


def test_a_full_standard_output_costs_one_line(piped):
    with Path("/dev/full").open("wb") as full:
        done = piped("photo.png", "--style", "painting.png", "-o", "-", stdout=full)
    assert "could not be written to standard output" in refusal(done, 1)


# --- the limits of what is copied ----------------------------------------------------------------------
def test_more_than_the_largest_picture_is_not_copied(tmp_path):
    with pytest.raises(PictureTooLarge, match="1 megapixels"):
        copy_to_file(io.BytesIO(bytes(1001)), tmp_path / "stdin", 1000, 1)
    copy_to_file(io.BytesIO(bytes(1000)), tmp_path / "copy", 1000, 1)
    assert (tmp_path / "copy").read_bytes() == bytes(1000)


def test_an_empty_stream_is_no_picture(tmp_path):
    with pytest.raises(NotAPicture, match="Nothing came"):
        copy_to_file(io.BytesIO(), tmp_path / "stdin", 1000, 1)


def test_a_temporary_folder_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(DiskTrouble, match="nowhere"):
        copy_to_file(io.BytesIO(b"x"), tmp_path / "nowhere" / "stdin", 1000, 1)
