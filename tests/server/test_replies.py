"""What a client is sent about an error."""

from __future__ import annotations

from tests.support.texts import SENTENCE, made_from
from velatura.errors import DiskTrouble
from velatura.i18n import lazy_text
from velatura.protocol import codec
from velatura_daemon.server.replies import MAX_SENTENCE, failure


def test_a_client_can_translate_an_error():
    received, _ = codec.unpack(codec.pack(failure("job", DiskTrouble(SENTENCE))))
    assert made_from(received.sentence) == made_from(SENTENCE)


def test_a_client_can_translate_that_an_internal_error_happened():
    received, _ = codec.unpack(codec.pack(failure("job", ZeroDivisionError())))
    assert received.sentence.values == {"kind": "ZeroDivisionError"}


def test_an_error_that_is_too_long_is_cut():
    long = lazy_text("There is no {name}.", name="x" * MAX_SENTENCE)
    assert made_from(failure("job", DiskTrouble(long)).sentence) == str(long)[:MAX_SENTENCE]
