"""The data view: which indices are read, and how each field is called and written for people."""

from __future__ import annotations

from typing import Final

from scorelens_client.kibana.columns import TIME
from scorelens_client.kibana.saved import Json, saved_object, text
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS, data_view_id
from scorelens_store.elasticsearch.dead_letters import dead_letters_name

LABELS: Final = {
    "document.id": "Document",
    "document.kind": "Kind",
    "document.title": "Title",
    "document.text": "Text",
    "document.language": "Language",
    "document.author": "Author",
    "document.source": "Source",
    "document.source_uri": "Address of the source",
    "document.audience": "People reached",
    "document.published_time": "Published",
    "document.length": "Characters",
    "customer.id": "Customer",
    "model.id": "Model",
    "model.version": "Model version",
    "tags": "Tags",
    "because": "Tagged because of",
    "flags": "Flags",
    "purpose": "Purpose",
    "record.id": "Record",
    "record.type": "Type of record",
    "rpc.method": "Method",
    "rpc.status": "Status of the call",
    "rpc.duration_ms": "Duration of the call",
    "rpc.request_bytes": "Size of the request",
    "rpc.answer_bytes": "Size of the answer",
    "call.end": "How the call ended",
    "sampling.probability": "Share of calls kept",
    "deployment.environment.name": "Environment",
    "service.name": "Recorded by",
    "trace.id": "Trace",
}
"""What people call the fields; the others keep their names."""

_LETTER_LABELS: Final = {
    "reason": "Reason",
    "bytes": "Size of the span",
    "document.id": "Document",
    "record.id": "Record",
    "trace.id": "Trace",
    "indexer.id": "Indexer",
}
_PLAIN: Final = {
    "fields": "[]",
    "sourceFilters": "[]",
    "runtimeFieldMap": "{}",
    "typeMeta": "{}",
    "allowHidden": False,
}
_WHOLE: Final[Json] = {"id": "number", "params": {"pattern": "0,0"}}
_DECIMALS: Final[Json] = {"id": "number", "params": {"pattern": "0.00"}}
_SHARE: Final[Json] = {"id": "percent", "params": {"pattern": "0.0%"}}
_BYTES: Final[Json] = {"id": "bytes", "params": {}}
_DURATION: Final[Json] = {
    "id": "duration",
    "params": {
        "inputFormat": "milliseconds",
        "outputFormat": "humanizePrecise",
        "outputPrecision": 1,
        "useShortSuffix": True,
    },
}
_FORMATS: Final = {
    "document.audience": _WHOLE,
    "document.length": _WHOLE,
    "rpc.duration_ms": _DURATION,
    "rpc.request_bytes": _BYTES,
    "rpc.answer_bytes": _BYTES,
    "sampling.probability": _SHARE,
}
_OF_A_TAG: Final = {"score": _SHARE, "threshold": _SHARE, "margin": _DECIMALS}
_CONSOLE: Final = {"document.id": "document?id=", "record.id": "records/"}
"""What stands before an id in the address of the console's page about it."""


def data_view(view: KibanaView) -> Json:
    """Return the data view of a store."""
    attributes = {
        "title": view.prefix,
        "name": f"{view.title_prefix}: records",
        "timeFieldName": TIME,
        "fieldFormatMap": text(formats(view)),
        "fieldAttrs": text({field: {"customLabel": label} for field, label in LABELS.items()}),
        **_PLAIN,
    }
    return saved_object("index-pattern", data_view_id(view.prefix), attributes)


def letters_view(view: KibanaView) -> Json:
    """Return the data view of the dead letters beside the records; no index is there before an indexer ran."""
    attributes = {
        "title": dead_letters_name(view.prefix),
        "name": f"{view.title_prefix}: dead letters",
        "timeFieldName": TIME,
        "fieldFormatMap": text({"bytes": _BYTES}),
        "fieldAttrs": text({field: {"customLabel": label} for field, label in _LETTER_LABELS.items()}),
        **_PLAIN,
        "allowNoIndex": True,
    }
    return saved_object("index-pattern", data_view_id(view.prefix, LETTERS), attributes)


def formats(view: KibanaView) -> dict[str, Json]:
    """Return how values are written, by field: shares of scores for each tag, links where there is a console."""
    tags = {f"{name}.{tag}": form for tag in view.tags for name, form in _OF_A_TAG.items()}
    return _FORMATS | tags | (_links(view.console_url.rstrip("/")) if view.console_url else {})


def _links(console: str) -> dict[str, Json]:
    # Kibana writes the value into the address percent-encoded; many a proxy takes no encoded slash within a path.
    return {
        field: {
            "id": "url",
            "params": {"type": "a", "urlTemplate": f"{console}/{page}{{{{value}}}}", "labelTemplate": "{{value}}"},
        }
        for field, page in _CONSOLE.items()
    }
