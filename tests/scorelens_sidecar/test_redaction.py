"""Personal data is masked before anything leaves, and with it the terms that would tell it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorelens.v1.scorer_pb2 import Document, ScoreRequest, ScoreResponse
from scorelens_runtime.errors import SettingError
from scorelens_sidecar.calculation_lines import log_lines
from scorelens_sidecar.patterns import has_luhn_digit, is_iban
from scorelens_sidecar.redaction import Redaction
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spans import DecodedCall, decode, encode
from tests.scorelens_sidecar.spans.calls import answer_for, captured, media_document


def redacted(folder: Path, wanted: str, document: Document, *features: str) -> DecodedCall:
    """Redact a call of one document whose first tag has these features."""
    request = ScoreRequest(documents=[document])
    answer: ScoreResponse = answer_for(request)
    answer.calculations.documents[0].tags[0].terms.feature[:] = features
    decoded = decode(captured(1, request.SerializeToString(), answer.SerializeToString()), 2**20)
    Redaction(wanted.split(","), folder).apply(decoded)
    return decoded


def text_after(folder: Path, wanted: str, text: str) -> str:
    """Redact a text."""
    return redacted(folder, wanted, Document(text=text)).documents[0].document.text


@pytest.mark.parametrize(
    ("wanted", "text", "masked"),
    [
        ("email", "write ann.o'neil+x@mail.example.co.uk today", "write [email] today"),
        ("email", "a@b, @ann, ann@ and 5@6 stay", "a@b, @ann, ann@ and 5@6 stay"),
        ("iban", "to DE89 3704 0044 0532 0130 00 please", "to [iban] please"),
        ("iban", "GB82WEST12345698765432, thanks", "[iban], thanks"),
        ("iban", "my iban de89370400440532013000.", "my iban [iban]."),
        ("iban", "DE89 3704 0044 0532 0130 01 is mistyped", "DE89 3704 0044 0532 0130 01 is mistyped"),
        ("card", "card 4111 1111 1111 1111 was charged", "card [card] was charged"),
        (
            "card",
            "4111-1111-1111-1112 is none, nor 0000000000000000",
            "4111-1111-1111-1112 is none, nor 0000000000000000",
        ),
        ("card", "3782 822463 10005 and 4111111111111111", "[card] and [card]"),
        ("iban", "NL91-ABNA-0417-1643-00 or MT84MALT011000012345MTLCAST001S", "[iban] or [iban]"),
        ("card", "for 5 4111 1111 1111 1111 12 times", "for 5 [card] 12 times"),
        ("email", "ann@mail.example@bob@mail.example, x@y.z", "[email]@[email], x@y.z"),
        ("phone", "call +44 20 7946 0958 or (030) 123456-78", "call [phone] or [phone]"),
        ("phone", "call 555-867-5309", "call [phone]"),
        ("phone", "on 2026-11-22 I paid 1234567.89 for 100000000", "on 2026-11-22 I paid 1234567.89 for 100000000"),
        ("email,card", "a@b.de/4111111111111111", "[email]/[card]"),
    ],
)
def test_masks_what_has_the_form(tmp_path: Path, wanted: str, text: str, masked: str) -> None:
    """Each form is found as people write it, and what only resembles it stays."""
    assert text_after(tmp_path, wanted, text) == masked


def test_all_free_text_is_masked(tmp_path: Path) -> None:
    """Title, text, texts of events and values of attributes are free text."""
    document = Document(title="ann@mail.example", text="from ann@mail.example")
    document.events.add(type="transfer_in", text="ann@mail.example rent")
    document.attributes["contact"] = "ann@mail.example"
    left = redacted(tmp_path, "email", document).documents[0].document
    assert "ann" not in str(left)
    assert left.events[0].text == "[email] rent"


def test_terms_that_tell_what_is_masked_are_masked(tmp_path: Path) -> None:
    """Features made of masked words are masked; a word that stands elsewhere in the text, too, is not told by it."""
    document = Document(text="Refund José.Smith@bank.example now, bank of thieves")
    features = ("refund", "jose", "smith bank", "word:jos", "bank", "thieves")
    decoded = redacted(tmp_path, "email", document, *features)
    kept = list(decoded.documents[0].calculation.tags[0].terms.feature)
    assert kept == ["refund", "[masked]", "[masked]", "[masked]", "bank", "thieves"]


def test_names_become_the_same_hash_for_the_same_name(tmp_path: Path) -> None:
    """Author, customer and document id can be joined by after redaction, and not be read."""
    redactions = "author,customer.id,document.id"
    one = redacted(tmp_path, redactions, Document(id="x", author="ann", customer_id="ann")).documents[0].document
    two = redacted(tmp_path, redactions, Document(id="y", author="ann")).documents[0].document
    assert one.author == two.author == one.customer_id
    assert one.id != two.id
    assert len(one.author) == 32
    elsewhere = redacted(tmp_path / "other", redactions, Document(author="ann")).documents[0].document
    assert elsewhere.author != one.author
    assert (tmp_path / "redaction.key").stat().st_mode & 0o077 == 0


def test_nothing_masked_reaches_spans_or_the_log(tmp_path: Path) -> None:
    """Neither the bytes of the spans nor the lines of the calculation log hold what is redacted."""
    document = media_document()
    document.text += " ann@mail.example"
    decoded = redacted(tmp_path, "email,author,document.id,title", document, "ann", "refund")
    told = b"".join([span.data for span in encode(decoded)] + [line.data for line in log_lines(decoded)])
    for secret in (b"ann@", b"@ann", b"d-0", b"Still waiting"):
        assert secret not in told
    line = json.loads(next(iter(log_lines(decoded))).data)
    assert line["calculation"][0]["feature"] == ["[masked]", "refund"]


@pytest.mark.parametrize("name", ["emial", "labels", "events"])
def test_unknown_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name that nothing is known of is an error that names it and the choices."""
    with pytest.raises(SettingError, match=f"'{name}' cannot be redacted; use any of email"):
        Redaction([name], tmp_path)
    parse = SidecarSettings.__dataclass_fields__["redact"].metadata["parse"]
    with pytest.raises(SettingError, match=name):
        parse(name)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_masked_without_a_fault(text: str) -> None:
    """Whatever a text holds, masking ends and leaves the parts around what it found as they were."""
    for finder in ("email", "iban", "card", "phone"):
        left = Redaction([finder], Path("/nonexistent"))._masking([])(text)
        assert left == text or f"[{finder}]" in left


@pytest.mark.parametrize("part", ["a", "a@", "@a.", "1", "1 ", "DE89 ", "+49 ", "0-", "a.b@c-", "(030) "])
def test_long_texts_take_linear_time(part: str) -> None:
    """Much of what nearly matches is read through; a pattern that backtracks would run into the time limit."""
    text = part * (10**5 // len(part))
    for finder in ("email", "iban", "card", "phone"):
        Redaction([finder], Path("/nonexistent"))._masking([])(text)


def test_check_digits() -> None:
    """Check digits are those of ISO 7812 and ISO 13616."""
    assert has_luhn_digit("79927398713")
    assert not has_luhn_digit("79927398710")
    assert is_iban("FR1420041010050500013M02606")
    assert not is_iban("FR1420041010050500013M02607")
