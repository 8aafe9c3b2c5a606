"""The command line in the user's language: help, errors and exit codes, and where it is English."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from rich.cells import cell_len

from velatura.i18n import LOCALE, available_languages, catalogue, lazy_text, use_language
from velatura_daemon.batch.output import BatchProgressBar
from velatura_daemon.imaging.lettering import lettering
from velatura_daemon.terminal.console import echo_table
from velatura_daemon.terminal.help_pages import Command, HelpFormatter

# As an installation runs, but with other catalogues.
PROGRAM = """
import sys
from pathlib import Path
from velatura.i18n import catalogue
catalogue.LOCALE = Path(sys.argv.pop(1))
sys.argv[0] = "velatura"
from velatura_daemon.cli.main import main
main()
"""
GERMAN = {
    "Usage:": "Aufruf:",
    "Options": "Optionen",
    "Commands": "Befehle",
    "[OPTIONS]": "[OPTIONEN]",
    "Error: {message}": "Fehler: {message}",
    "Try '{command} {option}' for help.": "'{command} {option}' zeigt Hilfe.",
    "Missing argument": "Es fehlt:",
    "Show this message and exit.": "Diese Hilfe zeigen.",
    "Check the installation and report problems.": "Die Installation prüfen und Fehler melden.",
    "Overwrite existing files.": "Vorhandene Dateien überschreiben.",
    "PHOTO": "FOTO",
    "required": "erforderlich",
    "Invalid value for {param_hint}: {message}": "{param_hint}: {message}",
    "{value!r} is not a valid {number_type}.": "{value!r} ist ungültig. Erwartet wird: {number_type}.",
    "No painting given. Use --style PAINTING, or --region MASK PAINTING.": "Es fehlt ein Gemälde.",
    "'auto' now means: {weights}": "'auto' heißt jetzt: {weights}",
    "Stopped.": "Angehalten.",
    "Nothing was done.": "Nichts wurde getan.",
    "the photo": "das Foto",
    "{count} picture": ("{count} Bild", "{count} Bilder"),
    "{pictures} in {duration}": "{pictures} in {duration}",
    "{rate} per minute": "{rate} pro Minute",
    "{summary}. Device: {device}, weights: {weights}": "{summary}. Gerät: {device}, Gewichte: {weights}",
}
PLURALS = {"{count} picture": "{count} pictures"}
CONTEXTS = {
    ("answer", "y,yes"): "j,ja",
    ("number", "."): ",",
    ("number", ","): ".",
    ("kind of value", "integer"): "ganze Zahl",
    ("kind of value", "number"): "Zahl",
}
JAPANESE = {
    "Usage:": "使い方：",
    "Check the installation and report problems.": "インストールを確認し、問題を報告します。",
    "Overwrite existing files.": "既存のファイルを上書きします。",
}
LONG_JAPANESE = (
    "画像のスタイルを適用する強さを指定します。「0」の場合は画像を変更せず、100（最大値）の場合はVelaturaがスタイルを最も"
    "強く適用します。値が大きいほど、結果は元の画像から離れます。"
)
KOREAN = "스타일을 적용하는 강도를 지정합니다. 값이 클수록 결과는 원본 이미지에서 멀어집니다. 기본값은 50입니다."

Velatura = Callable[..., "subprocess.CompletedProcess[str]"]


def compiled(folder: Path, language: str, texts: Mapping[str, str | tuple[str, str]]) -> Path:
    """Make the catalogue of a language in a folder like velatura/locale."""
    made = Catalog(locale=language)
    for english, translation in texts.items():
        made.add((english, PLURALS[english]) if english in PLURALS else english, translation)
    for (context, english), translation in CONTEXTS.items():
        made.add(english, translation, context=context)
    file = folder / language / "LC_MESSAGES" / "velatura.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        write_mo(opened, made)
    return file


@pytest.fixture
def velatura(tmp_path: Path) -> Velatura:
    """Return a function that runs `velatura …` in German or Japanese, with these variables in its environment."""
    compiled(tmp_path, "de", GERMAN)
    compiled(tmp_path, "ja", JAPANESE)

    def call(*arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return run_with(tmp_path, arguments, variables, typed)

    return call


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process speak German."""
    compiled(tmp_path, "de", GERMAN)
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "LOCALE", tmp_path)
        use_language("de")
        yield
    use_language("en")


def run_with(
    locale: Path, arguments: tuple[str, ...], variables: Mapping[str, str], typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `velatura …` with the catalogues in a folder. typed: on its standard input."""
    command, env = command_with(locale, arguments, variables)
    return subprocess.run(
        command, env=env, input=typed, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def command_with(
    locale: Path, arguments: tuple[str, ...], variables: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the command and its environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LC_MESSAGES", "LANG")}
    home = {"VELATURA_HOME": str(locale / "home")}
    env = {**kept, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", **home, **variables}
    return [sys.executable, "-c", PROGRAM, str(locale), *arguments], env


def test_the_help_page_is_in_the_language_of_the_environment(velatura):
    page = velatura("--help", LANG="de_DE.UTF-8").stdout
    assert "  doctor   Die Installation prüfen und Fehler melden.\n" in page


def test_what_click_writes_is_in_the_same_language(velatura):
    page = velatura("--help", LANG="de_DE.UTF-8").stdout
    assert page.startswith("Aufruf: velatura [OPTIONEN]")
    assert "\nOptionen:\n" in page
    assert "\nBefehle:\n" in page


def test_options_of_a_command_are_explained_in_the_language(velatura):
    page = velatura("restyle", "--help", LANG="de_AT.UTF-8").stdout
    assert "Vorhandene Dateien überschreiben." in page


def test_a_wrong_usage_is_explained_in_the_language(velatura):
    done = velatura("restyle", LANG="de_DE.UTF-8")
    assert done.stderr.splitlines()[0] == "Aufruf: velatura restyle [OPTIONEN] FOTO"
    assert "'velatura restyle --help' zeigt Hilfe." in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("arguments", [("bogus",), ("restyle", "--bogus"), ("weights", "use", "nothere.pth")])
def test_every_error_begins_with_the_name_of_the_program(velatura, arguments):
    done = velatura(*arguments, LANG="de_DE.UTF-8")
    assert done.returncode and done.stderr.splitlines()[-1].startswith("velatura: "), done.stderr


@pytest.mark.parametrize(
    ("option", "kind"), [("--size", "ganze Zahl"), ("--page", "ganze Zahl"), ("--strength", "Zahl")]
)
def test_the_kind_of_a_wrong_value_is_in_the_language(velatura, option, kind):
    done = velatura("restyle", "photo.png", option, "x", LANG="de_DE.UTF-8")
    assert done.stderr.endswith(f"velatura: '{option}': 'x' ist ungültig. Erwartet wird: {kind}.\n")


def test_what_is_required_is_marked_in_the_language(velatura):
    assert "[erforderlich]" in velatura("explain", "--help", LANG="de_DE.UTF-8").stdout


def test_no_help_page_shows_a_name_of_click_for_a_value(velatura):
    pages = velatura("daemon", "run", "--help").stdout + velatura("daemon", "logs", "--help").stdout
    assert not re.search(r"--[a-z-]+ (TEXT|INTEGER|FLOAT|NUMBER)", pages)


def test_a_sentence_without_spaces_is_not_cut_in_a_table(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    echo_table(("名前",), [(LONG_JAPANESE,)])
    assert "".join(capsys.readouterr().out.split()) == f"名前{LONG_JAPANESE}"


def test_a_table_without_headings_cuts_nothing_either(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    echo_table((), [(LONG_JAPANESE,)])
    assert "".join(capsys.readouterr().out.split()) == LONG_JAPANESE


def test_an_error_is_in_the_language_and_has_the_same_exit_code(velatura):
    done = velatura("restyle", "photo.png", LANG="de_DE.UTF-8")
    assert (done.stderr, done.returncode) == ("velatura: Es fehlt ein Gemälde.\n", 2)


def test_json_stays_english(velatura):
    done = velatura("restyle", "photo.png", "--json", LANG="de_DE.UTF-8")
    assert '"sentence": "No painting given. Use --style PAINTING, or --region MASK PAINTING."' in done.stdout


def test_what_succeeds_is_said_in_the_language(velatura):
    assert velatura("weights", "use", "auto", LANG="de_DE.UTF-8").stdout.startswith("'auto' heißt jetzt: VGG19")


@pytest.mark.parametrize(("answer", "code"), [("ja", 0), ("J", 0), ("yes", 0), ("n", 1), ("", 1)])
def test_a_question_takes_the_words_of_the_language(velatura, answer, code):
    assert velatura("forget", typed=f"{answer}\n", LANG="de_DE.UTF-8").returncode == code


def test_the_last_line_after_a_signal_is_in_the_language(tmp_path):
    compiled(tmp_path, "de", GERMAN)
    command, env = command_with(tmp_path, ("forget",), {"LANG": "de_DE.UTF-8"})
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while process.stderr.read(1) != b"]":  # of the question
            pass
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().decode().endswith("Angehalten.\n")
    assert process.returncode == 130


def test_a_summary_has_the_plurals_and_numbers_of_the_language(german, capsys):
    display = BatchProgressBar()
    display.summary(
        output="out",
        made=3,
        already=0,
        seconds=4.0,
        per_minute=4.5,
        device="cpu",
        weights="VGG19",
        contact_sheet="",
        failed=[],
    )
    assert capsys.readouterr().err == "3 Bilder in 4 s, 4,5 pro Minute. Gerät: cpu, Gewichte: VGG19\n"


def test_captions_are_in_the_language(german):
    assert lettering(lazy_text("the photo"), 13)[0] == "das Foto"


def test_a_caption_without_a_font_for_it_stays_english(german, monkeypatch):
    monkeypatch.setattr("velatura_daemon.imaging.lettering._has", lambda name, size, letter: letter != "F")
    assert lettering(lazy_text("the photo"), 13)[0] == "the photo"


@pytest.mark.parametrize("languages", ["de", "fr:de:ja", "de_CH:en"])
def test_the_first_language_of_the_list_that_there_is_counts(velatura, languages):
    assert velatura("--help", LANG="fr_FR.UTF-8", LANGUAGE=languages).stdout.startswith("Aufruf:")


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "LANG": "de_DE.UTF-8"},
        {"LC_ALL": "C.UTF-8", "LANGUAGE": "de"},
        {"LANG": "fr_FR.UTF-8"},
        {"LANG": "de_DE.UTF-8", "LANGUAGE": "en:de"},
        {},
    ],
    ids=lambda variables: " ".join(f"{name}={value}" for name, value in variables.items()) or "nothing",
)
def test_it_is_english_where_nothing_else_is_asked_for(velatura, variables):
    page = velatura("--help", **variables).stdout
    assert page.startswith("Usage: velatura [OPTIONS]")
    assert "Check the installation and report problems." in page


@pytest.mark.parametrize(("language", "encoding"), [("de_DE", "ascii"), ("ja_JP", "latin-1")])
def test_a_terminal_without_the_letters_is_spoken_to_in_english(velatura, language, encoding):
    page = velatura("--help", LANG=language, PYTHONIOENCODING=encoding).stdout
    assert page.startswith("Usage: velatura [OPTIONS]")
    assert "Check the installation and report problems." in page


def test_a_damaged_catalogue_means_english(tmp_path):
    compiled(tmp_path, "de", GERMAN).write_bytes(b"\xde\x12\x04\x95 and nothing more")
    done = run_with(tmp_path, ("--help",), {"LANG": "de_DE.UTF-8"})
    assert done.stdout.startswith("Usage: velatura [OPTIONS]")
    assert done.returncode == 0


@pytest.mark.parametrize("language", available_languages())
@pytest.mark.parametrize("command", [(), ("restyle",), ("daemon", "run")], ids=" ".join)
def test_help_pages_of_all_languages_fit_the_terminal(language, command):
    done = run_with(LOCALE, (*command, "--help"), {"LANG": f"{language}.UTF-8", "LANGUAGE": language})
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if cell_len(line) > 80 and " " in line.strip()] == []


def definitions(*meanings: str, width: int = 60) -> list[str]:
    formatter = HelpFormatter(width=width)
    formatter.write_dl([(f"--option-{number}", meaning) for number, meaning in enumerate(meanings)])
    return formatter.getvalue().splitlines()


@pytest.mark.parametrize("text", [LONG_JAPANESE, KOREAN])
def test_wide_letters_count_as_two_columns(text):
    lines = definitions(text)
    assert len(lines) > 2
    assert max(map(cell_len, lines)) <= 60


def test_lines_of_japanese_are_full():
    assert min(cell_len(line) for line in definitions(LONG_JAPANESE)[:-1]) > 60 - 12  # a word such as Velatura is whole


def test_no_line_begins_with_punctuation_or_ends_with_a_bracket():
    for width in range(40, 80):
        lines = [line.split("  ")[-1].strip() for line in definitions(LONG_JAPANESE, width=width)]
        assert not [line for line in lines if line[0] in "。、）」" or line[-1] in "（「"]


def test_wrapping_changes_no_letter():
    wrapped = "".join(line[len("--option-0") :].strip() for line in definitions(LONG_JAPANESE))
    assert wrapped == LONG_JAPANESE


def test_korean_words_stay_whole():
    words = " ".join(line[len("--option-0") :].strip() for line in definitions(KOREAN)).split()
    assert words == KOREAN.split()


def test_explanations_stay_in_one_column():
    formatter = HelpFormatter(width=60)
    formatter.write_dl([("--書式 名前", "説明"), ("--style", "explained"), ("--スタイル", "説明")])
    columns = {
        cell_len(line[: line.index(meaning)])
        for line, meaning in zip(formatter.getvalue().splitlines(), ("説明", "explained", "説明"), strict=True)
    }
    assert len(columns) == 1


def test_a_usage_line_with_a_wide_colon_keeps_its_space(velatura):
    page = velatura("--help", LANG="ja_JP.UTF-8").stdout
    assert page.startswith("使い方： velatura [OPTIONS]")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Stop the daemon. Its progress is saved.", "Stop the daemon."),
        ("Read a .velatura-preset file", "Read a .velatura-preset file"),
        ("デーモンを停止します。進行状況は保存されます。", "デーモンを停止します。"),
        ("First\n\nSecond", "First"),
    ],
)
def test_the_page_of_a_group_shows_the_first_sentence_of_each_command(text, first):
    assert Command("stop", help=text).get_short_help_str() == first
