"""The indexer that a user would write in an afternoon, to measure ours against. `python -m bench.async_bulk URL PREFIX`

An OTLP receiver of grpc.aio: protobuf's generated classes, records as dicts, `async_streaming_bulk` of Elasticsearch's
official client. It writes the very records that ours does, and refreshes as ours does. What ours does beyond that is
missing: no sum is checked, only what the sidecar writes is taken, nobody is forgotten, and nothing is tried again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from elasticsearch import AsyncElasticsearch, OrjsonSerializer
from elasticsearch.helpers import async_streaming_bulk
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from scorelens import conventions as names
from scorelens_runtime.lifecycle import announce, follow_supervisor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT: Final = 64 * 2**20
_BY_TAG: Final = {"score": names.TAG_PROBABILITIES, "margin": names.TAG_MARGINS, "threshold": names.TAG_THRESHOLDS}
_ARRAYS: Final = {
    "feature": names.TERM_FEATURES,
    "value": names.TERM_VALUES,
    "coefficient": names.TERM_COEFFICIENTS,
    "contribution": names.TERM_CONTRIBUTIONS,
}


def to_records(request: Any) -> Iterator[dict[str, Any]]:
    """Yield the records of an export."""
    for of_resource in request.resource_spans:
        resource = _attributes(of_resource.resource)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                attributes = _attributes(span)
                if attributes.get(names.RECORD) == names.RECORD_DOCUMENT:
                    yield _record(span, attributes, resource)


def _attributes(holder: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in holder.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(part) for part in value.array_value.values]
    return getattr(value, kind)


def _record(span: Any, found: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    time = _EPOCH + timedelta(microseconds=span.start_time_unix_nano // 1000)
    tags = found[names.TAG_IDS]
    chosen = [tag for tag, selected in zip(tags, found[names.TAG_SELECTED], strict=True) if selected]
    calculations = [_calculation(_attributes(event)) for event in span.events if event.name == names.CALCULATION_EVENT]
    return {
        "@timestamp": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "schema_version": found[names.SCHEMA],
        "record": {"id": found[names.RECORD_ID], "type": found[names.RECORD]},
        "purpose": found[names.PURPOSE],
        "trace": {"id": span.trace_id.hex()},
        "span": {"id": span.span_id.hex(), "parent_id": span.parent_span_id.hex()},
        "rpc": {
            "service": found[names.RPC_SERVICE],
            "method": found[names.RPC_METHOD],
            "status": grpc_status(found[names.RPC_STATUS_CODE]),
            "duration_ms": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
            "request_bytes": found[names.REQUEST_SIZE],
            "answer_bytes": found[names.ANSWER_SIZE],
        },
        "sampling": {"probability": found[names.SAMPLING_PROBABILITY]},
        "message": {"number": found[names.MESSAGE_NUMBER]},
        "call": {"end": found[names.END_REASON]},
        "model": {"id": found[names.MODEL_ID], "version": found[names.MODEL_VERSION]},
        "service": {
            "name": resource[names.SERVICE_NAME],
            "instance": {"id": resource[names.SERVICE_INSTANCE_ID]},
        },
        "document": _document(found),
        "tags": chosen,
        "titles": dict(zip(tags, found[names.TAG_TITLES], strict=True)),
        "groups": dict(zip(tags, found[names.TAG_GROUPS], strict=True)),
        **{key: dict(zip(tags, found[name], strict=True)) for key, name in _BY_TAG.items()},
        "because": _reasons(calculations, chosen),
        "calculation": calculations,
        "flags": [],
        "labels": {},
        "microseconds": {"time": (time - _EPOCH) // timedelta(microseconds=1)},
    }


def grpc_status(code: int) -> str:
    """Return the name of a status."""
    return next(each.name for each in grpc.StatusCode if each.value[0] == code)


def _document(found: dict[str, Any]) -> dict[str, Any]:
    text = found[names.DOCUMENT_TEXT]
    return {
        "id": found[names.DOCUMENT_ID],
        "kind": found[names.DOCUMENT_KIND],
        "text": text,
        "length": len(text),
        "number": found[names.DOCUMENT_NUMBER],
        "language": found[names.DOCUMENT_LANGUAGE],
        "source": found[names.DOCUMENT_SOURCE],
        "audience": found[names.DOCUMENT_AUDIENCE],
    }


def _calculation(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "tag": found[names.CALCULATION_TAG],
        "explanation": found[names.EXPLANATION],
        "intercept": found[names.INTERCEPT],
        **{key: found[name] for key, name in _ARRAYS.items()},
        "remainder": found[names.REMAINDER],
        "remainder_terms": found[names.REMAINDER_TERMS],
        "margin": found[names.MARGIN],
        "link": found[names.LINK],
        "link_parameters": {},
        "probability": found[names.PROBABILITY],
        "threshold": found[names.THRESHOLD],
        "selected": found[names.SELECTED],
        "intermediates": {},
    }


def _reasons(calculations: list[dict[str, Any]], chosen: list[str]) -> list[str]:
    raising = [
        (contribution, f"{each['tag']}:{feature}")
        for each in calculations
        if each["tag"] in chosen
        for feature, contribution in zip(each["feature"], each["contribution"], strict=True)
        if contribution > 0
    ]
    return list(dict.fromkeys(reason for _, reason in sorted(raising, key=lambda pair: pair[0], reverse=True)))


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Answers an export when all of its records are stored."""

    def __init__(self, client: AsyncElasticsearch, prefix: str) -> None:
        self._client, self._prefix = client, prefix

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        """Store one export."""
        actions = (self._action(record) for record in to_records(request))
        async for stored, answer in async_streaming_bulk(self._client, actions, refresh=True, raise_on_error=False):
            if not stored:
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(answer))
        return trace_service_pb2.ExportTraceServiceResponse()

    def _action(self, record: dict[str, Any]) -> dict[str, Any]:
        day = record["@timestamp"][:10].replace("-", ".")
        return {
            "_op_type": "create",
            "_index": f"{self._prefix}-{day}",
            "_id": record["record"]["id"],
            "_source": record,
        }


async def _serve(url: str, prefix: str, *, fast_json: bool) -> None:
    options: dict[str, Any] = {"serializer": OrjsonSerializer()} if fast_json else {}
    async with AsyncElasticsearch(url, **options) as client:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _LIMIT)])
        add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
        add(Receiver(client, prefix), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        follow_supervisor()
        announce(address=f"127.0.0.1:{port}")
        await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], fast_json="orjson" in sys.argv[3:]))
