"""What it costs to turn a captured call into OTLP: built directly, against the OpenTelemetry SDK, in one run.

Both sides start from the captured bytes of a call with one document, decode them, and end with the bytes of an export
request that say the same. Prints CPU time per document and the ratio, and ends with status 1 when the gate is missed.
`python -m bench.shipper [--tags N] [--terms N] [--json FILE]`
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, Tracer

from bench.figures import Figure, report, write
from scorelens.v1.scorer_pb2 import EXPLANATION_EXACT, ScoreRequest, ScoreResponse
from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.spans import decode, encode, encode_request, encode_resource

RESOURCE = {"service.name": "scorelens-sidecar", "service.instance.id": "bench"}
GATE = ">= 4"
WORDS = ["refund", "mortgage", "rate", "late", "helpful", "branch", "queue", "fee", "card", "app", "transfer", "still"]


def captured(tags: int, terms: int) -> CapturedCall:
    """Make up a call with one document of 140 characters."""
    rng = random.Random(7)
    words = [rng.choice(WORDS) for _ in range(24)]
    request = ScoreRequest()
    request.documents.add(id="d-17", kind="tweet", text=" ".join(words), source="social", language="en", audience=120)
    answer = ScoreResponse()
    result = answer.results.add(document_id="d-17")
    calculation = answer.calculations.documents.add(document_id="d-17")
    for part in (result, calculation):
        part.model.id, part.model.version = "media-tagger", "1"
    for number in range(tags):
        result.tags.add(tag=f"tag-{number}", title=f"Tag {number}", group="topic", probability=rng.random())
        tag = calculation.tags.add(tag=f"tag-{number}", explanation=EXPLANATION_EXACT, intercept=-2.1, threshold=0.5)
        tag.link.name = "sigmoid"
        tag.margin, tag.probability, tag.remainder, tag.remainder_terms = rng.gauss(0, 2), rng.random(), 0.1, 61
        tag.terms.feature.extend(f"{rng.choice(WORDS)} {rng.choice(WORDS)}" for _ in range(terms))
        for values in (tag.terms.value, tag.terms.coefficient, tag.terms.contribution):
            values.extend(rng.gauss(0, 2) for _ in range(terms))
    return CapturedCall(
        part=Part.UNARY,
        path=b"/scorelens.v1.Scorer/Score",
        trace_id=rng.randbytes(16),
        parent_id=b"",
        span_id=rng.randbytes(8),
        started_ns=time.time_ns(),
        ended_us=3100,
        status=0,
        end=End.ANSWERED,
        request=request.SerializeToString(),
        answer=answer.SerializeToString(),
        request_size=request.ByteSize(),
        answer_size=answer.ByteSize(),
        request_messages=1,
        answer_messages=1,
    )


def direct(call: CapturedCall) -> Callable[[], bytes]:
    """Return the product's way."""
    resource = encode_resource(RESOURCE)
    return lambda: encode_request(resource, [span.data for span in encode(decode(call, 2**24))])


class _Kept(SpanExporter):
    """Encodes as the SDK's OTLP exporters do and sends nowhere."""

    def __init__(self) -> None:
        self.last = b""
        self.ended: list[ReadableSpan] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.ended.extend(spans)
        return SpanExportResult.SUCCESS

    def encode(self) -> bytes:
        data = encode_spans(self.ended).SerializeToString()
        self.ended.clear()
        return bytes(data)


def with_sdk(call: CapturedCall) -> Callable[[], bytes]:
    """Return the SDK's way: the same spans through its public API, then through its OTLP encoder."""
    kept = _Kept()
    provider = TracerProvider(resource=Resource(RESOURCE), id_generator=RandomIdGenerator(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("scorelens.sidecar")
    common = call_attributes(call)

    def run() -> bytes:
        trace(tracer, common, ScoreRequest.FromString(call.request), ScoreResponse.FromString(call.answer))
        return kept.encode()

    return run


def call_attributes(call: CapturedCall) -> dict[str, Any]:
    """Return what the spans of a call say of the call itself."""
    like = ExportTraceServiceRequest.FromString(direct(call)())
    return _plain(like.resource_spans[0].scope_spans[0].spans[-1].attributes)


def trace(tracer: Tracer, common: dict[str, Any], request: ScoreRequest, answer: ScoreResponse) -> None:
    """Make the spans of a call with one document through the SDK's public API."""
    document, result = request.documents[0], answer.results[0]
    calculation = answer.calculations.documents[0]
    parent = tracer.start_span("scorelens.v1.Scorer/Score", kind=SpanKind.SERVER, attributes=common)
    span = tracer.start_span("document", attributes=common)
    span.set_attributes(
        {
            "scorelens.document.id": document.id,
            "scorelens.document.kind": document.kind,
            "scorelens.document.text": document.text,
            "scorelens.document.language": document.language,
            "scorelens.document.source": document.source,
            "scorelens.document.audience": document.audience,
            "scorelens.model.id": result.model.id,
            "scorelens.model.version": result.model.version,
            "scorelens.tag.id": [tag.tag for tag in result.tags],
            "scorelens.tag.title": [tag.title for tag in result.tags],
            "scorelens.tag.group": [tag.group for tag in result.tags],
            "scorelens.tag.probability": [tag.probability for tag in result.tags],
            "scorelens.tag.selected": [tag.selected for tag in result.tags],
            "scorelens.tag.threshold": [tag.threshold for tag in calculation.tags],
            "scorelens.tag.margin": [tag.margin for tag in calculation.tags],
        }
    )
    for tag in calculation.tags:
        span.add_event(
            "scorelens.calculation",
            {
                "scorelens.tag.id": tag.tag,
                "scorelens.explanation": "exact",
                "scorelens.intercept": tag.intercept,
                "scorelens.term.feature": list(tag.terms.feature),
                "scorelens.term.value": list(tag.terms.value),
                "scorelens.term.coefficient": list(tag.terms.coefficient),
                "scorelens.term.contribution": list(tag.terms.contribution),
                "scorelens.remainder": tag.remainder,
                "scorelens.remainder.terms": tag.remainder_terms,
                "scorelens.margin": tag.margin,
                "scorelens.link": tag.link.name,
                "scorelens.probability": tag.probability,
                "scorelens.threshold": tag.threshold,
                "scorelens.selected": tag.selected,
            },
        )
    span.end()
    parent.end()


def _plain(attributes: Any) -> dict[str, Any]:
    return {kv.key: getattr(kv.value, kv.value.WhichOneof("value")) for kv in attributes}


def cpu_seconds(run: Callable[[], object], calls: int) -> float:
    """Return CPU seconds of one call, over many."""
    started = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - started) / calls


def main() -> None:
    """Measure both sides in turns and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=10)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write the figure there, too")
    arguments = parser.parse_args()
    call = captured(arguments.tags, arguments.terms)
    ours, theirs = direct(call), with_sdk(call)
    rows = [(cpu_seconds(ours, 200), cpu_seconds(theirs, 50)) for _ in range(arguments.rounds)]
    ratios = [sdk / own for own, sdk in rows]
    low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive")
    own, sdk = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"one document, {arguments.tags} tags of {arguments.terms} terms, CPU time per call from captured bytes to OTLP"
    )
    print(f"  built directly  {own * 1e6:8.0f} us  {len(ours()):6d} bytes")
    print(f"  SDK             {sdk * 1e6:8.0f} us  {len(theirs()):6d} bytes")
    print(
        f"  calls per CPU second, direct / SDK: {ratio:.1f} (half of {len(rows)} rounds within {low:.1f} to {high:.1f})"
    )
    name = (
        f"shipper: calls per CPU second, of the OpenTelemetry SDK's, {arguments.tags} tags of {arguments.terms} terms"
    )
    note = f"half of {len(rows)} rounds within {low:.1f} to {high:.1f}"
    figures = [Figure(name, ratio, GATE, own * 1e6, sdk * 1e6, "us", note)]
    write(arguments.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
