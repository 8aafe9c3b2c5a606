"""Names of layers, files, programs and jobs that control a terminal or forge lines of a log: what commands print."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ENDLESS, QUICK, Daemon, picture
from tests.support.hostile_names import IN_FILE_NAMES, IN_TEXTS, READABLE, obeyed_in
from velatura.client.client import Client
from velatura.client.events import Finished, GivenStyle
from velatura.client.launch import LOG_LINE, START_MARKER
from velatura.editor.placement import PlacementNote
from velatura.presets.preset import SUFFIX
from velatura.protocol import messages as p
from velatura_daemon.cli.commands import run as run_command

NOT_TEXT = os.fsdecode(b"caf\xe9 \xff\x9b31m")
Printed = tuple[int, str, str]  # exit code, stdout, stderr
Command = Callable[..., Printed]


class HostileClient(Client):
    """A program with hostile names, which it also gives to its jobs."""

    job = IN_TEXTS

    def submit(self, request: p.Restyle, blobs: Mapping[bytes, memoryview]) -> None:
        super().submit(dataclasses.replace(request, job=self.job), blobs)

    def start_restyle(self, job: str, settings=QUICK, **more: str) -> None:
        self.job = job
        note = PlacementNote(IN_TEXTS, 32, 24, 0, 0)
        style = GivenStyle(picture(seed=1), name=IN_TEXTS, path=IN_TEXTS)
        names = {"layer": IN_TEXTS, "title": IN_TEXTS, "note": json.dumps(dataclasses.asdict(note)), **more}
        self.restyle(picture(), [style], settings, **names)

    def wait_for(self, kind: type) -> None:
        for event in self.events():
            if isinstance(event, kind):
                return


@pytest.fixture(scope="module")
def attacked(warm: Daemon) -> Iterator[Daemon]:
    """A daemon with a running job, a saved result and an entry of the history that have hostile names in all fields."""
    client = HostileClient(IN_TEXTS, dirs=warm.dirs, client_id=IN_TEXTS, launcher=warm.launcher)
    with client:
        client.acknowledge_manually()
        client.start_restyle(IN_TEXTS)
        client.wait_for(Finished)
        for more in ({"weights": IN_TEXTS}, {"device": IN_TEXTS}):
            client.start_restyle(f"{IN_TEXTS} refused", **more)
            client.wait_for(p.Failed)
        client.start_restyle(f"{IN_TEXTS} running", ENDLESS)
        client.wait_for(p.Progress)
        preset = {"velatura_preset": 1, "name": "[/old] \x1b]0;\u202eé", "settings": {IN_TEXTS: 1}}
        warm.dirs.presets.mkdir(parents=True, exist_ok=True)
        (warm.dirs.presets / f"short{SUFFIX}").write_text(json.dumps(preset))
        (warm.dirs.presets / f"{IN_FILE_NAMES}{SUFFIX}").write_text(json.dumps({**preset, "name": IN_FILE_NAMES}))
        (warm.dirs.presets / f"{NOT_TEXT}{SUFFIX}").write_text("{")
        yield warm


@pytest.fixture
def command(attacked: Daemon, monkeypatch, capfdbinary) -> Command:
    """Return a function that runs `velatura …` in this process, and checks everything that it prints."""

    def run(*arguments: object) -> Printed:
        monkeypatch.setenv("VELATURA_HOME", str(attacked.home))
        monkeypatch.setenv("COLUMNS", "2000")  # no line is cut
        monkeypatch.setattr(sys, "argv", ["velatura", *map(str, arguments)])
        code = run_command()
        out, err = capfdbinary.readouterr()
        assert obeyed_in(out) == obeyed_in(err) == ""
        return code, out.decode(), err.decode()

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures with hostile names, one of which is damaged, in a folder with such a name."""
    folder = tmp_path / IN_FILE_NAMES
    folder.mkdir()
    for name in (IN_FILE_NAMES, NOT_TEXT):
        Image.new("RGB", (32, 24), "red").save(folder / f"{name}.png")
    (folder / f"{IN_FILE_NAMES} damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.mark.parametrize("list_", [("results", "list"), ("history",)])
def test_a_list_shows_the_readable_part_of_a_name_with_its_square_brackets(command: Command, list_):
    code, out, _ = command(*list_)
    assert (code, READABLE in out) == (0, True)
    assert r"[bold]:smile: \x1b]0;owned\x07" in out


def test_the_status_shows_the_name_of_a_layer_with_its_square_brackets(command: Command):
    assert r"Sky [old] [bold]:smile: \x1b]0;owned" in command("daemon", "status")[1]


def test_presets_with_such_names_are_listed_and_files_that_cannot_be_read_are_named(command: Command):
    code, out, err = command("presets")
    assert (code, "[/old]" in out, r"caf\udce9" in err, READABLE in err) == (0, True, True, True)


def test_json_returns_every_name_as_it_is(command: Command):
    [item] = json.loads(command("results", "list", "--json")[1])
    assert (item["id"], item["program"], item["title"]) == (IN_TEXTS,) * 3
    assert (item["styles"][0]["name"], item["styles"][0]["path"]) == (IN_TEXTS, IN_TEXTS)
    assert json.loads(item["note"])["document"] == IN_TEXTS
    [entry] = json.loads(command("history", "--json")[1])
    assert (entry["program"], entry["title"], entry["styles"][0]["name"]) == (IN_TEXTS,) * 3
    [job] = json.loads(command("daemon", "status", "--json")[1])["jobs"]
    assert IN_TEXTS.startswith(job["layer"])  # the daemon shortens it
    presets = json.loads(command("presets", "--json")[1])
    assert [entry for entry in presets if entry["unknown"] == [IN_TEXTS]]


def test_each_record_of_the_log_is_one_line(attacked: Daemon, command: Command):
    log = attacked.dirs.log_file.read_bytes()
    assert obeyed_in(log) == ""
    lines = log.decode().splitlines()
    assert lines and all(LOG_LINE.match(line) or line.startswith(START_MARKER) for line in lines)
    assert not [line for line in lines if line.endswith("velatura: forged")]
    assert command("daemon", "logs", "-n", "1000")[1].splitlines()[: len(lines)] == lines


def test_an_earlier_log_with_raw_names_is_printed_without_them(attacked: Daemon, command: Command):
    rotated = attacked.dirs.log_file.with_name(f"{attacked.dirs.log_file.name}.1")
    rotated.write_bytes(IN_FILE_NAMES.encode() + b"\xff")
    assert READABLE in command("daemon", "logs", "-n", "1000")[1]
    rotated.unlink()


@pytest.mark.parametrize(
    "arguments",
    [
        ("results", "save", IN_FILE_NAMES),
        ("results", "drop", IN_FILE_NAMES),
        ("history", "use", "1", IN_FILE_NAMES),
        ("presets", "show", IN_FILE_NAMES),
        ("presets", "show", f"{IN_FILE_NAMES}{SUFFIX}"),
        ("presets", "import", NOT_TEXT),
        ("restyle", IN_FILE_NAMES, "--style", IN_FILE_NAMES),
        ("restyle", "photo.png", "--style", "a.png", "-o", NOT_TEXT),
        ("restyle", "photo.png", "--style", "a.png", "--weights", IN_FILE_NAMES),
        ("restyle", "photo.png", "--style", "a.png", "--quality", IN_FILE_NAMES),
        ("explain", IN_FILE_NAMES, "--style", NOT_TEXT),
        ("batch", IN_FILE_NAMES, "--style", NOT_TEXT),
        ("daemon", "start", "--remote", IN_FILE_NAMES),
        ("doctor", "--remote", IN_FILE_NAMES),
        (f"--{IN_FILE_NAMES}",),
        (IN_FILE_NAMES,),
    ],
)
def test_an_error_that_quotes_a_name_is_one_line(command: Command, arguments):
    code, out, err = command(*arguments)
    assert code in (1, 2)
    assert "Traceback" not in err
    assert not [line for line in (out + err).splitlines() if line.startswith("2026-01-01")]


def test_a_bug_that_quotes_a_name_is_printed_like_an_error(command: Command, monkeypatch):
    def faulty(_: object) -> None:
        raise RuntimeError(IN_TEXTS)

    monkeypatch.setattr("velatura_daemon.cli.status._jobs", faulty)
    code, _, err = command("daemon", "status")
    assert (code, READABLE in err) == (1, True)


def test_a_batch_of_pictures_with_such_names_restyles_all_that_are_not_damaged(command: Command, folder: Path):
    style, out = folder / f"{NOT_TEXT}.png", folder.with_name("out")
    options = ("--part", style, folder / f"{IN_FILE_NAMES}.png", "--quality", "draft", "--iterations", "1")
    code, printed, err = command("batch", folder, "--style", style, "--out", out, *options[3:])
    assert code == 1  # one is damaged
    assert f"{READABLE} damaged.png" in printed + err
    assert (out / f"{IN_FILE_NAMES}.png").exists()
    code, printed, _ = command("batch", folder, "--style", style, "--out", out, "--json", *options[3:])
    last = json.loads(printed.splitlines()[-1])
    assert [failed["name"] for failed in last["failed"]] == [f"{IN_FILE_NAMES} damaged.png"]


def test_a_restyle_of_a_file_whose_name_is_not_text_says_which_file_it_wrote(command: Command, folder: Path):
    photo = folder / f"{NOT_TEXT}.png"
    quick = ("--quality", "draft", "--iterations", "1", "--force")
    code, out, _ = command("restyle", photo, "--style", photo, "--json", *quick)
    assert code == 0
    written = Path(json.loads(out.splitlines()[-1])["output"])
    assert written == folder / f"{NOT_TEXT}-in-{NOT_TEXT}.png"
    assert written.exists()
    code, out, _ = command("restyle", photo, "--style", photo, *quick)
    assert (code, r"caf\udce9" in out) == (0, True)


def test_names_of_any_length_are_shortened_in_the_name_of_the_result(command: Command, tmp_path: Path):
    photo, style = tmp_path / f"{'é' * 120}.png", tmp_path / f"{'y' * 250}.png"
    for path in (photo, style):
        Image.new("RGB", (32, 24), "red").save(path)
    code, out, err = command("restyle", photo, "--style", style, "--quality", "draft", "--iterations", "1")
    assert (code, out) == (0, f"{tmp_path / ('é' * 50)}-in-{'y' * 100}.png\n"), err
    code, _, err = command("restyle", photo, "--style", style, "-o", tmp_path / f"{'x' * 300}.png")
    assert (code, "Give another name" in err) == (2, True)


def test_a_result_is_saved_in_this_folder_whatever_its_layer_is_called(command: Command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("results", "save", IN_TEXTS)
    assert code == 0, err
    [written] = tmp_path.iterdir()
    assert out == f"{written.name}\n"
    assert written.name[0].isalnum()
    assert not set(written.stem) & set(". /\\:[];\x1b\n")


def test_the_progress_bar_shows_names_as_they_are():
    script = (
        "from velatura_daemon.terminal.console import StatusLine\n"
        f"status, name = StatusLine('connecting'), {IN_TEXTS!r}\n"
        "status.start(); status.update(description=name, facts=name); status.note(name); status.close()"
    )
    reader, terminal = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "2000"}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=terminal, stderr=terminal, env=env)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while piece := os.read(reader, 65536):
            shown += piece
    os.close(reader)
    assert process.wait() == 0
    text = shown.decode()
    assert READABLE in text and "[bold]:smile:" in text
    assert not [c for c in ("\x1b]", "\x1b[2J", "\x9b", "\x85", "\x07", "\u202e", "\u2066", "\u2028") if c in text]
