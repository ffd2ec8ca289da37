"""Calls of every sort and the spans they become, as files that a person can read.

`python -m tests.scorelens_sidecar.spans.test_golden` writes the files anew; read the difference before committing it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens_sidecar.captured import NO_STATUS, CapturedCall, End, Part
from tests.scorelens_sidecar.spans.calls import activity_document, answer_for, captured, media_document, scored_call
from tests.scorelens_sidecar.spans.reading import spans_of

GOLDEN = Path(__file__).parent / "golden"
STREAM = b"/scorelens.v1.Scorer/ScoreStream"


def _uneven() -> CapturedCall:
    request = ScoreRequest(documents=[media_document(1), media_document(2), media_document(3)])
    answer = answer_for(request)
    del answer.results[2], answer.calculations.documents[2]
    answer.results[1].document_id = "somebody-else"
    return captured(7, request.SerializeToString(deterministic=True), answer.SerializeToString(deterministic=True))


def _compressed() -> CapturedCall:
    call = scored_call(8)
    request, answer = gzip.compress(call.request, mtime=0), gzip.compress(call.answer, mtime=0)
    return call._replace(request=request, answer=answer, request_encoding=b"gzip", answer_encoding=b"gzip")


def _truncated() -> CapturedCall:
    call = scored_call(4)
    return call._replace(request=call.request[:100], request_sha256=hashlib.sha256(call.request).digest())


def _answer_truncated() -> CapturedCall:
    call = scored_call(13, media_document(1), media_document(2), media_document(3))
    return call._replace(answer=call.answer[:800], answer_sha256=hashlib.sha256(call.answer).digest())


CASES = {
    "media": scored_call(1, media_document(1), purpose=b"replay", parent_id=b"parent-8", sampling_probability=0.25),
    "activity": scored_call(2, activity_document()),
    "stream_message": scored_call(
        3, part=Part.MESSAGE, path=STREAM, message_number=5, status=NO_STATUS, end=End.OPEN, ended_us=9_000_000
    ),
    "stream_closing": captured(3, b"", b"", part=Part.CLOSING, path=STREAM, message_number=6, answer_messages=6),
    "stream_failed": captured(
        3, b"", b"", part=Part.CLOSING, path=STREAM, message_number=6, answer_messages=6, status=14
    ),
    "truncated": _truncated(),
    "answer_truncated": _answer_truncated(),
    "foreign": captured(
        5, b"", b"", part=Part.CLOSING, path=b"/shop.v1.Cart/Add", request_size=40, answer_size=12, status=13
    ),
    "refused_by_scorer": captured(
        6,
        ScoreRequest(documents=[media_document()], model="none").SerializeToString(deterministic=True),
        b"",
        status=5,
        answer_messages=0,
    ),
    "uneven": _uneven(),
    "compressed": _compressed(),
    "no_answer": captured(
        9,
        ScoreRequest(documents=[media_document()]).SerializeToString(deterministic=True),
        b"",
        status=NO_STATUS,
        end=End.CONNECTION_LOST,
        answer_messages=0,
    ),
    "not_utf8": captured(11, b"\x0a\x03\x0a\x01\xff", b"\xff\xff"),
    "not_an_answer": captured(
        12, ScoreRequest(documents=[media_document()]).SerializeToString(deterministic=True), b"\xff\xff"
    ),
    "withheld": scored_call(10, end=End.WITHHELD, status=13),
}


@pytest.mark.parametrize("name", CASES)
def test_becomes_these_spans(name: str) -> None:
    """A call becomes the spans of its golden file."""
    assert _as_json(CASES[name]) == (GOLDEN / f"{name}.json").read_text()


def test_no_golden_file_is_left_over() -> None:
    """Every golden file has a case."""
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


def _as_json(call: CapturedCall) -> str:
    return json.dumps(spans_of(call), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case, captured_call in CASES.items():
        (GOLDEN / f"{case}.json").write_text(_as_json(captured_call))
