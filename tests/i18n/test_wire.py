"""How a text travels: in a header, beside the English sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from velatura.errors import BadMessage
from velatura.i18n import Text, lazy_plural, lazy_text, sentences, translated
from velatura.i18n.wire import MAX_DEPTH, text_from_wire, text_to_wire
from velatura.protocol import codec
from velatura.protocol import messages as p

NAMES = st.text("abcdefghij", min_size=1, max_size=5)
PLAIN = st.one_of(st.text(max_size=20), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.booleans())


@st.composite
def texts(draw: Any, depth: int = 3) -> Text:
    inner = PLAIN if depth == 0 else st.one_of(PLAIN, texts(depth - 1))
    values = draw(st.dictionaries(NAMES, inner, max_size=3))
    message = draw(st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=10))
    message += "".join(f" {{{name}}}" for name in values)
    if draw(st.booleans()):
        return lazy_plural(message, f"{message}s", draw(st.integers(0, 99)), **values)
    return lazy_text(message, **values)


def made_from(text: str) -> Any:
    """What a text was made from, with the texts within it."""
    if not isinstance(text, Text):
        return text
    return str(text), text.message, text.many, {name: made_from(value) for name, value in text.values.items()}


def sent(message: p.Message) -> p.Message:
    return codec.unpack(codec.pack(message))[0]


@given(texts())
def test_a_text_survives_a_message(text):
    notice = sent(p.Notice("job", text))
    assert made_from(notice.sentence) == made_from(text)


@given(st.lists(st.one_of(texts(), st.text(max_size=5)), max_size=4))
def test_texts_in_a_list_survive_a_message(notes):
    picture = {"blob": b""}
    result = p.Result("job", "", picture, 0, 0, "", "", 0.0, 0.0, 0.0, "content", {}, notes)
    assert [made_from(note) for note in sent(result).notes] == [made_from(note) for note in notes]


GARBAGE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(max_size=8), st.binary(max_size=8)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["message", "many", "values", "english", "count", "sentence"]), st.text(max_size=3)
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GARBAGE)
def test_garbage_in_texts_leaves_the_english_sentence(speak, garbage):
    speak({"One.": "Eins.", ("{count} file", "{count} files"): ("{count} Datei", "{count} Dateien")})
    header = {"type": "notice", "job": "job", "sentence": "Hello.", "texts": garbage}
    notice, _ = codec.unpack([msgpack.packb(header)])
    assert notice.sentence == "Hello."
    assert translated(notice.sentence) in ("Hello.", "Eins.")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["One.", "{count} file", "{size:.1f} GB", ""]), GARBAGE, GARBAGE)
def test_known_messages_with_garbage_for_values_raise_nothing(speak, message, many, values):
    speak(
        {
            "One.": "Eins.",
            ("{count} file", "{count} files"): ("{count} Datei", "{count} Dateien"),
            "{size:.1f} GB": "{size:.1f} GB",
        }
    )
    received = text_from_wire("Hello.", {"message": message, "many": many, "values": values})
    assert isinstance(translated(received), str)


@pytest.mark.parametrize("count", [1e400, float("nan"), 10**400, "3", None, [], {"english": "x"}, True, 0.5, -1])
def test_a_strange_count_leaves_the_english_sentence_or_is_counted(speak, count):
    speak({("{count:.0f} file", "{count:.0f} files"): ("{count:.0f} Datei", "{count:.0f} Dateien")})
    values = {"count": count}
    received = text_from_wire("Hello.", {"message": "{count:.0f} file", "many": "{count:.0f} files", "values": values})
    assert translated(received) == "Hello." or "Datei" in translated(received)


def test_what_is_received_is_never_a_template(speak):
    """It could ask for gigabytes, or for attributes of the values."""
    speak({"One.": "Eins."})
    hostile = {"message": "{a:>999999999}{a.__class__}", "values": {"a": "x"}}
    assert translated(text_from_wire("Hello.", hostile)) == "Hello."


def test_an_older_receiver_reads_the_english_sentence():
    header = msgpack.unpackb(codec.pack(p.Notice("job", lazy_text("No {what}.", what="space")))[0])
    assert header["sentence"] == "No space."
    assert header["texts"] == {"sentence": {"message": "No {what}.", "values": {"what": "space"}}}


def test_a_plain_sentence_adds_nothing_to_a_header():
    assert b"texts" not in bytes(codec.pack(p.Notice("job", "No space."))[0])


def test_a_text_that_does_not_fit_into_a_header_is_sent_in_english():
    long = lazy_text("{what}", what="x" * (p.HEADER_LIMIT // 2))
    notice = sent(p.Notice("job", long))
    assert notice.sentence == long
    assert not isinstance(notice.sentence, Text)


def test_a_sentence_that_does_not_fit_into_a_header_is_refused():
    with pytest.raises(BadMessage, match="Use shorter names"):
        codec.pack(p.Notice("job", lazy_text("{what}", what="x" * p.HEADER_LIMIT)))


def test_texts_within_texts_are_translated_to_a_limited_depth(speak):
    speak({"<{inside}>": "({inside})", "in": "drin"})
    text: str = lazy_text("in")
    for _ in range(MAX_DEPTH + 2):
        text = lazy_text("<{inside}>", inside=text)
    received = text_from_wire(str(text), text_to_wire(text))
    assert translated(received) == "(" * MAX_DEPTH + "<<in>>" + ")" * MAX_DEPTH


def test_paths_are_sent_as_text(speak):
    speak({"{path} is there.": "{path} ist da."})
    notice = sent(p.Notice("job", lazy_text("{path} is there.", path=Path("/a/b"))))
    assert translated(notice.sentence) == "/a/b ist da."


def test_the_sentences_of_an_error_are_translated_by_its_receiver(speak):
    speak({"{first} {second}": "{first} {second}", "It went.": "Es ging.", "Restyle again.": "Erneut stilisieren."})
    failed = sent(p.Failed("job", "daemon_lost", sentences(lazy_text("It went."), lazy_text("Restyle again."))))
    assert translated(failed.sentence) == "Es ging. Erneut stilisieren."
