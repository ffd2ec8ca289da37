"""Records of the spool without what is to be forgotten."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

import pytest

from scorelens.v1.scorer_pb2 import Document, ScoreRequest, ScoreResponse
from scorelens_sidecar.captured import CapturedCall, End
from scorelens_sidecar.forgetting.blanking import Blanked, Blanking
from scorelens_sidecar.forgetting.wanted import Wanted
from scorelens_sidecar.spans import decode, encode
from scorelens_sidecar.spool import format as spool_format
from tests.scorelens_sidecar.spans.calls import activity_document, answer_for, captured, media_document, scored_call

LIMIT = 2**24


def documents() -> list[Document]:
    """Three documents, each with a word of its own."""
    found = [media_document(number) for number in range(3)]
    for number, document in enumerate(found):
        document.text = f"Secret{number} " * 20
        document.customer_id = f"c-{number}"
    return found


def body_of(call: CapturedCall) -> bytes:
    """Return the body that a call has in the spool."""
    parts, _ = spool_format.encode(call, 7, 5, b"mark")
    return b"".join(parts)[spool_format.PREFIX.size :]


def blank(call: CapturedCall, **ids: Any) -> Blanked | None:
    """Blank a call as the spool has it."""
    return Blanking(Wanted.of(ids)).blank(call, body_of(call))


def read(blanked: Blanked) -> CapturedCall:
    """Return the call that is left."""
    return spool_format.decode(blanked.body)


@pytest.mark.parametrize("ids", [{"document": ["d-1"]}, {"customer": ["c-1"]}, {"record": ["of document 1"]}])
@pytest.mark.parametrize("encoding", [b"", b"gzip"])
def test_one_document_of_a_batch_goes_and_the_others_keep_their_ids(ids: dict[str, list[str]], encoding: bytes) -> None:
    """What is left becomes the same spans as before, without those of the document."""
    call = scored_call(1, *documents())
    if encoding:
        call = captured(
            1,
            gzip.compress(call.request),
            gzip.compress(call.answer),
            request_encoding=encoding,
            answer_encoding=encoding,
        )
    before = list(encode(decode(call, LIMIT)))
    if "record" in ids:
        ids = {"record": [before[1].record_id.upper()]}
    blanked = blank(call, **ids)
    assert blanked
    assert len(blanked.body) == len(body_of(call))
    assert (blanked.documents, blanked.whole) == (1, False)
    after = list(encode(decode(read(blanked), LIMIT)))
    assert [span.data for span in after] == [span.data for number, span in enumerate(before) if number != 1]
    if not encoding:
        assert b"Secret1" not in blanked.body
        assert b"d-1" not in blanked.body
        assert b"c-1" not in blanked.body


def test_a_call_of_which_nothing_is_left_becomes_no_record() -> None:
    """The call's span says that it happened; no record of a document or of a call without one is made of it."""
    call = scored_call(1, activity_document())
    blanked = blank(call, customer=["c-9"])
    assert blanked
    spans = list(encode(decode(read(blanked), LIMIT)))
    assert [span.record_id for span in spans] == [""]
    assert not decode(read(blanked), LIMIT).fault


def test_what_was_blanked_is_not_found_again() -> None:
    """A second run finds nothing to do."""
    blanked = blank(scored_call(1, *documents()), document=["d-0", "d-2"])
    assert blanked
    assert blanked.documents == 2
    assert Blanking(Wanted.of({"document": ["d-0", "d-2"]})).blank(read(blanked), blanked.body) is None


@pytest.mark.parametrize(
    "ids", [{"document": ["d-"]}, {"document": ["Secret1"]}, {"customer": ["d-1"]}, {"record": ["0"]}]
)
def test_only_whole_ids_of_the_right_kind_count(ids: dict[str, list[str]]) -> None:
    """A part of an id, a word of a text, and an id of another kind leave everything as it is."""
    assert blank(scored_call(1, *documents()), **ids) is None


def test_a_call_without_an_answer_is_blanked_too() -> None:
    """What was asked stays in the spool even where nothing was answered."""
    request = ScoreRequest(documents=documents()).SerializeToString()
    call = captured(1, request, b"", end=End.CONNECTION_LOST, answer_size=0, answer_messages=0)
    blanked = blank(call, document=["d-1"])
    assert blanked
    assert b"Secret1" not in blanked.body
    assert b"Secret2" in blanked.body
    (span,) = encode(decode(read(blanked), LIMIT))
    assert span.record_id  # of the failed call, which tells of no document


@pytest.mark.parametrize("encoding", [b"", b"gzip"])
def test_of_a_cut_message_the_other_documents_stay(encoding: bytes) -> None:
    """A capture that was cut to the limit is blanked as far as it goes; its hash, which tells too much, is replaced."""
    whole = ScoreRequest(documents=documents())
    request, answer = whole.SerializeToString(), answer_for(whole).SerializeToString()
    digest = hashlib.sha256(request).digest()
    kept = gzip.compress(request, mtime=0)[:-9] if encoding else request[:-60]
    call = captured(1, kept, answer, request_encoding=encoding, request_sha256=digest)
    before = list(encode(decode(call, LIMIT)))
    for gone in range(3):
        blanked = blank(call, document=[f"d-{gone}"])
        assert blanked
        assert digest not in blanked.body
        after = decode(read(blanked), LIMIT)
        assert [one.identity.record_id for one in after.documents] == [
            span.record_id for number, span in enumerate(before[:3]) if number != gone
        ]
        assert [one.document.text for one in after.documents] == [
            one.document.text for number, one in enumerate(decode(call, LIMIT).documents) if number != gone
        ]


def test_a_message_that_cannot_be_read_goes_when_it_has_the_id() -> None:
    """Bytes that are no message are not kept for the sake of what nobody can read."""
    broken = b"\xff\xff d-1 Secret1"
    call = captured(1, broken, answer_for(ScoreRequest(documents=documents())).SerializeToString())
    blanked = blank(call, document=["d-1"])
    assert blanked
    assert blanked.whole
    assert b"Secret1" not in blanked.body
    assert blank(call, document=["d-77"]) is None
    assert Blanking(Wanted.of({"document": ["d-1"]})).blank(read(blanked), blanked.body) is None


@pytest.mark.parametrize("encoding", [b"gzip", b"snappy"])
def test_what_cannot_be_decompressed_goes_as_a_whole(encoding: bytes) -> None:
    """Nobody can say whether the document is in it, and nothing can ever be made of it."""
    call = captured(1, b"not compressed at all, d-1 and a bit longer than that", b"", request_encoding=encoding)
    blanked = blank(call, document=["d-1"])
    assert blanked
    assert blanked.whole
    assert b"d-1" not in blanked.body
    assert Blanking(Wanted.of({"document": ["d-1"]})).blank(read(blanked), blanked.body) is None


def test_answers_that_name_another_document_go_by_either_name() -> None:
    """Where request and answer disagree, the place goes for the id of the one as for that of the other."""
    request = ScoreRequest(documents=documents())
    answer = answer_for(request)
    answer.results[0].document_id = "d-77"
    call = captured(1, request.SerializeToString(), answer.SerializeToString())
    for wanted in ("d-0", "d-77"):
        blanked = blank(call, document=[wanted])
        assert blanked
        assert b"Secret0" not in blanked.body
        assert b"d-77" not in blanked.body


def test_many_ids_find_the_same() -> None:
    """Thousands of ids are looked up rather than searched for."""
    blanked = blank(scored_call(1, *documents()), document=[f"x-{number}" for number in range(5000)] + ["d-2"])
    assert blanked
    assert blanked.documents == 1
    left = ScoreResponse.FromString(read(blanked).answer)
    assert [result.document_id for result in left.results] == ["d-0", "d-1", ""]
