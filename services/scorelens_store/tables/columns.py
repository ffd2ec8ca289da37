"""The columns of the three tables, and where in a record each of them stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from scorelens_store.tables import kinds
from scorelens_store.tables.kinds import Kind

TABLES: Final = ("documents", "scores", "terms")

REST: Final = "rest"
"""Column of `documents` with JSON of the record's members that columns cannot hold exactly; whole members."""


@dataclass(frozen=True)
class Column:
    """A column with a place of its own in the record; `path` begins at the record, or at one calculation."""

    name: str
    kind: Kind
    path: tuple[str, ...]


def _columns(*rows: tuple[str, Kind, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, tuple((path or name).split("."))) for name, kind, path in rows)


DOCUMENT: Final = _columns(
    ("record_id", kinds.TEXT, "record.id"),
    ("record_type", kinds.WORD, "record.type"),
    ("time", kinds.TIME, "@timestamp"),
    ("schema_version", kinds.WHOLE, ""),
    ("purpose", kinds.WORD, ""),
    ("document_id", kinds.TEXT, "document.id"),
    ("kind", kinds.WORD, "document.kind"),
    ("title", kinds.TEXT, "document.title"),
    ("text", kinds.TEXT, "document.text"),
    ("length", kinds.WHOLE, "document.length"),
    ("language", kinds.WORD, "document.language"),
    ("author", kinds.TEXT, "document.author"),
    ("source", kinds.WORD, "document.source"),
    ("source_uri", kinds.TEXT, "document.source_uri"),
    ("audience", kinds.WHOLE, "document.audience"),
    ("published_time", kinds.DATE, "document.published_time"),
    ("attributes", kinds.TEXT_MAP, "document.attributes"),
    ("customer_id", kinds.TEXT, "customer.id"),
    ("activity", kinds.EVENTS, ""),
    ("model", kinds.WORD, "model.id"),
    ("version", kinds.WORD, "model.version"),
    ("tags", kinds.TEXTS, ""),
    ("because", kinds.TEXTS, ""),
    ("flags", kinds.TEXTS, ""),
    ("labels", kinds.TEXT_MAP, ""),
    ("sampling_probability", kinds.NUMBER, "sampling.probability"),
    ("trace_id", kinds.TEXT, "trace.id"),
    ("span_id", kinds.TEXT, "span.id"),
    ("parent_span_id", kinds.TEXT, "span.parent_id"),
    ("message_number", kinds.WHOLE, "message.number"),
    ("document_number", kinds.WHOLE, "document.number"),
    ("rpc_service", kinds.WORD, "rpc.service"),
    ("rpc_method", kinds.WORD, "rpc.method"),
    ("rpc_status", kinds.WORD, "rpc.status"),
    ("duration_ms", kinds.NUMBER, "rpc.duration_ms"),
    ("request_bytes", kinds.WHOLE, "rpc.request_bytes"),
    ("answer_bytes", kinds.WHOLE, "rpc.answer_bytes"),
    ("call_end", kinds.WORD, "call.end"),
    ("call_truncated", kinds.TEXTS, "call.truncated"),
    ("call_error", kinds.TEXT, "call.error"),
    ("request_sha256", kinds.TEXT, "call.request_sha256"),
    ("answer_sha256", kinds.TEXT, "call.answer_sha256"),
    ("service_name", kinds.WORD, "service.name"),
    ("service_instance_id", kinds.WORD, "service.instance.id"),
    ("environment", kinds.WORD, "deployment.environment.name"),
    ("resource", kinds.TEXT_MAP, ""),
)
"""Columns of `documents` that stand for a place in the record."""

BY_TAG: Final = {
    "tag_title": ("titles", kinds.WORD),
    "tag_group": ("groups", kinds.WORD),
    "probability": ("score", kinds.NUMBER),
    "margin": ("margin", kinds.NUMBER),
    "threshold": ("threshold", kinds.NUMBER),
}
"""Columns of `scores` that the record keeps as an object by tag: name of the object and kind of its values."""

CALCULATION: Final = _columns(
    ("explanation", kinds.WORD, ""),
    ("intercept", kinds.NUMBER, ""),
    ("remainder", kinds.NUMBER, ""),
    ("remainder_terms", kinds.WHOLE, ""),
    ("link", kinds.WORD, ""),
    ("link_parameters", kinds.NUMBER_MAP, ""),
    ("intermediates", kinds.NUMBER_MAP, ""),
)
"""Columns of `scores` that stand for a place in the tag's calculation; without a calculation all are empty."""

TERM: Final = {
    "feature": pa.dictionary(pa.int32(), pa.string()),
    "value": pa.float64(),
    "coefficient": pa.float64(),
    "contribution": pa.float64(),
}
"""Columns of `terms` that are lists of the calculation."""

SCORES_SHARE: Final = (
    "record_id",
    "time",
    "purpose",
    "document_id",
    "kind",
    "language",
    "audience",
    "customer_id",
    "model",
    "version",
    "environment",
    "sampling_probability",
)
"""Columns of `documents` that `scores` repeats, so that nobody has to join for them."""

TERMS_SHARE: Final = ("record_id", "time", "purpose", "document_id", "kind", "model", "version", "sampling_probability")
"""Columns of `documents` that `terms` repeats."""

TERMS_SHARE_SCORES: Final = ("tag", "tag_group", "probability", "selected", "explanation")
"""Columns of `scores` that `terms` repeats."""

_WORD: Final = kinds.WORD.type


def _repeated(kind: pa.DataType) -> pa.DataType:
    return _WORD if kind == pa.string() else kind


_DOCUMENT_TYPES: Final = {column.name: column.kind.type for column in DOCUMENT}
_SCORE_TYPES: Final = {
    **{name: _repeated(_DOCUMENT_TYPES[name]) for name in SCORES_SHARE},
    "number": pa.int32(),
    "tag": _WORD,
    **{name: kind.type for name, (_, kind) in BY_TAG.items()},
    "selected": pa.bool_(),
    **{column.name: column.kind.type for column in CALCULATION},
    "term_count": pa.int32(),
}

SCHEMAS: Final = {
    "documents": pa.schema({**_DOCUMENT_TYPES, "tag_count": pa.int32(), REST: pa.string()}),
    "scores": pa.schema(_SCORE_TYPES),
    "terms": pa.schema(
        {
            **{name: _repeated(_DOCUMENT_TYPES[name]) for name in TERMS_SHARE},
            **{name: _SCORE_TYPES[name] for name in TERMS_SHARE_SCORES},
            "rank": pa.int32(),
            **TERM,
        }
    ),
}
"""The tables as Arrow knows them; in the files, words are plain strings."""

WORDS: Final = {table: [field.name for field in schema if field.type == _WORD] for table, schema in SCHEMAS.items()}
"""Columns by table whose values repeat often."""
