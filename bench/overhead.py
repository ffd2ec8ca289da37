"""What the store adds to a search of Elasticsearch, against the same request through the official client.

Both sides ask one server in turn, and take the hits as dicts. Ours reads the query language, adds what listings leave
out, and returns records; the peer is handed the very body and parameters that ours sends, and has the client's
defaults otherwise. A second peer is what a person would write instead: the query as `query_string`, ten hits by
relevance; it asks for less (no total beyond 10,000, no order among equals, no frequencies over all indices), so that no
gate holds for it. Scans are compared with a point in time that is read in the order of the server, 1,000 at a time,
which is the fastest way that the client has. `python -m bench.overhead [--help]`
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import click
from elasticsearch import Elasticsearch

from bench.figures import Figure, report, write
from bench.records import START, make
from bench.store import new_prefix, server
from scorelens_store.contract import Aggregation, DateHistogram, Reader, Record, Selection, Sort, Store, Terms
from scorelens_store.elasticsearch import ElasticsearchStore
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything

GATE: Final = "<= 1.1"
BATCH: Final = 5000
APART: Final = timedelta(seconds=2)
"""Time between two records, so that 200,000 lie in five indices of a day."""

TEXTS: Final = ("document.title", "document.text", "activity.text")
DAY: Final = 86_400


@dataclass(frozen=True)
class Case:
    """A search: its query, and how a person would write it for Elasticsearch; `counts` is an aggregation."""

    name: str
    query: str
    plain: str = ""
    sort: str = ""
    counts: bool = False

    def ours(self, reader: Reader) -> object:
        """Ask the store."""
        selection = Selection(parse(self.query))
        if self.counts:
            wanted: dict[str, Aggregation] = {"tags": Terms("tags"), "days": DateHistogram("@timestamp", DAY)}
            return len(reader.aggregate(selection, wanted)["tags"])
        found = reader.search(selection, sort=Sort(self.sort or None))
        return [hit.record["record"]["id"] for hit in found.hits]

    def written(self, client: Elasticsearch, index: str) -> Any:
        """Ask as a person would."""
        asked = {"query": self.plain or self.query, "default_operator": "AND", "fields": TEXTS}
        query: dict[str, Any] = {
            "bool": {"must": {"query_string": asked}, "filter": {"term": {"purpose": "production"}}}
        }
        if self.counts:
            days = {"date_histogram": {"field": "@timestamp", "fixed_interval": "1d"}}
            return client.search(
                index=index, size=0, query=query, aggs={"tags": {"terms": {"field": "tags"}}, "days": days}
            )
        sort = [{self.sort: "desc"}] if self.sort else None
        return client.search(index=index, query=query, sort=sort)


CASES: Final = (
    Case("words", "refund mortgage"),
    Case("phrase", '"mortgage rate"'),
    Case("tag and score", "tag:complaint AND score.complaint:[0.8 TO 0.95]"),
    Case("because", 'because:"fraud:login"', plain=r"because:fraud\:login"),
    Case(
        "words of a day by score",
        "refund time:2026-01-03",
        plain="refund AND @timestamp:2026-01-03",
        sort="score.complaint",
    ),
    Case("tags by count", "kind:tweet", counts=True),
    Case("one document", "id:d-77777"),
)


class Replay:
    """What the store sends for a case, and the same again through the client's own methods."""

    def __init__(self, store: ElasticsearchStore, case: Case) -> None:
        self._sent: list[tuple[str, dict[str, Any], Any]] = []
        connection = store._connection  # noqa: SLF001
        request = connection.request

        def noted(method: str, path: str, body: Any = None, **options: Any) -> Any:
            parts = urlsplit(path)
            self._sent.append((parts.path.split("/")[1], dict(parse_qsl(parts.query)), body))
            return request(method, path, body, **options)

        connection.request = noted  # type: ignore[method-assign]
        case.ours(store)
        connection.request = request  # type: ignore[method-assign]
        if len(self._sent) != 1:
            sys.exit(f"{case.name}: the store sent {len(self._sent)} requests for one page")

    def __call__(self, client: Elasticsearch) -> object:
        """Send it."""
        index, parameters, body = self._sent[0]
        return client.search(index=index, body=body, **parameters)


def taken(answer: Any, counts: bool) -> object:
    """Take of an answer what the store returns."""
    if counts:
        return len(answer["aggregations"]["0"]["buckets"])
    return [row["_source"]["record"]["id"] for row in answer["hits"]["hits"]]


def searches(store: ElasticsearchStore, url: str, rounds: int, records: int) -> Iterator[Figure]:
    """Run each case in turn on all sides, and compare medians."""
    with Elasticsearch(url) as client:
        for case in CASES:
            replay = Replay(store, case)
            if case.ours(store) != taken(replay(client), case.counts):
                sys.exit(f"{case.name}: the store finds something else than the client")
            sides: tuple[Callable[[], object], ...] = (
                lambda case=case: case.ours(store),  # type: ignore[misc]
                lambda case=case, replay=replay: taken(replay(client), case.counts),  # type: ignore[misc]
                lambda case=case: case.written(client, store.settings.prefix),  # type: ignore[misc]
            )
            own, peer, plain = (statistics.median(times) * 1e3 for times in _alternate(sides, rounds))
            print(f"  {case.name:<24} {own:8.2f} {peer:8.2f} {plain:8.2f} ms   {own / peer:.2f}  {own / plain:.2f}")
            name = f"search overhead, Elasticsearch, {records:,} records: {case.name}, p50"
            yield Figure(
                name, own / peer, GATE, own, peer, "ms", f"{own / plain:.2f} of a query_string's {plain:.1f} ms"
            )


def scans(store: ElasticsearchStore, url: str, rounds: int) -> Iterator[Figure]:
    """Read everything on both sides."""
    with Elasticsearch(url) as client:
        sides: tuple[Callable[[], int], ...] = (
            lambda: sum(1 for _ in store.scan(Selection(Everything()))),
            lambda: sum(1 for _ in raw_scan(client, store.settings.prefix)),
        )
        counts = [side() for side in sides]
        if counts[0] != counts[1]:
            sys.exit(f"the scan has {counts[0]} records, the raw one {counts[1]}")
        own, peer = (counts[0] / statistics.median(times) for times in _alternate(sides, rounds))
    print(f"  scan {own:,.0f} records/s, raw {peer:,.0f} records/s")
    yield Figure("scan of Elasticsearch, records per second, in order of time", own / peer, "", own, peer, "records/s")


def raw_scan(client: Elasticsearch, index: str) -> Iterator[Record]:
    """Yield every source as the client's documentation advises."""
    pit = client.open_point_in_time(index=index, keep_alive="5m")["id"]
    after = None
    try:
        while True:
            answer = client.search(
                pit={"id": pit, "keep_alive": "5m"},
                size=1000,
                sort=[{"_shard_doc": "asc"}],
                track_total_hits=False,
                search_after=after,
            )
            rows = answer["hits"]["hits"]
            yield from (row["_source"] for row in rows)
            if len(rows) < 1000:
                return
            after = rows[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def _alternate(sides: tuple[Callable[[], object], ...], rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in sides]
    gc.collect()
    for number in range(rounds):
        # Who begins changes, since the first one of a round finds colder caches.
        order = range(len(sides)) if number % 2 else range(len(sides) - 1, -1, -1)
        for side in order:
            started = time.perf_counter()
            sides[side]()
            times[side].append(time.perf_counter() - started)
    return times


def fill(store: Store, records: int) -> None:
    """Put records, spread over days, with a bar."""
    with click.progressbar(length=records, label="filling Elasticsearch", file=sys.stderr) as bar:
        for first in range(0, records, BATCH):
            numbers = range(first, min(first + BATCH, records))
            store.put([{**make(number), "@timestamp": (START + APART * number).isoformat()} for number in numbers])
            bar.update(BATCH)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--scans", type=int, default=3, help="rounds of whole scans; 0 leaves them out")
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--filled", metavar="PREFIX", help="indices of that server that an earlier run has filled")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(server(options.elasticsearch))
        if options.filled:
            from scorelens_store.elasticsearch import ElasticsearchSettings

            settings = ElasticsearchSettings(prefix=options.filled, replicas="0")
            store = stack.enter_context(contextlib.closing(ElasticsearchStore(url, settings)))
        else:
            store = stack.enter_context(new_prefix(url, period="day"))
            fill(store, options.records)
        print("milliseconds p50: ours, the same request through the client, a query_string; ratios to both")
        figures = list(searches(store, url, options.rounds, options.records))
        if options.scans:
            figures += scans(store, url, options.scans)
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
