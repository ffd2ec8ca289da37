"""What typical reads take through the store's contract, against the raw query of the library below.

Both sides ask the same question and get the same ten records; ours reads the query language, adds what listings leave
out, orders totally, decodes the records and marks the words. The raw side is handed a finished query, and gets hits,
their number and the stored bytes; Elasticsearch is asked through its client. Rounds alternate.
`python -m bench.search [--help]`
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
from elasticsearch import Elasticsearch

from bench.figures import Figure, write
from bench.records import START, make
from bench.store import new_prefix, server
from scorelens_store.contract import DateHistogram, Reader, Selection, Sort, Store, Terms
from scorelens_store.elasticsearch import ElasticsearchStore
from scorelens_store.elasticsearch.query import to_query
from scorelens_store.embedded import EmbeddedReader, open_reader, open_writer
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from scorelens_store.selection import complete

BATCH: Final = 5000
JAVA: Final = "-Xms1g -Xmx1g"
"""The server's machine, with its whole compiler: a slower server would hide what we add."""
NAMES: Final = {
    "words": "refund mortgage",
    "phrase": '"mortgage rate"',
    "tag and score": "tag:complaint AND score.complaint:[0.8 TO 0.95]",
    "because": 'because:"fraud:login"',
    "dates by score": "",
    "tags by count": "kind:tweet",
}
Case = tuple[Callable[[], object], Callable[[], object]]


def selection_of(name: str, records: int) -> Selection:
    """Return what a case asks for; dates span a tenth of all."""
    if NAMES[name]:
        return Selection(parse(NAMES[name]))
    middle = START + timedelta(milliseconds=250) * (records // 2)
    return Selection(Everything(), middle, middle + timedelta(milliseconds=250) * (records // 10))


def through_contract(reader: Reader, name: str, records: int) -> Callable[[], object]:
    """Return our side of a case."""

    def run() -> object:
        selection = selection_of(name, records)
        if name == "tags by count":
            found = reader.aggregate(selection, {"tags": Terms("tags"), "days": DateHistogram("@timestamp", 86_400)})
            return len(found["tags"])
        sort = Sort("score.complaint") if name == "dates by score" else Sort()
        return reader.search(selection, sort=sort, highlight=True).total

    return run


def raw_tantivy(reader: EmbeddedReader, name: str, records: int) -> Callable[[], object]:
    """Return tantivy's side."""
    snapshot = reader._snapshot()  # noqa: SLF001
    assert snapshot is not None
    searcher, query = snapshot.searcher, snapshot.translator.query(complete(selection_of(name, records)))
    terms = {
        "tags": {"terms": {"field": "tags", "size": 10}},
        "days": {"histogram": {"field": "@timestamp", "interval": 86_400_000_000, "min_doc_count": 1}},
    }
    column = snapshot.translator.column(field("score.complaint"))

    def run() -> object:
        if name == "tags by count":
            return len(searcher.aggregate(query, terms)["tags"]["buckets"])
        found: Any = searcher.search(query, 10, True, column if name == "dates by score" else None)
        for _, address in found.hits:
            searcher.doc(address).get_first("source")
        return found.count

    return run


def raw_elasticsearch(
    client: Elasticsearch, store: ElasticsearchStore, name: str, records: int
) -> Callable[[], object]:
    """Return Elasticsearch's side: its client, one request."""
    query, prefix = to_query(complete(selection_of(name, records))), store.settings.prefix
    body: dict[str, Any] = {"query": query, "size": 10, "track_total_hits": True}
    if name == "dates by score":
        body["sort"] = [{"score.complaint": "desc"}]
    if name == "tags by count":
        days = {"field": "microseconds.time", "interval": 86_400_000_000, "min_doc_count": 1}
        body |= {"size": 0, "aggs": {"tags": {"terms": {"field": "tags"}}, "days": {"histogram": days}}}

    def run() -> object:
        answer = client.search(index=prefix, body=body)
        return len(answer["aggregations"]["tags"]["buckets"]) if "aggs" in body else answer["hits"]["total"]["value"]

    return run


def field(name: str) -> Any:
    """Return a field of a record."""
    from scorelens_store.fields import find_field

    return find_field(name)


def fill(store: Store, records: int, what: str) -> None:
    """Put records, with a bar."""
    with click.progressbar(length=records, label=f"filling {what}", file=sys.stderr) as bar:
        for first in range(0, records, BATCH):
            store.put([make(number) for number in range(first, min(first + BATCH, records))])
            bar.update(BATCH)


def measure(where: str, records: int, rounds: int, cases: dict[str, Case]) -> Iterator[Figure]:
    """Run the cases in turn, and compare."""
    print(f"{where}, {records:,} records; milliseconds, p50 and p95, ours and raw")
    for name, (ours, raw) in cases.items():
        mine, other = ours(), raw()
        if mine != other:
            sys.exit(f"{name}: ours finds {mine}, raw {other}")
        pairs = [(_seconds(ours), _seconds(raw)) for _ in range(rounds)]
        (own, own_high), (peer, peer_high) = (_p50_p95([pair[side] for pair in pairs]) for side in (0, 1))
        times = f"{own:8.2f} {own_high:8.2f}   {peer:8.2f} {peer_high:8.2f}"
        print(f"  {name:<15} {times}   ratio {own / peer:.2f}  found {mine}")
        note = f"p95 {own_high:.1f} and {peer_high:.1f} ms, ratio {own_high / peer_high:.2f}"
        yield Figure(f"search, {where}, {records:,} records: {name}, p50", own / peer, "", own, peer, "ms", note)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _p50_p95(seconds: list[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return statistics.median(ordered) * 1e3, ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] * 1e3


def embedded(folder: Path, records: int, rounds: int) -> Iterator[Figure]:
    """Measure the embedded store; one that holds the records already is used as it is."""
    reader = open_reader(folder)
    if reader.count(Selection(Everything())) != records:
        store = open_writer(folder)
        fill(store, records, "the embedded store")
        store.close()
    cases = {name: (through_contract(reader, name, records), raw_tantivy(reader, name, records)) for name in NAMES}
    yield from measure("embedded", records, rounds, cases)
    reader.close()


def elasticsearch(url: str, records: int, rounds: int) -> Iterator[Figure]:
    """Measure Elasticsearch, in indices of a month."""
    with new_prefix(url, period="month") as store, Elasticsearch(url) as client:
        fill(store, records, "Elasticsearch")
        cases = {
            name: (through_contract(store, name, records), raw_elasticsearch(client, store, name, records))
            for name in NAMES
        }
        yield from measure("Elasticsearch", records, rounds, cases)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--elasticsearch-records", type=int, default=1_000_000, help="0 leaves it out")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="a store that `bench.volume --folder` filled, or where to fill one")
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scorelens-bench-")))
        if options.records:
            figures += embedded(folder, options.records, options.rounds)
    if options.elasticsearch_records:
        with server(options.elasticsearch, JAVA) as url:
            figures += elasticsearch(url, options.elasticsearch_records, options.rounds)
    write(options.json, figures)


if __name__ == "__main__":
    main()
