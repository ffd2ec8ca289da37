"""Scored documents as lines of the calculation log: records of docs/records.md without the document's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from scorelens import conventions as names
from scorelens.v1.scorer_pb2 import Calculation
from scorelens_sidecar.spans.decode import DecodedCall, ScoredDocument
from scorelens_sidecar.spans.document import explanation_of, term_columns
from scorelens_sidecar.spans.encode import span_times, split_path
from scorelens_sidecar.spans.times import rfc3339_of_ns


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line with its end, and the ids in it."""

    record_id: str
    data: bytes
    document_id: str = ""
    customer_id: str = ""


def log_lines(decoded: DecodedCall) -> Iterator[LogLine]:
    """Yield a line per scored document; numbers that JSON cannot write become null."""
    for scored in decoded.documents:
        if scored.is_scored:
            data = orjson.dumps(_line(decoded, scored), option=orjson.OPT_APPEND_NEWLINE)
            yield LogLine(scored.identity.record_id, data, scored.document.id, scored.document.customer_id)


def read_record_id(line: bytes) -> str | None:
    """Return the record id of a line, or None for what is no line of this log."""
    try:
        record_id = orjson.loads(line)["record"]["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return record_id if isinstance(record_id, str) else None


def _line(decoded: DecodedCall, scored: ScoredDocument) -> dict[str, Any]:
    call, document = decoded.call, scored.document
    service, method = split_path(call.path)
    line: dict[str, Any] = {
        "@timestamp": rfc3339_of_ns(span_times(call)[0]),
        "schema_version": names.SCHEMA_VERSION,
        "record": {"id": scored.identity.record_id, "type": names.RECORD_DOCUMENT},
        "purpose": call.purpose.decode(errors="replace") or names.DEFAULT_PURPOSE,
        "trace": {"id": call.trace_id.hex()},
        "span": {"id": scored.identity.span_id.hex(), "parent_id": call.span_id.hex()},
        "message": {"number": call.message_number},
        "rpc": {"service": service, "method": method},
        "document": {"id": document.id, "number": scored.number, "kind": document.kind},
        "model": {"id": scored.model.id, "version": scored.model.version},
        "sampling": {"probability": call.sampling_probability},
    }
    if document.customer_id:
        line["customer"] = {"id": document.customer_id}
    return line | _scores(scored)


def _scores(scored: ScoredDocument) -> dict[str, Any]:
    tags, calculations = scored.result.tags, scored.calculation.tags
    scores: dict[str, Any] = {
        "tags": [tag.tag for tag in tags if tag.selected],
        "score": {tag.tag: tag.probability for tag in tags},
    }
    if calculations:
        scores |= {
            "margin": {tag.tag: tag.margin for tag in calculations},
            "threshold": {tag.tag: tag.threshold for tag in calculations},
            "because": _because(calculations),
            "calculation": [_calculation(tag) for tag in calculations],
        }
    return scores


def _because(calculations: Any) -> list[str]:
    """Name the terms of selected tags that raise the margin, the largest first."""
    raising = [
        (contribution, f"{tag.tag}:{feature}")
        for tag in calculations
        if tag.selected
        for feature, contribution in zip(tag.terms.feature, tag.terms.contribution, strict=False)
        if contribution > 0
    ]
    raising.sort(key=lambda term: -term[0])
    return list(dict.fromkeys(name for _, name in raising))


def _calculation(tag: Calculation) -> dict[str, Any]:
    features, values, coefficients, contributions = term_columns(tag.terms)
    return {
        "tag": tag.tag,
        "explanation": explanation_of(tag),
        "intercept": tag.intercept,
        "feature": features,
        "value": values,
        "coefficient": coefficients,
        "contribution": contributions,
        "remainder": tag.remainder,
        "remainder_terms": tag.remainder_terms,
        "margin": tag.margin,
        "link": tag.link.name,
        "link_parameters": dict(tag.link.parameters),
        "probability": tag.probability,
        "threshold": tag.threshold,
        "selected": tag.selected,
        "intermediates": dict(tag.intermediates),
    }
