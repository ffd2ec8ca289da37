"""What a Python grpc.aio scorer keeps of its own throughput with the sidecar before it, against doing without.

    python -m bench.aio_scorer [--rounds N] [--seconds S] [--json FILE]

The scorer builds answers of ten tags with twenty terms each, calculations included, however it is called. Callers that
wait for nothing but their answers saturate it: straight; through relay and shipper, as deployed, with everything on;
and straight, with an interceptor in its own process that gives the same spans to the OpenTelemetry SDK (batches, OTLP
over gRPC). Receivers take and discard. All of it shares this machine's cores. Figures are medians of ratios within the
rounds. Ends with status 1 when the gate is missed. Needs Go.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import psutil

from bench.compiled import ROOT
from bench.figures import Figure, report, write
from bench.passing import Between, Load, measure, prepare, relay, shipper, until_shipped, upstream
from bench.shipper import call_attributes, captured, trace
from scorelens.v1.scorer_pb2 import DESCRIPTOR, EXPLANATION_EXACT, ScoreRequest, ScoreResponse

TAGS, TERMS = 10, 20
LOAD: Final = Load(32, 4)
GATE: Final = ">= 0.8"
NUMBERS: Final = ("value", "coefficient", "contribution")
BATCH: Final = 128
"""Spans that the SDK sends at once: of this size, more would pass gRPC's usual limit of 4 MB, and be lost."""
WAYS: Final = ("direct", "sidecar", "interceptor")

SERVICE: Final = DESCRIPTOR.services_by_name["Scorer"].full_name


class Scorer:
    """Builds the same answer for every document, as a scorer does that has arrays of numbers."""

    def __init__(self) -> None:
        like = ScoreResponse.FromString(captured(TAGS, TERMS).answer)
        self._tags = list(like.results[0].tags)
        self._calculations = [
            (tag, list(tag.terms.feature), [list(getattr(tag.terms, name)) for name in NUMBERS])
            for tag in like.calculations.documents[0].tags
        ]

    async def score(self, request: ScoreRequest, context: Any) -> ScoreResponse:
        """Answer with results and calculations."""
        answer = ScoreResponse()
        for document in request.documents:
            result = answer.results.add(document_id=document.id)
            calculation = answer.calculations.documents.add(document_id=document.id)
            for part in (result, calculation):
                part.model.id, part.model.version = "media-tagger", "1"
            for tag in self._tags:
                result.tags.add(tag=tag.tag, title=tag.title, group=tag.group, probability=tag.probability)
            for kept, features, numbers in self._calculations:
                made = calculation.tags.add(
                    tag=kept.tag,
                    explanation=EXPLANATION_EXACT,
                    intercept=kept.intercept,
                    threshold=kept.threshold,
                    margin=kept.margin,
                    probability=kept.probability,
                    remainder=kept.remainder,
                    remainder_terms=kept.remainder_terms,
                )
                made.link.name = "sigmoid"
                made.terms.feature.extend(features)
                for name, values in zip(NUMBERS, numbers, strict=True):
                    getattr(made.terms, name).extend(values)
        return answer


class Interceptor(grpc.aio.ServerInterceptor):
    """Gives the spans of every call to the OpenTelemetry SDK, which batches and sends them from this process."""

    def __init__(self, receiver: str) -> None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=receiver, insecure=True)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=BATCH))
        self._tracer = provider.get_tracer("scorelens")
        self._common = call_attributes(captured(TAGS, TERMS))

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the method's handler."""
        handler = await continuation(handler_call_details)

        async def traced(request: ScoreRequest, context: Any) -> ScoreResponse:
            answer: ScoreResponse = await handler.unary_unary(request, context)
            trace(self._tracer, self._common, request, answer)
            return answer

        return grpc.unary_unary_rpc_method_handler(traced, handler.request_deserializer, handler.response_serializer)


async def serve(receiver: str) -> None:
    """Serve until the end, with the interceptor if a receiver is named."""
    server = grpc.aio.server(interceptors=[Interceptor(receiver)] if receiver else [])
    handler = grpc.unary_unary_rpc_method_handler(
        Scorer().score, ScoreRequest.FromString, ScoreResponse.SerializeToString
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Score": handler})])
    print(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    await server.start()
    await server.wait_for_termination()


@contextlib.contextmanager
def scorer(receiver: str = "") -> Iterator[Between]:
    """Run a scorer in a process of its own."""
    command = [sys.executable, "-m", "bench.aio_scorer", "--serve", receiver]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield Between(process.stdout.readline().strip(), psutil.Process(process.pid))
        finally:
            process.kill()


def run(rounds: int, seconds: float) -> Iterator[Figure]:
    """Measure, print, and yield the figures."""
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    spent: dict[str, list[float]] = {"relay": [], "shipper": []}
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as temporary:
        folder = Path(temporary)
        (folder / "request").write_bytes(captured(TAGS, TERMS).request)
        (folder / "taken").write_bytes(b"")
        with (
            upstream(folder / "taken") as receiver,
            scorer() as plain,
            scorer(receiver.address) as traced,
            relay(plain.address, folder / "sidecar") as passing,
            shipper(receiver.address, folder / "sidecar") as ships,
        ):
            ways = dict(zip(WAYS, (plain, passing, traced), strict=True))
            for number in range(-1, rounds):
                before, calls = (passing.cpu(), ships.cpu()), 0
                for way, between in ways.items():
                    found = measure(between, LOAD, seconds if number >= 0 else 0.5, folder / "request")
                    if number >= 0:
                        rates[way].append(found.rate)
                    if way == "sidecar":
                        calls = found.calls
                        until_shipped(folder / "sidecar")  # what is left would weigh on the next way
                if number >= 0:
                    spent["relay"].append((passing.cpu() - before[0]) / calls * 1e6)
                    spent["shipper"].append((ships.cpu() - before[1]) / calls * 1e6)
    yield from _figures(rates, spent)


def _figures(rates: dict[str, list[float]], spent: dict[str, list[float]]) -> Iterator[Figure]:
    print(f"{TAGS} tags of {TERMS} terms, {LOAD}, {len(rates['direct'])} rounds")
    for way in WAYS:
        ratios = [rate / direct for rate, direct in zip(rates[way], rates["direct"], strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive")
        own, direct = statistics.median(rates[way]), statistics.median(rates["direct"])
        print(
            f"  {way:<12}{own:8,.0f} calls/s   {ratio:.2f} of direct, half of the rounds within {low:.2f} to {high:.2f}"
        )
        if way != "direct":
            name = f"grpc.aio scorer: calls/s with the {way}, of its own without"
            note = f"half of the rounds within {low:.2f} to {high:.2f}"
            yield Figure(name, ratio, GATE if way == "sidecar" else "", own, direct, "calls/s", note)
    for part, values in spent.items():
        print(f"  {part:<12}{statistics.median(values):8,.0f} us of CPU a call")


def main() -> None:
    """Measure, print, and hold the gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    prepare()
    figures = list(run(options.rounds, options.seconds))
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
