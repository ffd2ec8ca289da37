"""The attributes of a document's span: the document, what the model said, and an event per calculation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import nan

from google.protobuf.timestamp_pb2 import Timestamp

from scorelens import conventions as names
from scorelens.v1.scorer_pb2 import Calculation, Document, DocumentCalculation, Explanation, Result, Terms
from scorelens_runtime.wire import field
from scorelens_sidecar.spans.times import rfc3339
from scorelens_sidecar.spans.wire import (
    EVENT_ATTRIBUTES,
    SPAN_ATTRIBUTES,
    SPAN_EVENTS,
    boolean,
    booleans,
    double,
    doubles,
    fixed64_field,
    integer,
    text,
    texts,
)

EXPLANATIONS = {Explanation.EXPLANATION_EXACT: "exact", Explanation.EXPLANATION_APPROXIMATE: "approximate"}

_TEXTS = (
    (names.DOCUMENT_TITLE, "title"),
    (names.DOCUMENT_LANGUAGE, "language"),
    (names.DOCUMENT_AUTHOR, "author"),
    (names.DOCUMENT_SOURCE, "source"),
    (names.DOCUMENT_SOURCE_URI, "source_uri"),
    (names.CUSTOMER_ID, "customer_id"),
)
_EVENT_NAME = field(2, names.CALCULATION_EVENT.encode())


def encode_document(document: Document) -> bytes:
    """Write the attributes that describe a document; beside id, kind and text, what is empty is left out."""
    return span_attributes(_document(document))


def encode_result(result: Result, calculation: DocumentCalculation) -> bytes:
    """Write the attributes of the tags, in the order of the result."""
    return span_attributes(_tags(result, calculation))


def encode_calculations(calculation: DocumentCalculation, time_ns: int) -> bytes:
    """Write one event per tag that says how its probability came about."""
    time = fixed64_field(1, time_ns)
    return b"".join([field(SPAN_EVENTS, time + _EVENT_NAME + _calculation(tag)) for tag in calculation.tags])


def span_attributes(bodies: Iterable[bytes]) -> bytes:
    """Write attributes as the fields of a span."""
    return b"".join([field(SPAN_ATTRIBUTES, body) for body in bodies])


def explanation_of(calculation: Calculation) -> str:
    """Name what the terms of a calculation are worth; a value that is not known here promises nothing."""
    return EXPLANATIONS.get(calculation.explanation, "none")


def term_columns(terms: Terms) -> tuple[list[str], list[float], list[float], list[float]]:
    """Return features, values, coefficients and contributions, of one length.

    A scorer that left some out breaks the contract, but its answer was given and must be recorded: what is missing is
    "" or NaN.
    """
    features, *numbers = terms.feature[:], terms.value[:], terms.coefficient[:], terms.contribution[:]
    count = len(features)
    if any(len(column) != count for column in numbers):
        count = max(count, *map(len, numbers))
        features += [""] * (count - len(features))
        numbers = [column + [nan] * (count - len(column)) for column in numbers]
    return features, numbers[0], numbers[1], numbers[2]


def _document(document: Document) -> Iterator[bytes]:
    yield text(names.DOCUMENT_ID, document.id)
    yield text(names.DOCUMENT_KIND, document.kind)
    yield text(names.DOCUMENT_TEXT, document.text)
    for name, attribute in _TEXTS:
        value = getattr(document, attribute)
        if value:
            yield text(name, value)
    if document.audience:
        yield integer(names.DOCUMENT_AUDIENCE, document.audience)
    if document.HasField("published_time"):
        yield text(names.DOCUMENT_PUBLISHED, _time(document.published_time))
    if document.attributes:
        yield from _pairs(names.DOCUMENT_ATTRIBUTE_KEYS, names.DOCUMENT_ATTRIBUTE_VALUES, document.attributes, texts)
    if document.events:
        yield from _activity(document)


def _activity(document: Document) -> Iterator[bytes]:
    events = document.events
    yield texts(names.EVENT_TYPES, [event.type for event in events])
    yield texts(names.EVENT_TIMES, [_time(event.time) if event.HasField("time") else "" for event in events])
    yield doubles(names.EVENT_AMOUNTS, [event.amount for event in events])
    yield texts(names.EVENT_CURRENCIES, [event.currency for event in events])
    yield doubles(names.EVENT_BALANCES, [event.balance if event.HasField("balance") else nan for event in events])
    yield texts(names.EVENT_PRODUCTS, [event.product for event in events])
    yield texts(names.EVENT_TEXTS, [event.text for event in events])


def _time(time: Timestamp) -> str:
    try:
        return rfc3339(time)
    except ValueError:  # outside the years that RFC 3339 can write
        return ""


def _tags(result: Result, calculation: DocumentCalculation) -> Iterator[bytes]:
    model = result.model if result.HasField("model") else calculation.model
    yield text(names.MODEL_ID, model.id)
    yield text(names.MODEL_VERSION, model.version)
    tags = result.tags
    if not tags:
        return
    yield texts(names.TAG_IDS, [tag.tag for tag in tags])
    yield texts(names.TAG_TITLES, [tag.title for tag in tags])
    yield texts(names.TAG_GROUPS, [tag.group for tag in tags])
    yield doubles(names.TAG_PROBABILITIES, [tag.probability for tag in tags])
    yield booleans(names.TAG_SELECTED, [tag.selected for tag in tags])
    if calculation.tags:
        known = {tag.tag: tag for tag in calculation.tags}
        found = [known.get(tag.tag) for tag in tags]
        yield doubles(names.TAG_THRESHOLDS, [tag.threshold if tag else nan for tag in found])
        yield doubles(names.TAG_MARGINS, [tag.margin if tag else nan for tag in found])


def _calculation(tag: Calculation) -> bytes:
    return b"".join([field(EVENT_ATTRIBUTES, body) for body in _calculation_attributes(tag)])


def _calculation_attributes(tag: Calculation) -> Iterator[bytes]:
    yield text(names.CALCULATION_TAG, tag.tag)
    yield text(names.EXPLANATION, explanation_of(tag))
    yield double(names.INTERCEPT, tag.intercept)
    if tag.HasField("terms"):
        features, values, coefficients, contributions = term_columns(tag.terms)
        yield texts(names.TERM_FEATURES, features)
        yield doubles(names.TERM_VALUES, values)
        yield doubles(names.TERM_COEFFICIENTS, coefficients)
        yield doubles(names.TERM_CONTRIBUTIONS, contributions)
    yield double(names.REMAINDER, tag.remainder)
    yield integer(names.REMAINDER_TERMS, tag.remainder_terms)
    yield double(names.MARGIN, tag.margin)
    yield text(names.LINK, tag.link.name)
    if tag.link.parameters:
        yield from _pairs(names.LINK_PARAMETER_KEYS, names.LINK_PARAMETER_VALUES, tag.link.parameters, doubles)
    yield double(names.PROBABILITY, tag.probability)
    yield double(names.THRESHOLD, tag.threshold)
    yield boolean(names.SELECTED, tag.selected)
    if tag.intermediates:
        yield from _pairs(names.INTERMEDIATE_KEYS, names.INTERMEDIATE_VALUES, tag.intermediates, doubles)


def _pairs(keys_name: str, values_name: str, mapping: Mapping[str, object], write: object) -> Iterator[bytes]:
    # Sorted, so that the same call always becomes the same bytes.
    keys = sorted(mapping)
    yield texts(keys_name, keys)
    yield write(values_name, [mapping[key] for key in keys])  # type: ignore[operator]
