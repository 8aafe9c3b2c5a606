"""Presets: what a preset sets, its files whatever is in them, and the folder that all programs share."""

from __future__ import annotations

import base64
import json
import os
import string
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from velatura.client.saved_results import valid_settings
from velatura.errors import BadPreset, BadSetting, FileExists, VelaturaError
from velatura.presets.preset import (
    MAX_FILE,
    SETTINGS,
    SUFFIX,
    Preset,
    clean_name,
    clean_text,
    dump,
    parse,
    preset_settings,
)
from velatura.presets.store import OURS, PresetStore, file_stem, read_preset
from velatura.presets.thumbnail import MAX_BYTES, is_thumbnail, plain_thumbnail
from velatura.settings import StyleSettings, default_of, setting_specs

BOLD = StyleSettings(strength=72, stroke_size=2.5, quality="draft")


def a_value(name: str) -> st.SearchStrategy[object]:
    spec, default = setting_specs()[name], default_of(name)
    if spec.choices:
        return st.sampled_from([value for value, _ in spec.choices])
    if isinstance(default, bool):
        return st.booleans()
    return st.integers(int(spec.low), int(spec.high)) if isinstance(default, int) else st.floats(spec.low, spec.high)


all_settings = st.fixed_dictionaries({name: a_value(name) for name in setting_specs()}).map(
    lambda values: StyleSettings(**values)
)
names = st.text(min_size=1, max_size=80)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def store(tmp_path: Path) -> PresetStore:
    return PresetStore(tmp_path / "presets", ours=tmp_path / "none")


def as_file(folder: Path, stem: str = "sent", **fields: object) -> Path:
    """A preset file as somebody else's program may have written it."""
    path = folder / f"{stem}{SUFFIX}"
    path.write_text(json.dumps({"velatura_preset": 1, "name": stem, "settings": {}, **fields}))
    return path


# --- what a preset sets --------------------------------------------------------------------------------
@given(all_settings)
def test_a_preset_sets_exactly_what_a_window_shows_and_leaves_the_rest_at_its_defaults(chosen):
    kept = preset_settings(chosen)
    for name in setting_specs():
        assert getattr(kept, name) == (getattr(chosen, name) if name in SETTINGS else default_of(name))


@given(all_settings)
def test_a_file_gives_back_the_settings_that_it_was_made_from(chosen):
    preset = Preset("Blue hour", preset_settings(chosen), plain_thumbnail("Blue hour"))
    assert parse(dump(preset), "file") == preset


def test_a_file_names_only_the_settings_that_differ_from_their_defaults():
    assert json.loads(dump(Preset("Bold", BOLD)))["settings"] == {
        "strength": 72,
        "stroke_size": 2.5,
        "quality": "draft",
    }


def test_settings_equal_a_preset_if_a_window_shows_the_same_numbers():
    preset = Preset("Sent", StyleSettings(strength=33.4, stroke_size=1.337))
    assert preset.equals(StyleSettings(strength=33, stroke_size=1.34))
    assert not preset.equals(StyleSettings(strength=34, stroke_size=1.34))
    assert not preset.equals(StyleSettings(strength=33, stroke_size=1.35))
    assert not preset.equals(StyleSettings(strength=33, stroke_size=1.34, seamless=True))


# --- files from strangers ------------------------------------------------------------------------------
@given(st.binary(max_size=300))
def test_any_bytes_are_a_preset_or_give_a_sentence(data):
    try:
        parse(data, "file")
    except BadPreset as error:
        assert "file" in error.sentence


@given(st.dictionaries(st.sampled_from([*SETTINGS, "name", "composite", "new"]) | st.text(), json_values), json_values)
def test_any_json_is_a_preset_that_can_be_saved_or_gives_a_sentence(values, thumbnail):
    fields = {"velatura_preset": 1, "name": "x", "settings": values, "thumbnail": thumbnail}
    try:
        preset = parse(json.dumps(fields).encode(), "file")
    except BadPreset as error:
        assert "file" in error.sentence
    else:
        again = parse(dump(preset), "file")
        assert (again.name, again.settings, set(again.unknown)) == (preset.name, preset.settings, set(preset.unknown))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"velatura_preset": 1' + "0" * 5000 + "}",
        '{"velatura_preset": true, "name": "x", "settings": {}}',
        '{"velatura_preset": 1, "name": "x"}',
        '{"velatura_preset": 1, "name": "\\u202e \\ud800", "settings": {}}',
        '{"velatura_preset": 1, "name": "x", "settings": {"strength": 1e999}}',
        '{"velatura_preset": 1, "name": "x", "settings": {"new": %s}}' % ("[" * 900 + "]" * 900),
        '{"velatura_preset": 1, "name": "x", "settings": {"new": "%s"}}' % ("a" * 20_000),
    ],
    ids=lambda text: text[:40],
)
def test_a_damaged_file_gives_a_sentence(text):
    with pytest.raises(BadPreset, match=r"^sent\.velatura-preset "):
        parse(text.encode(), "sent.velatura-preset")


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    path = tmp_path / f"huge{SUFFIX}"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no space on the disk
    with pytest.raises(BadPreset, match=f"larger than {MAX_FILE >> 10} KB"):
        read_preset(path)


def test_what_is_not_a_file_gives_a_sentence(tmp_path):
    os.mkfifo(tmp_path / f"pipe{SUFFIX}")
    for path in (tmp_path, tmp_path / f"pipe{SUFFIX}", tmp_path / "missing", Path("a\0b")):
        with pytest.raises(BadPreset):
            read_preset(path)


def test_the_version_after_this_one_is_refused_with_a_sentence():
    data = json.dumps({"velatura_preset": 2, "name": "x", "settings": {}}).encode()
    with pytest.raises(BadPreset, match="newer version"):
        parse(data, "x")


def test_settings_of_a_newer_version_are_named_and_survive_a_change(store, tmp_path):
    path = as_file(tmp_path, settings={"strength": 20, "glow": 3, "keep_colours": "duotone", "composite": True})
    entry = store.import_file(path)
    assert entry.preset.settings == StyleSettings(strength=20)
    for name in ("glow", "keep_colours", "composite"):
        assert name in entry.preset.warning
    renamed = store.rename(entry, "Mine")
    assert read_preset(renamed.path).unknown == {"glow": 3, "keep_colours": "duotone", "composite": True}


def test_a_value_out_of_range_is_named():
    data = json.dumps({"velatura_preset": 1, "name": "x", "settings": {"strength": 300}}).encode()
    with pytest.raises(BadPreset, match=r"strength.*0 to 100"):
        parse(data, "x")


@pytest.mark.parametrize(
    "thumbnail",
    [
        b"not a picture",
        plain_thumbnail("x")[:20],
        plain_thumbnail("x")[:16] + b"\x7f\xff\xff\xff" * 2 + plain_thumbnail("x")[24:],  # claims 2^31 pixels a side
        plain_thumbnail("x") + bytes(MAX_BYTES),
    ],
)
def test_a_preset_with_an_unusable_thumbnail_works_without_it(thumbnail):
    fields = {"velatura_preset": 1, "name": "x", "settings": {"strength": 5}}
    fields["thumbnail"] = base64.b64encode(thumbnail).decode()
    preset = parse(json.dumps(fields).encode(), "x")
    assert (preset.thumbnail, preset.settings.strength) == (b"", 5)


def test_a_plain_thumbnail_is_a_png_that_pillow_opens(tmp_path):
    from PIL import Image

    (tmp_path / "plain.png").write_bytes(plain_thumbnail("Blue hour"))
    with Image.open(tmp_path / "plain.png") as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (96, 96))
    assert is_thumbnail(plain_thumbnail("Blue hour"))


# --- names ---------------------------------------------------------------------------------------------
@given(names)
def test_a_name_is_shown_on_one_line_without_hidden_characters(name):
    try:
        clean = clean_name(name)
    except BadPreset:
        return
    assert clean_name(clean) == clean
    assert clean.replace("\u200d", "").replace("\u200c", "").isprintable()
    clean.encode()


@given(names)
def test_every_name_has_a_file_name_that_all_systems_accept(name):
    stem = file_stem(name)
    assert len(stem.encode()) <= 101
    assert not set(stem) & set('<>:"/\\|?*')
    assert stem.strip(" .") and not stem.startswith(".") and not stem.endswith((".", " "))


@pytest.mark.parametrize("name", ["CON", "nul.txt", "../../etc/passwd", ".hidden", "a/b", "ü" * 60, "🎨", "Com1"])
def test_odd_names_are_kept_as_they_are(store, name):
    store.save(name, BOLD)
    [entry] = store.load().entries
    assert entry.preset.name == name
    assert entry.path.parent == store.folder


@pytest.mark.parametrize("name", ["", "   ", "\n", "\u202e", "...", "x" * 61])
def test_a_name_that_cannot_be_read_is_refused(store, name):
    with pytest.raises(BadPreset):
        store.save(name, BOLD)
    assert not store.folder.exists()


# --- the folder ----------------------------------------------------------------------------------------
def names_in(store: PresetStore) -> list[str]:
    return [entry.preset.name for entry in store.load().entries]


def test_a_saved_preset_is_there_for_the_next_program(store, tmp_path):
    store.save("Bold", BOLD, plain_thumbnail("x"))
    [entry] = PresetStore(store.folder, tmp_path / "none").load().entries
    assert entry.preset == Preset("Bold", BOLD, plain_thumbnail("x"))


def test_a_program_sees_what_another_one_has_changed(store, tmp_path):
    other = PresetStore(store.folder, tmp_path / "none")
    store.save("Bold", BOLD)
    assert names_in(other) == ["Bold"]
    store.save("Bold", StyleSettings(strength=9), overwrite=True)
    assert other.find("Bold").preset.settings.strength == 9
    store.delete(store.find("Bold"))
    assert names_in(other) == []


def test_presets_are_listed_by_name_after_ours_in_our_order(tmp_path):
    store = PresetStore(tmp_path)
    for name in ("zebra", "Apple", "mango"):
        store.save(name, BOLD)
    ours = [entry.preset.name for entry in store.load().entries if entry.ours]
    assert ours == ["Faint wash", "Bold strokes", "Keep my colours", "Seamless texture", "Portrait"]
    assert names_in(store) == [*ours, "Apple", "mango", "zebra"]


def test_a_preset_is_only_replaced_if_that_is_wanted(store):
    store.save("Bold", BOLD)
    with pytest.raises(FileExists, match="Bold"):
        store.save("bold", StyleSettings())
    assert store.find("Bold").preset.settings == BOLD
    store.save("bold", StyleSettings(), overwrite=True)
    assert names_in(store) == ["bold"]


def test_two_names_that_share_a_file_name_are_two_presets(store):
    store.save("a/b", BOLD)
    store.save("a:b", StyleSettings())
    assert names_in(store) == ["a/b", "a:b"]
    assert store.find("a/b").preset.settings == BOLD


def test_ours_can_be_neither_replaced_nor_renamed_nor_deleted(tmp_path):
    store = PresetStore(tmp_path)
    faint = store.find("Faint wash")
    for change in (
        lambda: store.save("faint wash", BOLD, overwrite=True),
        lambda: store.rename(faint, "Mine"),
        lambda: store.delete(faint),
    ):
        with pytest.raises(BadPreset, match="comes with Velatura"):
            change()
    assert faint in store.load().entries


def test_a_renamed_preset_keeps_everything_but_its_name(store):
    entry = store.save("Bold", BOLD, plain_thumbnail("x"))
    store.rename(entry, "  Very   bold ")
    [renamed] = store.load().entries
    assert renamed.preset == Preset("Very bold", BOLD, plain_thumbnail("x"))
    assert not entry.path.exists()
    store.rename(renamed, "very BOLD")
    assert names_in(store) == ["very BOLD"]


def test_renaming_never_hides_another_preset(store):
    entry = store.save("Bold", BOLD)
    store.save("Faint", StyleSettings())
    with pytest.raises(FileExists):
        store.rename(entry, "FAINT")
    assert names_in(store) == ["Bold", "Faint"]


def test_one_bad_file_does_not_hide_the_others(store, tmp_path):
    store.save("Bold", BOLD)
    (store.folder / f"bad{SUFFIX}").write_bytes(b"\xff\xfe{")
    (store.folder / f"folder{SUFFIX}").mkdir()
    (store.folder / f"dangling{SUFFIX}").symlink_to(tmp_path / "nowhere")
    as_file(store.folder, "Zebra", name="BOLD")
    (store.folder / "notes.txt").write_text("not a preset")
    listing = store.load()
    assert [entry.preset.name for entry in listing.entries] == ["Bold"]
    assert len(listing.problems) == 4
    for name in ("bad", "folder", "dangling", "Zebra"):
        assert any(name in sentence for sentence in listing.problems)


def test_importing_twice_makes_no_copy_and_another_one_of_the_same_name_gets_a_number(store, tmp_path):
    path = as_file(tmp_path, "Bold", settings={"strength": 70})
    store.import_file(path)
    store.import_file(path)
    assert names_in(store) == ["Bold"]
    as_file(tmp_path, "Bold", settings={"strength": 80})
    assert store.import_file(path).preset.name == "Bold 2"
    assert names_in(store) == ["Bold", "Bold 2"]


def test_an_exported_preset_can_be_imported_elsewhere(store, tmp_path):
    entry = store.save("Bold", BOLD, plain_thumbnail("x"))
    path = store.export(entry, tmp_path / "for a friend.v2")
    assert path.name == f"for a friend.v2{SUFFIX}"
    friend = PresetStore(tmp_path / "friend", tmp_path / "none")
    assert friend.import_file(path).preset == entry.preset
    with pytest.raises(FileExists):
        store.export(entry, path)


def test_a_name_that_is_not_there_is_answered_with_a_similar_one(tmp_path):
    with pytest.raises(BadPreset, match="Did you mean “Faint wash”"):
        PresetStore(tmp_path).find("faint wsh")
    with pytest.raises(BadPreset, match=r"The presets are .*Portrait"):
        PresetStore(tmp_path).find("qqqq")


# --- which preset the settings equal -------------------------------------------------------------------
def test_of_two_equal_presets_the_preferred_one_is_shown(store):
    store.save("A", BOLD)
    store.save("B", BOLD)
    listing = store.load()
    shown = [listing.matching(BOLD, preferred).preset.name for preferred in ("", "b", "gone")]
    assert shown == ["A", "B", "A"]
    assert listing.matching(StyleSettings()) is None


def test_a_preset_that_cannot_be_applied_completely_is_never_shown_as_applied(store, tmp_path):
    store.import_file(as_file(tmp_path, settings={"glow": 1}))
    assert store.load().matching(StyleSettings()) is None


# --- ours ----------------------------------------------------------------------------------------------
def test_ours_are_five_different_looks_with_a_picture_each():
    listing = PresetStore(OURS / "none").load()
    assert listing.problems == ()
    for entry in listing.entries:
        assert is_thumbnail(entry.preset.thumbnail)
        assert not entry.preset.unknown
        assert listing.matching(entry.preset.settings) == entry
    looks = {name: listing.find(name).preset.settings for name in ("Seamless texture", "Keep my colours", "Portrait")}
    assert looks["Seamless texture"].seamless
    assert looks["Keep my colours"].keep_colours != "off"
    assert looks["Portrait"].strength < default_of("strength")


def test_errors_of_presets_are_usage_errors_so_that_commands_exit_with_2():
    assert issubclass(BadPreset, VelaturaError) and issubclass(BadPreset, type(BadSetting("")).__bases__[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["save", "rename", "delete"]),
            st.integers(0, 3),
            st.text(string.ascii_letters + "/:.", min_size=1, max_size=3),
        ),
        max_size=8,
    )
)
def test_whatever_is_done_each_preset_keeps_its_own_settings(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("presets")
    store, expected = PresetStore(folder, folder / "none"), {}
    for number, (step, index, name) in enumerate(steps):
        entries = store.load().entries
        try:
            if step == "save":
                store.save(name, StyleSettings(seed=number))
                expected[name.casefold()] = number
            elif entries:
                entry = entries[index % len(entries)]
                if step == "delete":
                    store.delete(entry)
                else:
                    store.rename(entry, name)
                value = expected.pop(entry.preset.key)
                if step == "rename":
                    expected[name.casefold()] = value
        except (BadPreset, FileExists):
            pass
        listing = store.load()
        assert {entry.preset.key: entry.preset.settings.seed for entry in listing.entries} == expected
        assert listing.problems == ()


def test_a_long_name_is_refused_before_it_is_normalised():
    marks = "a" + "\u0301\u0323" * 40_000  # takes 10 s to normalise
    started = time.monotonic()
    with pytest.raises(BadPreset, match="has 80001 characters"):
        clean_name(marks)
    clean_text(marks)
    assert time.monotonic() - started < 8


def test_an_export_keeps_the_link_and_the_permissions_of_the_file_it_replaces(store, tmp_path):
    entry = store.save("Bold", BOLD, plain_thumbnail("x"))
    path = store.export(entry, tmp_path / "a")
    path.rename(tmp_path / "real")
    (tmp_path / "real").chmod(0o600)
    path.symlink_to("real")
    assert store.export(entry, path, overwrite=True).is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["", ".", "..", "/", "folder/..", "null\0"])
def test_a_preset_is_not_exported_to_a_path_without_a_name(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    store = PresetStore(tmp_path / "presets")
    entry = store.save("Mine", BOLD)
    with pytest.raises(BadPreset, match="not a file name"):
        store.export(entry, Path(path))
    assert [file.name for file in tmp_path.iterdir()] == ["presets"]


def test_thousands_of_unknown_settings_are_skipped_quickly():
    started = time.monotonic()
    assert valid_settings({f"strengthh{n}": n for n in range(50_000)} | {"strength": 30}).strength == 30
    assert time.monotonic() - started < 8
