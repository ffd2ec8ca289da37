"""Whatever the contract allows converts, and can be read back whole."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable
from math import isnan
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from scorelens.v1.scorer_pb2 import (
    ActivityEvent,
    Calculation,
    Calculations,
    Document,
    DocumentCalculation,
    Link,
    ModelRef,
    Result,
    ScoreRequest,
    ScoreResponse,
    TagScore,
    Terms,
)
from scorelens_sidecar.calculation_lines import log_lines
from scorelens_sidecar.spans import decode
from scorelens_sidecar.spans.wire import doubles, integer, texts
from tests.scorelens_sidecar.spans.calls import answer_for, captured, media_document, scored_call
from tests.scorelens_sidecar.spans.reading import LIMIT, export_of, spans_of

texts_ = st.text(max_size=200)
numbers = st.floats()


def filled(message: Callable[..., Any], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make messages of a kind."""
    return st.builds(message, **fields)


def timestamps() -> st.SearchStrategy[Any]:
    """Make times that RFC 3339 can write, to the nanosecond."""
    return st.builds(Timestamp, seconds=st.integers(-62135596800, 253402300799), nanos=st.integers(0, 999_999_999))


def documents() -> st.SearchStrategy[Document]:
    """Make any documents."""
    names = "id kind title text language author source source_uri customer_id"
    return filled(
        Document,
        **dict.fromkeys(names.split(), texts_),
        audience=st.integers(-(2**63), 2**63 - 1),
        published_time=st.none() | timestamps(),
        attributes=st.dictionaries(texts_, texts_, max_size=3),
        events=st.lists(events(), max_size=3),
    )


def events() -> st.SearchStrategy[Any]:
    """Make any activity events; an unknown balance is absent, never NaN."""
    return filled(
        ActivityEvent,
        **dict.fromkeys(("type", "currency", "product", "text"), texts_),
        time=st.none() | timestamps(),
        amount=numbers,
        balance=st.none() | st.floats(allow_nan=False),
    )


def calculations() -> st.SearchStrategy[Calculation]:
    """Make any calculations, also ones whose arrays are of different lengths."""
    named = st.dictionaries(texts_, numbers, max_size=2)
    values = st.lists(numbers, max_size=4)
    terms = filled(Terms, feature=st.lists(texts_, max_size=4), value=values, coefficient=values, contribution=values)
    return filled(
        Calculation,
        tag=texts_,
        explanation=st.integers(0, 5),
        terms=terms,
        remainder_terms=st.integers(0, 2**32 - 1),
        link=filled(Link, name=texts_, parameters=named),
        selected=st.booleans(),
        intermediates=named,
        **dict.fromkeys(("intercept", "remainder", "margin", "probability", "threshold"), numbers),
    )


def answers() -> st.SearchStrategy[ScoreResponse]:
    """Make any answers, matching their requests or not."""
    model = filled(ModelRef, id=texts_, version=texts_)
    tag = filled(TagScore, tag=texts_, title=texts_, group=texts_, probability=numbers, selected=st.booleans())
    result = filled(Result, document_id=texts_, model=model, tags=st.lists(tag, max_size=3))
    calculation = filled(
        DocumentCalculation, document_id=texts_, model=model, tags=st.lists(calculations(), max_size=2)
    )
    return filled(
        ScoreResponse,
        results=st.lists(result, max_size=3),
        calculations=st.none() | filled(Calculations, documents=st.lists(calculation, max_size=3)),
    )


requests = filled(ScoreRequest, documents=st.lists(documents(), max_size=3), model=texts_)


@settings(max_examples=80, deadline=None)
@given(requests, answers())
def test_any_request_and_answer_converts(request: ScoreRequest, answer: ScoreResponse) -> None:
    """Every document of a request is in a span, whole, whatever the answer; the bytes are as protobuf writes them."""
    call = captured(1, request.SerializeToString(), answer.SerializeToString())
    data = export_of(call)
    assert ExportTraceServiceRequest.FromString(data).SerializeToString() == data
    spans = [span for span in spans_of(call) if span["name"] == "document"]
    pairs = max(len(request.documents), len(answer.results)) or len(answer.calculations.documents)
    assert len(spans) == pairs
    for span, document in zip(spans, request.documents, strict=False):
        assert document_of(span["attributes"]) == document_without_nan(document)
    for span, result in zip(spans, answer.results, strict=False):
        assert_tags(span["attributes"], result)
    for span, calculation in zip(spans, answer.calculations.documents, strict=False):
        assert [event["attributes"]["scorelens.tag.id"] for event in span["events"]] == [
            tag.tag for tag in calculation.tags
        ]
        for event, tag in zip(span["events"], calculation.tags, strict=True):
            assert_calculation(event["attributes"], tag)
    assert len(list(log_lines(decode(call, LIMIT)))) <= pairs


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([b"", b"gzip", b"deflate", b"zstd", b"\xff"]))
def test_any_bytes_convert(request: bytes, answer: bytes, encoding: bytes) -> None:
    """Bytes that are no message at all become a call record that says so, or documents."""
    spans = spans_of(captured(1, request, answer, request_encoding=encoding, answer_encoding=encoding))
    kinds = {span["attributes"].get("scorelens.record") for span in spans}
    assert kinds <= {"document", "call", None}
    assert kinds & {"document", "call"}


@settings(deadline=None)
@given(st.data(), st.booleans())
def test_what_was_kept_of_a_cut_message_is_read(data: st.DataObject, packed: bool) -> None:
    """Wherever a message is cut, each answered document is still a span, and nothing in it is half of what it was."""
    request = ScoreRequest(documents=[media_document(number) for number in (1, 2, 3)])
    answer = answer_for(request)
    call = scored_call(1, *request.documents)
    side = data.draw(st.sampled_from(["request", "answer"]))
    whole = getattr(call, side)
    kept = gzip.compress(whole) if packed else whole
    changes: dict[str, Any] = {
        side: kept[: data.draw(st.integers(0, len(kept)))],
        f"{side}_sha256": hashlib.sha256(kept).digest(),
        f"{side}_encoding": b"gzip" if packed else b"",
    }
    decoded = decode(call._replace(**changes), LIMIT)
    assert decoded.truncated == (side,)
    assert [scored.document.id for scored in decoded.documents] == ["d-1", "d-2", "d-3"]
    for scored, document, result, calculation in zip(
        decoded.documents, request.documents, answer.results, answer.calculations.documents, strict=True
    ):
        assert document.text.startswith(scored.document.text)
        assert scored.calculation in (DocumentCalculation(), calculation)
        chances = [(tag.tag, tag.probability, tag.selected) for tag in result.tags]
        assert [(tag.tag, tag.probability, tag.selected) for tag in scored.result.tags] in ([], chances)


def test_a_message_that_grows_beyond_the_limit_is_read_as_far_as_that() -> None:
    """A compressed message larger than the limit is a cut one; its hash is of what was sent."""
    call = scored_call(1, Document(id="large", text="word " * 1000))
    packed = gzip.compress(call.request)
    decoded = decode(call._replace(request=packed, request_encoding=b"gzip"), 200)
    [scored] = decoded.documents
    assert (scored.document.id, decoded.truncated) == ("large", ("request",))
    assert 100 < len(scored.document.text) < 200
    assert decoded.hashes == {"request": hashlib.sha256(packed).digest()}


@settings(deadline=None)
@given(st.binary(max_size=5000), st.booleans())
def test_compressed_messages_are_read(payload: bytes, bare: bool) -> None:
    """Deflate is read in both of its formats."""
    request = ScoreRequest(model=payload.hex()).SerializeToString()
    compressor = zlib.compressobj(wbits=-15 if bare else 15)
    packed = compressor.compress(request) + compressor.flush()
    decoded = decode(captured(1, packed, b"", request_encoding=b"deflate", answer_messages=0), LIMIT)
    assert decoded.model.id == payload.hex()


@settings(deadline=None)
@given(st.lists(numbers, max_size=300), st.lists(texts_, max_size=20), st.integers(-(2**63), 2**63 - 1))
def test_wire_values_are_read_by_protobuf(values: list[float], words: list[str], number: int) -> None:
    """What is written by hand is what protobuf's own classes read."""
    read = [each.double_value for each in KeyValue.FromString(doubles("k", values)).value.array_value.values]
    assert list(map(repr, read)) == list(map(repr, values))
    spelled = [each.string_value for each in KeyValue.FromString(texts("k", words)).value.array_value.values]
    assert spelled == words
    assert KeyValue.FromString(integer("k", number)).value.int_value == number


def document_of(attributes: dict[str, Any]) -> Document:
    """Make a document of a span's attributes."""
    read = {name.removeprefix("scorelens."): value for name, value in attributes.items()}
    names = "id kind title text language author source source_uri audience"
    document = Document(**{name: read[f"document.{name}"] for name in names.split() if f"document.{name}" in read})
    document.customer_id = read.get("customer.id", "")
    if "document.published_time" in read:
        document.published_time.FromJsonString(read["document.published_time"])
    keys, values = read.get("document.attribute.keys", []), read.get("document.attribute.values", [])
    document.attributes.update(dict(zip(keys, values, strict=True)))
    fields = ("type", "time", "amount", "currency", "balance", "product", "text")
    for row in zip(*(read.get(f"activity.{name}", []) for name in fields), strict=True):
        event = dict(zip(fields, row, strict=True))
        time, balance = event.pop("time"), event.pop("balance")
        event["amount"] = 0.0 if isnan(event["amount"]) else event["amount"]
        added = document.events.add(**event)
        if time:
            added.time.FromJsonString(time)
        if not isnan(balance):
            added.balance = balance
    return document


def document_without_nan(document: Document) -> Document:
    """Return a document that equals itself."""
    for event in document.events:
        event.amount = 0.0 if isnan(event.amount) else event.amount
    return document


def assert_tags(attributes: dict[str, Any], result: Result) -> None:
    """The tags of a result are in its span."""
    for name in ("title", "group", "selected", "probability"):
        read = attributes.get(f"scorelens.tag.{name}", [])
        assert list(map(repr, read)) == [repr(getattr(tag, name)) for tag in result.tags]
    assert attributes.get("scorelens.tag.id", []) == [tag.tag for tag in result.tags]


def assert_calculation(attributes: dict[str, Any], tag: Calculation) -> None:
    """The numbers and terms of a calculation are in its event."""
    for name in ("intercept", "remainder", "margin", "probability", "threshold", "selected"):
        assert repr(attributes[f"scorelens.{name}"]) == repr(getattr(tag, name))
    lengths = set()
    for name in ("feature", "value", "coefficient", "contribution"):
        read, sent = attributes.get(f"scorelens.term.{name}", []), getattr(tag.terms, name)
        lengths.add(len(read))
        assert list(map(repr, read[: len(sent)])) == list(map(repr, sent))
        assert all(value == "" or isnan(value) for value in read[len(sent) :])
    assert len(lengths) == 1
    assert attributes["scorelens.remainder.terms"] == tag.remainder_terms
    read = dict(
        zip(
            attributes.get("scorelens.intermediate.keys", []),
            attributes.get("scorelens.intermediate.values", []),
            strict=True,
        )
    )
    assert repr(sorted(read.items())) == repr(sorted(tag.intermediates.items()))
