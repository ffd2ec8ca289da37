"""Spans become records as docs/records.md says, whoever wrote them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions as names
from scorelens_indexer.checks import sigmoid
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.intake import convert
from scorelens_indexer.origin import read_origin
from scorelens_indexer.records import read_record
from scorelens_store.contract import Record
from scorelens_store.values import field_values
from tests.scorelens_indexer.spans import START, any_value, calculation, document, export, key_values, raw, span, stored

GOLDEN = Path(__file__).parent / "golden"
ALL_NAMES = sorted(
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str) and "." in value and not value.startswith("/")
)


def record_of(one: Span) -> Record:
    """Return the record of a span that has one."""
    record = read_record(raw(one), {})
    assert record is not None
    return stored(record)


def scored(**changes: Any) -> Record:
    """Return the record of a document with one selected tag whose calculation has changed attributes."""
    event = calculation("a", {"x": 3.0, "y": 1.0, "z": -0.5}, **changes)
    found = {pair.key: pair.value for pair in event.attributes}
    attributes = {
        names.RECORD: "document",
        names.TAG_IDS: ["a"],
        names.TAG_PROBABILITIES: [found[names.PROBABILITY].double_value],
        names.TAG_SELECTED: [True],
    }
    return record_of(span(attributes, [event]))


@pytest.mark.parametrize("name", sorted(path.name.split(".")[0] for path in GOLDEN.glob("*.otlp.json")))
def test_golden(name: str) -> None:
    """Each stored export becomes exactly the stored record, and JSON holds it without loss."""
    request = Parse((GOLDEN / f"{name}.otlp.json").read_text(), ExportTraceServiceRequest())
    expected = json.loads((GOLDEN / f"{name}.record.json").read_text())
    conversion = convert(raw(request))
    assert conversion.letters == []
    assert list(map(stored, conversion.records)) == [expected]


def test_spans_without_a_record_are_none() -> None:
    """A call's span beside its documents' spans, and anybody else's span, is no record."""
    assert read_record(raw(span({names.RPC_SERVICE: "x", names.SCHEMA: 1})), {}) is None
    assert read_record(raw(span({"http.method": b"\xff"})), {}) is None


def test_identity_without_record_id() -> None:
    """Without a valid record id the same trace and span always give the same one, and others another."""
    attributes = {names.RECORD: "call", names.RECORD_ID: "not hexadecimal"}
    first, again, other = (record_of(span(attributes, number=number))["record"]["id"] for number in (1, 1, 2))
    assert first == again != other
    assert len(bytes.fromhex(first)) == 16


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({names.TAG_PROBABILITIES: [0.5]}, "scorelens.tag.probability has 1 values where scorelens.tag.id has 2"),
        ({names.TAG_PROBABILITIES: None}, "scorelens.tag.probability has 0 values"),
        ({names.TAG_PROBABILITIES: ["high", "low"]}, "scorelens.tag.probability must be a number; it holds a string"),
        ({names.TAG_PROBABILITIES: 0.5}, "scorelens.tag.probability must be a list; it holds a number"),
        ({names.TAG_SELECTED: [True]}, "scorelens.tag.selected"),
        ({names.TAG_SELECTED: [1, 0]}, "scorelens.tag.selected must be a list of booleans"),
        ({names.TAG_IDS: ["a", 2]}, "scorelens.tag.id must be a list of strings; it holds a whole number"),
        ({names.TAG_TITLES: ["A"]}, "scorelens.tag.title"),
        ({names.TAG_MARGINS: [1.0, 2.0, 3.0]}, "scorelens.tag.margin"),
        ({names.RECORD: "page"}, "scorelens.record is 'page'"),
        ({names.RECORD: 1}, "scorelens.record must be a string"),
        ({names.SCHEMA: 2}, "scorelens.schema_version is 2"),
        ({names.DOCUMENT_TEXT: 5}, "scorelens.document.text"),
        ({names.DOCUMENT_AUDIENCE: 1.5}, "scorelens.document.audience is 1.5, not a whole number"),
        ({names.DOCUMENT_AUDIENCE: math.nan}, "scorelens.document.audience"),
        ({names.DOCUMENT_AUDIENCE: True}, "scorelens.document.audience must be a number; it holds a boolean"),
        ({names.DOCUMENT_PUBLISHED: "yesterday"}, "scorelens.document.published_time: 'yesterday'"),
        ({names.DOCUMENT_PUBLISHED: "2026-02-30T00:00:00Z"}, "scorelens.document.published_time"),
        ({names.DOCUMENT_PUBLISHED: "0001-01-01T00:00:00+23:00"}, "scorelens.document.published_time"),
        ({names.DOCUMENT_ATTRIBUTE_KEYS: ["a"]}, "scorelens.document.attribute.values has 0 values"),
        ({names.EVENT_TYPES: ["salary"]}, "scorelens.activity.time has 0 values where scorelens.activity.type has 1"),
        ({names.EVENT_AMOUNTS: [1.0]}, "scorelens.activity.amount has 1 values where scorelens.activity.type has 0"),
        ({names.SAMPLING_PROBABILITY: 0.0}, "scorelens.sampling.probability"),
        ({names.SAMPLING_PROBABILITY: math.nan}, "scorelens.sampling.probability"),
        ({names.RPC_STATUS_CODE: "OK"}, "rpc.grpc.status_code"),
    ],
)
def test_wrong_attribute_is_named(change: dict[str, Any], named: str) -> None:
    """A span that cannot become a record is refused with the attribute at fault and what is wrong with it."""
    with pytest.raises(PermanentError) as refused:
        read_record(raw(document(1, change)), {})
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({names.TERM_VALUES: [1.0]}, "calculation of 'a': scorelens.term.value has 1 values where"),
        ({names.TERM_CONTRIBUTIONS: []}, "calculation of 'a': scorelens.term.contribution has 0 values"),
        ({names.TERM_COEFFICIENTS: [1.0, 2.0, "3"]}, "scorelens.term.coefficient must be a number; it holds a string"),
        ({names.EXPLANATION: "vague"}, "calculation of 'a': scorelens.explanation is 'vague'"),
        ({names.MARGIN: None}, "calculation of 'a': scorelens.margin is missing"),
        ({names.SELECTED: "yes"}, "calculation of 'a': scorelens.selected must be a boolean"),
        ({names.LINK_PARAMETER_KEYS: ["slope"]}, "calculation of 'a': scorelens.link.parameter.values has 0 values"),
        ({names.CALCULATION_TAG: None}, "calculation: scorelens.tag.id is missing"),
    ],
)
def test_wrong_calculation_is_named(change: dict[str, Any], named: str) -> None:
    """A calculation that cannot be read is refused with its tag and the attribute at fault."""
    with pytest.raises(PermanentError) as refused:
        scored(**change)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("trace_id", b"", "trace_id has 0 bytes"),
        ("span_id", bytes(16), "span_id 16"),
        ("start_time_unix_nano", 0, "start_time_unix_nano is missing"),
    ],
)
def test_wrong_span_is_named(field: str, value: Any, named: str) -> None:
    """A span without valid ids or a start is refused by the name of its field."""
    with pytest.raises(PermanentError, match=named):
        read_record(raw(span({names.RECORD: "call"}, **{field: value})), {})


@pytest.mark.parametrize(
    ("nanoseconds", "written"),
    [
        (1, "1970-01-01T00:00:00.000000Z"),
        (1_999, "1970-01-01T00:00:00.000001Z"),
        (START, "2026-11-22T10:00:00.123456Z"),
        (2**64 - 1, "2554-07-21T23:34:33.709551Z"),
    ],
)
def test_timestamps(nanoseconds: int, written: str) -> None:
    """A span's start is written in UTC with microseconds, over the whole range that OTLP can hold."""
    assert record_of(span({names.RECORD: "call"}, start_time_unix_nano=nanoseconds))["@timestamp"] == written


def test_exact_calculation_that_adds_up_has_no_flag() -> None:
    """A calculation that holds is stored without a flag."""
    assert scored()["flags"] == []


@pytest.mark.parametrize(
    "change",
    [
        {names.INTERCEPT: -2.1 + 1e-4},
        {names.REMAINDER: 0.0},
        {names.TERM_CONTRIBUTIONS: [3.0, 1.0, -0.4]},
        {names.MARGIN: 1.0},
        {names.PROBABILITY: 0.5},
        {names.THRESHOLD: 0.999},
        {names.SELECTED: False},
        {names.LINK_PARAMETER_KEYS: ["slope"], names.LINK_PARAMETER_VALUES: [2.0]},
        {names.LINK: "identity"},
        {names.MARGIN: math.nan},
        {names.INTERCEPT: math.inf},
        {names.TERM_CONTRIBUTIONS: [math.inf, -math.inf, 0.0]},
    ],
)
def test_calculation_that_does_not_add_up_is_flagged(change: dict[str, Any]) -> None:
    """An exact calculation that fails its sum, its link or its threshold is stored as it came, and flagged."""
    record = scored(**change)
    assert "does_not_add_up" in record["flags"]
    assert record["calculation"][0]["feature"] == ["x", "y", "z"]


def test_calculation_of_another_probability_is_flagged() -> None:
    """A calculation that ends at another probability than the caller was given is flagged."""
    event = calculation("a", {"x": 3.0})
    one = span(
        {names.RECORD: "document", names.TAG_IDS: ["a"], names.TAG_PROBABILITIES: [0.1], names.TAG_SELECTED: [True]},
        [event],
    )
    assert record_of(one)["flags"] == ["does_not_add_up"]


@pytest.mark.parametrize("explanation", ["approximate", "none"])
def test_other_explanations_need_not_add_up(explanation: str) -> None:
    """Only an exact explanation promises a sum."""
    assert scored(**{names.EXPLANATION: explanation, names.INTERCEPT: 100.0})["flags"] == []


def test_links_with_parameters() -> None:
    """A sigmoid with slope and offset is checked as such, and a link of the model's own is believed."""
    margin = -2.1 + 3.0 + 1.0 - 0.5 + 0.05
    probability = sigmoid(0.5 * margin + 1)
    parameters = {names.LINK_PARAMETER_KEYS: ["slope", "offset"], names.LINK_PARAMETER_VALUES: [0.5, 1.0]}
    assert scored(**parameters, **{names.PROBABILITY: probability})["flags"] == []
    assert scored(**{names.LINK: "softplus"})["flags"] == []


def test_rounding_of_large_parts_that_cancel_is_no_fault() -> None:
    """The tolerance goes by the largest part, because that is where rounding happens."""
    terms = [1e12, -1e12 + 3.0, 1e-5]
    margin = -2.1 + 3.0 + 0.05
    change = {names.TERM_CONTRIBUTIONS: terms, names.MARGIN: margin, names.PROBABILITY: sigmoid(margin)}
    assert scored(**change)["flags"] == []


def test_reasons_are_the_raising_terms_of_selected_tags() -> None:
    """`because` has the terms that raise the margins of selected tags, the largest first over all tags, each once."""
    one = document(1, tags=0)
    del one.attributes[:]
    one.attributes.extend(
        key_values(
            {
                names.RECORD: "document",
                names.TAG_IDS: ["a", "b", "c"],
                names.TAG_PROBABILITIES: [0.9, 0.9, 0.1],
                names.TAG_SELECTED: [True, True, False],
            }
        )
    )
    one.events.extend(
        [
            calculation("a", {"x": 3.0, "y": -9.0, "z": 1.0}),
            calculation("b", {"x": 2.0, "zero": 0.0}),
            calculation("c", {"x": 8.0}),
        ]
    )
    assert record_of(one)["because"] == ["a:x", "b:x", "a:z"]


def test_reasons_are_bounded() -> None:
    """A calculation with all of its terms gives its twenty largest as reasons and keeps every term."""
    terms = {f"w{number}": float(number) for number in range(1, 101)}
    one = span(
        {names.RECORD: "document", names.TAG_IDS: ["a"], names.TAG_PROBABILITIES: [1.0], names.TAG_SELECTED: [True]},
        [calculation("a", terms)],
    )
    record = record_of(one)
    assert record["because"] == [f"a:w{number}" for number in range(100, 80, -1)]
    assert len(record["calculation"][0]["feature"]) == 100


@pytest.mark.parametrize(
    ("sides", "flags"),
    [
        (["request"], ["text_truncated"]),
        (["answer"], ["answer_truncated"]),
        (["request", "answer", "trailer"], ["answer_truncated", "text_truncated"]),
    ],
)
def test_what_was_cut_is_flagged(sides: list[str], flags: list[str]) -> None:
    """A document whose request or answer exceeded the capture limit says so."""
    record = read_record(raw(document(1, {names.TRUNCATED: sides})), {})
    assert record is not None
    assert record["flags"] == flags


@pytest.mark.parametrize("number", [1e39, -3.5e38, math.nan, math.inf])
def test_numbers_that_no_index_can_hold_cost_no_record(number: float) -> None:
    """A score or margin beyond 32 bits is left out and flagged, as one that is not finite; the calculation keeps it."""
    event = calculation("complaint", {"refund": 3.24}, **{names.MARGIN: number})
    change = {names.TAG_IDS: ["complaint"], names.TAG_SELECTED: [True], names.TAG_PROBABILITIES: [number]}
    one = document(1, change | {names.TAG_MARGINS: [number], names.TAG_THRESHOLDS: [0.5]}, tags=1)
    del one.events[:]
    one.events.append(event)
    record = record_of(one)
    assert "not_finite" in record["flags"]
    assert ("score" in record, "margin" in record, record["threshold"]) == (False, False, {"complaint": 0.5})
    assert record["calculation"][0]["margin"] == (number if math.isfinite(number) else None)
    field_values(record | {"@timestamp": "2026-11-22T10:00:00Z"})


def test_a_resource_is_kept_as_far_as_it_is_of_a_usual_size() -> None:
    """A resource of megabytes, which each record of an export would repeat, leaves out what is too long."""
    values = {"service.name": "s", "k8s.pod.name": "p", "huge": "x" * 1_000_000}
    values |= {f"key.{number}": "y" * 100 for number in range(1000)}
    origin = read_origin(Resource(attributes=key_values(values)))
    assert (origin["service"], origin["resource"]["k8s.pod.name"]) == ({"name": "s"}, "p")
    assert "huge" not in origin["resource"]
    assert 1000 < len(str(origin)) < 20_000


def test_long_text_is_kept_whole() -> None:
    """A text of ten million characters is stored whole with its length."""
    document_part = record_of(document(1, {names.DOCUMENT_TEXT: "é " * 5_000_000}))["document"]
    assert document_part["length"] == len(document_part["text"]) == 10_000_000


SCALARS = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=4),
    st.sampled_from(["document", "call", "exact", "2026-11-22T10:00:00Z", "sigmoid"]),
)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@given(
    st.dictionaries(st.sampled_from(ALL_NAMES), ANYTHING, max_size=3),
    st.dictionaries(st.sampled_from(ALL_NAMES), ANYTHING, max_size=3),
    st.sampled_from([0, 8, 16, 16, 16]),
)
def test_no_attributes_crash(of_span: dict[str, Any], of_event: dict[str, Any], id_length: int) -> None:
    """Whatever attributes a span has, it becomes a record of valid JSON, is ignored, or is put aside."""
    one = document(1, of_span)
    one.trace_id = bytes(id_length)
    one.events.append(calculation("tag0", {"x": 1.0}, **of_event))
    conversion = convert(raw(export(one)))
    assert conversion.received == len(conversion.records) + len(conversion.letters) + conversion.ignored == 1
    assert all("failed to read" not in letter.reason and letter.reason for letter in conversion.letters)
    for record in conversion.records:
        json.dumps(stored(record), allow_nan=False)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30),
    st.lists(st.text(max_size=300), max_size=5),
    st.text(),
)
def test_values_arrive_unchanged(numbers: list[float], words: list[str], text: str) -> None:
    """Numbers and texts of a valid span are the record's, to the last bit and character."""
    features = [f"{place}" for place in range(len(numbers))]
    event = calculation(
        "a",
        {},
        0.0,
        **{
            names.TERM_FEATURES: features,
            names.TERM_VALUES: numbers,
            names.TERM_COEFFICIENTS: numbers,
            names.TERM_CONTRIBUTIONS: numbers,
        },
    )
    one = document(
        1,
        {names.DOCUMENT_TEXT: text, names.DOCUMENT_ATTRIBUTE_KEYS: words, names.DOCUMENT_ATTRIBUTE_VALUES: words},
        tags=0,
    )
    one.events.append(event)
    record = record_of(Span.FromString(one.SerializeToString()))
    kept = record["calculation"][0]
    assert kept["value"] == kept["coefficient"] == kept["contribution"] == numbers
    assert kept["feature"] == features
    assert record["document"]["text"] == text
    assert record["document"].get("attributes", {}) == {word: word for word in words}


@given(st.lists(st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False)), max_size=20))
def test_numbers_of_any_integer_and_double_mix(numbers: list[float]) -> None:
    """A list of numbers is read the same whether its writer typed them as whole numbers or doubles."""
    one = document(
        1,
        {
            names.EVENT_TYPES: ["t"] * len(numbers),
            names.EVENT_TIMES: [""] * len(numbers),
            names.EVENT_AMOUNTS: numbers,
            names.EVENT_CURRENCIES: [""] * len(numbers),
            names.EVENT_BALANCES: [0] * len(numbers),
            names.EVENT_PRODUCTS: [""] * len(numbers),
            names.EVENT_TEXTS: [""] * len(numbers),
        },
    )
    expected = [float(number) if math.isfinite(number) else None for number in numbers]
    assert record_of(one).get("activity", {}).get("amount", []) == expected


def test_attribute_without_a_value_is_a_fault() -> None:
    """A key without any value is named, not taken for an empty text."""
    one = document(1)
    one.attributes.add(key=names.DOCUMENT_AUTHOR)
    with pytest.raises(PermanentError, match=r"scorelens.document.author must be a string; it holds no value"):
        read_record(raw(one), {})
    assert any_value("x").string_value == "x"
