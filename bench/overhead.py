"""What the store adds to a search of Elasticsearch, against the same request through the official client.

All sides ask one server in turn, and take the hits as dicts. Ours reads the query language, adds what listings leave
out, and returns records. The peer is handed the very body and parameters that ours sends; where ours marks words, it
has the server mark them instead. Two more peers hold no gate: the same client reading JSON with orjson, which it can be
told to, and what a person would write instead: the query as `query_string`, ten hits by relevance, which asks for less
(no total beyond 10,000, no order among equals, no frequencies over all indices).

Scans are compared with a point in time that is read in the order of the server, 1,000 at a time, which is the fastest
way that the client has and puts nothing in order. `python -m bench.overhead [--help]`
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import click
from elastic_transport import OrjsonSerializer
from elasticsearch import Elasticsearch

from bench.figures import Figure, report, write
from bench.records import START, make
from bench.search import JAVA
from bench.store import new_prefix, server
from scorelens_client import Client
from scorelens_store.contract import Aggregation, DateHistogram, Record, Selection, Sort, Store, Terms
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore
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
    marked: bool = False

    def ours(self, store: ElasticsearchStore) -> object:
        """Ask the store."""
        selection = Selection(parse(self.query))
        if self.counts:
            wanted: dict[str, Aggregation] = {"tags": Terms("tags"), "days": DateHistogram("@timestamp", DAY)}
            return len(store.aggregate(selection, wanted)["tags"])
        found = store.search(selection, sort=Sort(self.sort or None), highlight=self.marked)
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
        return client.search(index=index, query=query, sort=sort, highlight=self.marks())

    def marks(self) -> dict[str, Any] | None:
        """Return how the server is told to mark words."""
        return {"fields": {name: {} for name in TEXTS}} if self.marked else None


CASES: Final = (
    Case("words", "refund mortgage"),
    Case("words, marked", "refund mortgage", marked=True),
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
BY_SDK: Final = CASES[1]


class Replay:
    """What the store sends for a case, and the same again through the client's own method."""

    def __init__(self, store: ElasticsearchStore, case: Case) -> None:
        sent: list[tuple[str, Any]] = []
        connection = store._connection  # noqa: SLF001
        send = connection.send

        def noted(method: str, path: str, body: Any = None, **options: Any) -> Any:
            sent.append((path, body))
            return send(method, path, body, **options)

        connection.send = noted  # type: ignore[method-assign]
        case.ours(store)
        connection.send = send  # type: ignore[method-assign]
        if len(sent) != 1:
            sys.exit(f"{case.name}: the store sent {len(sent)} requests for one page")
        parts = urlsplit(sent[0][0])
        self._index = parts.path.split("/")[1]
        self._parameters: dict[str, Any] = dict(parse_qsl(parts.query))
        self._body = sent[0][1] | ({"highlight": case.marks()} if case.marked else {})
        self._counts = case.counts

    def __call__(self, client: Elasticsearch) -> object:
        """Send it, and take of the answer what the store returns."""
        answer = client.search(index=self._index, body=self._body, **self._parameters)
        if self._counts:
            return len(answer["aggregations"]["0"]["buckets"])
        return [row["_source"]["record"]["id"] for row in answer["hits"]["hits"]]


def searches(store: ElasticsearchStore, url: str, rounds: int, records: int) -> Iterator[Figure]:
    """Run each case in turn on all sides, and compare medians."""
    print("milliseconds, p50 and p95: ours, the same request through the client, with orjson, as a query_string")
    where = f"Elasticsearch, {records:,} records"
    with Elasticsearch(url) as client, Elasticsearch(url, serializer=OrjsonSerializer()) as fast:
        for case in CASES:
            replay = Replay(store, case)
            if case.ours(store) != replay(client):
                sys.exit(f"{case.name}: the store finds something else than the client")
            times = alternate(
                (
                    lambda case=case: case.ours(store),  # type: ignore[misc]
                    lambda replay=replay: replay(client),  # type: ignore[misc]
                    lambda replay=replay: replay(fast),  # type: ignore[misc]
                    lambda case=case: case.written(client, store.settings.prefix),  # type: ignore[misc]
                ),
                rounds,
            )
            yield figure(f"search overhead, {where}: {case.name}", times)
        replay = Replay(store, BY_SDK)
        with Client(store=f"{url}#{store.settings.prefix}") as sdk:
            times = alternate(
                (
                    lambda: sdk.search(BY_SDK.query),
                    lambda: replay(client),
                    lambda: replay(fast),
                    lambda: BY_SDK.written(client, store.settings.prefix),
                ),
                rounds,
            )
        yield figure(f"search overhead, {where}: {BY_SDK.name}, through the SDK", times)


def figure(name: str, times: Sequence[Sequence[float]]) -> Figure:
    """Compare medians; show all sides."""
    own, peer, fast, plain = (statistics.median(each) * 1e3 for each in times)
    own_high, peer_high, *_ = (quantile(each, 0.95) * 1e3 for each in times)
    print(
        f"  {name.rpartition(': ')[2]:<32} {own:7.2f} {own_high:7.2f}   {peer:7.2f} {peer_high:7.2f}   {fast:7.2f}"
        f"   {plain:7.2f}   ratios {own / peer:.2f} {own / fast:.2f} {own / plain:.2f}",
        flush=True,
    )
    note = (
        f"p95 {own_high / peer_high:.2f}; {own / fast:.2f} of the client with orjson, "
        f"{own / plain:.2f} of a query_string's {plain:.1f} ms"
    )
    return Figure(f"{name}, p50", own / peer, GATE, own, peer, "ms", note)


def scans(store: ElasticsearchStore, url: str, rounds: int) -> Iterator[Figure]:
    """Read everything on both sides."""
    prefix = store.settings.prefix
    with Elasticsearch(url) as client, Elasticsearch(url, serializer=OrjsonSerializer()) as fast:
        sides: tuple[Callable[[], int], ...] = (
            lambda: sum(1 for _ in store.scan(Selection(Everything()))),
            lambda: sum(1 for _ in raw_scan(client, prefix)),
            lambda: sum(1 for _ in raw_scan(fast, prefix)),
        )
        counts = [side() for side in sides]
        if len(set(counts)) != 1:
            sys.exit(f"the scan has {counts[0]} records, the raw one {counts[1]}")
        own, peer, quick = (counts[0] / statistics.median(times) for times in alternate(sides, rounds))
    print(f"  scan {own:,.0f} records/s, raw {peer:,.0f} records/s, raw with orjson {quick:,.0f} records/s")
    note = f"ours in order of time; {own / quick:.2f} of the client with orjson"
    yield Figure(f"scan of Elasticsearch, {counts[0]:,} records", own / peer, ">= 0.9", own, peer, "records/s", note)


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


def alternate(sides: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Return the seconds of each side's rounds."""
    times: list[list[float]] = [[] for _ in sides]
    for side in sides:
        side()
    gc.collect()
    order, chance = list(range(len(sides))), random.Random(1)
    for _ in range(rounds):
        # Who comes after whom changes, since caches are warmer after the same request than after another.
        chance.shuffle(order)
        for place in order:
            started = time.perf_counter()
            sides[place]()
            times[place].append(time.perf_counter() - started)
    return times


def quantile(times: Sequence[float], share: float) -> float:
    """Return the time that so many rounds did not take longer than."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def fill(store: Store, records: int) -> None:
    """Put records, spread over days, with a bar."""
    with click.progressbar(length=records, label="filling Elasticsearch", file=sys.stderr) as bar:
        for first in range(0, records, BATCH):
            numbers = range(first, min(first + BATCH, records))
            store.put([{**make(number), "@timestamp": (START + APART * number).isoformat()} for number in numbers])
            bar.update(BATCH)


@contextlib.contextmanager
def filled(url: str, prefix: str, records: int) -> Iterator[ElasticsearchStore]:
    """Open the store of a prefix, and fill it where it has nothing; without a prefix one that is removed afterwards."""
    with contextlib.ExitStack() as stack:
        if prefix:
            settings = ElasticsearchSettings(prefix=prefix, period="day", replicas="0")
            store = stack.enter_context(contextlib.closing(ElasticsearchStore(url, settings)))
        else:
            store = stack.enter_context(new_prefix(url, period="day"))
        if not store.count(Selection(Everything())):
            fill(store, records)
        yield store


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--scans", type=int, default=3, help="rounds of whole scans; 0 leaves them out")
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--prefix", default="", help="indices of that server that are filled once and stay")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    with server(options.elasticsearch, JAVA) as url, filled(url, options.prefix, options.records) as store:
        figures = list(searches(store, url, options.rounds, store.count(Selection(Everything()))))
        if options.scans:
            figures += scans(store, url, options.scans)
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
