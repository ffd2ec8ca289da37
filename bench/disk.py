"""How many bytes a record takes on disk, and what of it the calculation is. `python -m bench.disk [--help]`

Documents of the made-up corpus are scored by the reference model with its twenty leading terms a tag, become spans and
records as in production, and are stored with each choice that bears on their size. An index is merged into one segment
before it is measured, as the server does by and by; the embedded store is as its writer leaves it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.exports import RESOURCE
from bench.figures import Figure, write
from bench.store import JAVA, new_prefix, server
from scorelens.v1.scorer_pb2 import ScoreRequest
from scorelens_indexer.intake import convert
from scorelens_indexer.otlp import parse
from scorelens_runtime.home import default_home
from scorelens_scorer.checks import Limits
from scorelens_scorer.reference import reference_model
from scorelens_scorer.router import Router
from scorelens_scorer.scoring import Scorer
from scorelens_scorer.served import Served
from scorelens_scorer.training.examples import corpus
from scorelens_scorer.training.recipes import MEDIA
from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.spans import decode, encode_request, encode_resource
from scorelens_sidecar.spans import encode as encode_spans
from scorelens_store.contract import Outcome, Record, Store
from scorelens_store.elasticsearch import ElasticsearchStore
from scorelens_store.embedded import open_writer
from scorelens_store.values import encode

BATCH: Final = 500
CALL: Final = 100
TERMS: Final = 20
CODECS: Final = ("default", "best_compression")

_PARTS: Final = {
    "the record itself": ("stored_fields",),
    "words and keywords": ("inverted_index", "norms"),
    "columns": ("doc_values",),
    "numbers to search by": ("points",),
}
"""What the server's account of an index's fields means."""


def make_records(count: int) -> list[Record]:
    """Score documents and return what the indexer makes of the calls."""
    model = reference_model("media-tagger", default_home() / "models")
    scorer = Scorer(Router([Served.of(model)]), Limits(CALL, 2**30, 2**30), TERMS)
    documents = corpus(count, 77, MEDIA).documents
    resource = encode_resource(RESOURCE)
    records: list[Record] = []
    for start in range(0, count, CALL):
        request = ScoreRequest(documents=documents[start : start + CALL])
        call = _captured(start, request, scorer.answer(request, full=True))
        spans = [span.data for span in encode_spans(decode(call, 2**30))]
        records += convert(parse(encode_request(resource, spans))).records
    return records


def _captured(number: int, request: ScoreRequest, answer: bytes) -> CapturedCall:
    sent = request.SerializeToString()
    return CapturedCall(
        part=Part.UNARY,
        path=b"/scorelens.v1.Scorer/Score",
        trace_id=(number + 1).to_bytes(16, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        started_ns=time.time_ns() + number * 1_000_000,
        ended_us=3000,
        status=0,
        end=End.ANSWERED,
        request=sent,
        answer=answer,
        request_size=len(sent),
        answer_size=len(answer),
        request_messages=1,
        answer_messages=1,
    )


def without_calculation(records: Sequence[Record]) -> list[Record]:
    """Return records that have everything else."""
    return [{name: part for name, part in record.items() if name != "calculation"} for record in records]


def fill(store: Store, records: Sequence[Record]) -> None:
    """Put records; end unless all of them are stored."""
    for start in range(0, len(records), BATCH):
        for result in store.put(records[start : start + BATCH]):
            if result.outcome is not Outcome.STORED:
                sys.exit(f"a record was not stored: {result}")


def in_elasticsearch(url: str, records: Sequence[Record], **changes: Any) -> tuple[float, Mapping[str, float]]:
    """Return the bytes of a record in an index with changed settings, and what they are."""
    with new_prefix(url) as made:
        store = ElasticsearchStore(url, replace(made.settings, **changes))
        try:
            fill(store, records)
            return _measured(store, len(records))
        finally:
            store.close()


def _measured(store: ElasticsearchStore, count: int) -> tuple[float, Mapping[str, float]]:
    ask, prefix = store._connection.change, store.settings.prefix  # noqa: SLF001 (what the contract does not tell)
    ask("POST", f"/{prefix}/_forcemerge?max_num_segments=1", timeout=600)
    ask("POST", f"/{prefix}/_flush?force=true")
    ask("POST", f"/{prefix}/_refresh")
    size = ask("GET", f"/{prefix}/_stats/store")["_all"]["primaries"]["store"]["size_in_bytes"]
    parts: Counter[str] = Counter()
    for index in ask("POST", f"/{prefix}/_disk_usage?run_expensive_tasks=true", timeout=600).values():
        if "all_fields" in index:
            parts.update({name: _part(index["all_fields"], kinds) for name, kinds in _PARTS.items()})
    return size / count, {name: part / count for name, part in parts.items()}


def _part(usage: Mapping[str, Any], kinds: Sequence[str]) -> int:
    return sum(
        usage[f"{kind}_in_bytes"] if f"{kind}_in_bytes" in usage else usage[kind]["total_in_bytes"] for kind in kinds
    )


def in_folder(records: Sequence[Record]) -> float:
    """Return the bytes of a record in an embedded store."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        store = open_writer(folder)
        fill(store, records)
        store.close()
        return store.bytes_on_disk() / len(records)


def measure(url: str, records: Sequence[Record]) -> Iterator[Figure]:
    """Yield the size of each choice, against the record as JSON."""
    for what, some in (("with", records), ("without", without_calculation(records))):
        text = sum(len(encode(record)) for record in some) / len(some)
        for codec in CODECS:
            size, parts = in_elasticsearch(url, some, codec=codec)
            yield _figure(f"Elasticsearch, {codec}, {what} calculation", size, text, parts)
        # The settings refuse it, since it changes records; here it tells what that would save.
        size, parts = in_elasticsearch(url, some, codec=CODECS[-1], source_mode="synthetic")
        yield _figure(f"Elasticsearch, {CODECS[-1]}, synthetic source, {what} calculation", size, text, parts)
        yield _figure(f"embedded store, {what} calculation", in_folder(some), text, {})


def _figure(name: str, size: float, text: float, parts: Mapping[str, float]) -> Figure:
    note = ", ".join(f"{part} {value:,.0f}" for part, value in parts.items() if value >= 1)
    print(f"{name}: {size:,.0f} bytes, {size / text:.2f} of the record as JSON ({text:,.0f}); {note}", flush=True)
    return Figure(f"disk: {name}, of the record as JSON", size / text, ours=size, peer=text, unit="bytes", note=note)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    records = make_records(options.documents)
    print(f"{len(records):,} records of {len(records[0]['score'])} tags")
    with server(options.elasticsearch, JAVA) as url:
        write(options.json, list(measure(url, records)))


if __name__ == "__main__":
    main()
