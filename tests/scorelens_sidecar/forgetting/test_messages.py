"""Documents blanked within messages that keep their size."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from scorelens.v1.scorer_pb2 import Document, ScoreRequest, ScoreResponse
from scorelens_sidecar.forgetting.messages import UnreadableError, blank_documents, compressed_again, filler
from scorelens_sidecar.spans.compression import decompress
from tests.scorelens_sidecar.spans.calls import answer_for

documents = some.builds(
    Document,
    id=some.text(max_size=20),
    kind=some.text(max_size=4),
    title=some.text(max_size=9),
    text=some.text(max_size=300),
    customer_id=some.text(max_size=9),
    attributes=some.dictionaries(some.text(max_size=5), some.text(max_size=5), max_size=2),
)


@pytest.mark.parametrize("size", [0, *range(2, 400), 16_385, 16_386, 16_387, 16_388, 16_389, 2_097_157])
def test_a_filler_is_a_field_that_says_nothing_in_any_size(size: int) -> None:
    """Whatever a document took, a field of the same size can stand in its place."""
    made = filler(size)
    assert len(made) == size
    read = Document.FromString(made)
    assert not read.ListFields()
    assert ScoreResponse.FromString(made).ByteSize() >= 0


def test_no_field_takes_one_byte() -> None:
    """A message of one byte is none of the contract, so it is left to those who treat what cannot be read."""
    with pytest.raises(UnreadableError):
        filler(1)


@given(some.lists(documents, min_size=1, max_size=6), some.sets(some.integers(0, 5)))
def test_the_others_stay_as_they_are_and_where_they_are(batch: list[Document], numbers: set[int]) -> None:
    """Of a batch, exactly the numbered documents, results and calculations become empty."""
    request = ScoreRequest(documents=batch, model="m", max_terms=3)
    answer = answer_for(request)
    for side, message in (("request", request), ("answer", answer)):
        before = message.SerializeToString()
        after = blank_documents(before, side, numbers)
        assert len(after) == len(before)
        read: Any = type(message).FromString(after)
        expected: Any = type(message).FromString(before)
        lists = ["documents"] if side == "request" else ["results", "calculations"]
        for name in lists:
            parts, wanted = getattr(read, name), getattr(expected, name)
            if name == "calculations":
                parts, wanted = parts.documents, wanted.documents
            assert len(parts) == len(wanted)
            for number, (part, kept) in enumerate(zip(parts, wanted, strict=True)):
                assert (not part.ListFields()) if number in numbers else part == kept
        if side == "request":
            assert (read.model, read.max_terms) == ("m", 3)


@given(some.lists(documents, min_size=1, max_size=4), some.integers(0, 3), some.data())
def test_a_message_that_was_cut_has_blanks_as_far_as_it_goes(batch: list[Document], number: int, data: Any) -> None:
    """Wherever a message was cut, nothing of a blanked document is left in its beginning."""
    marker = "Unmistakable"
    if number < len(batch):
        batch[number].text = marker * 3
        batch[number].id = marker
    whole = ScoreRequest(documents=batch).SerializeToString()
    kept = whole[: data.draw(some.integers(0, len(whole)))]
    after = blank_documents(kept, "request", {number})
    assert len(after) == len(kept)
    assert b"nmistakabl" not in after


def test_fields_that_the_contract_cannot_have_are_not_guessed_at() -> None:
    """A group, whose end only its content tells, makes a message unreadable."""
    with pytest.raises(UnreadableError):
        blank_documents(b"\x33\x0a\x00\x34", "request", {0})


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
@pytest.mark.parametrize("spare", [0, 1, 3, 5, 7, 200])
def test_a_message_compresses_into_the_bytes_that_there_are(encoding: bytes, spare: int) -> None:
    """What is left over changes neither what is read nor whether it is all of the message."""
    plain = b"nobody answers the phone " * 40
    window = 31 if encoding == b"gzip" else 15
    stream = zlib.compressobj(9, zlib.DEFLATED, window, 9)
    size = len(stream.compress(plain) + stream.flush()) + spare
    assert decompress(compressed_again(plain, encoding, size, ends=True), encoding, 10_000) == (plain, True)
    cut = compressed_again(plain, encoding, size + 10, ends=False)
    assert len(cut) == size + 10
    assert decompress(cut, encoding, 10_000, is_whole=False) == (plain, False)
    with pytest.raises(UnreadableError):
        compressed_again(plain, encoding, size - spare - 1, ends=True)
