"""How long the console takes with a million records: pages one by one, then fifty people who click once a second.

A console process serves on the loopback interface; pages are asked for as either persona, one after the other, each
listing with a query that nobody asked before, so that nothing is remembered of its counts. The raw side asks the
library below for the same in one go: 25 records with their bytes, how many match, the values of each filter, a
histogram. Then fifty people, who are a process, use the same console for a minute. `python -m bench.console [--help]`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import httpx
import psutil

from bench.console_records import make_record
from bench.figures import Figure, report, write
from bench.store import new_prefix, server
from scorelens_console.access.identity import read_roles
from scorelens_console.access.links import make_link
from scorelens_console.core.listing import FACETS, PAGE
from scorelens_console.state import State
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_store.contract import Reader, Selection, Store
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore
from scorelens_store.elasticsearch.query import to_query
from scorelens_store.embedded import EmbeddedReader, open_reader, open_writer
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from scorelens_store.selection import complete

BATCH: Final = 5000
PERSONAS: Final = ("viewer", "scientist")
LISTINGS: Final = {
    "everything": "",
    "two words": "refund mortgage",
    "a phrase": '"mortgage rate"',
    "a tag and its score": "tag:complaint score.complaint:>0.8",
    "a kind and a source": "kind:tweet source:social",
}
LISTING_MS, DOCUMENT_MS, PAGE_BYTES = 300.0, 100.0, 500_000
CHARTS: Final = ("/reach", "/patterns")
JAVA: Final = "-Xms1g -Xmx1g"
"""Heap of a server of one's own, with its whole compiler: a million records are counted a good deal faster."""
_DAY: Final = 86_400_000_000

Raw = Callable[[str], int]
"""Asks the library below for a listing; returns how many match."""


@dataclass(frozen=True)
class Site:
    """A console under test: its address, its folder and its process."""

    url: str
    folder: Path
    process: psutil.Process

    @contextlib.contextmanager
    def person(self, roles: str, name: str = "") -> Iterator[httpx.Client]:
        """Sign somebody in."""
        code = make_link(State(self.folder), name or roles, read_roles(roles))
        with httpx.Client(base_url=self.url, timeout=60) as client:
            client.get("/signin", params={"code": code}, follow_redirects=True).raise_for_status()
            yield client

    @property
    def cpu(self) -> float:
        """Return the CPU seconds that the process has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextlib.contextmanager
def console(store: str, environment: dict[str, str]) -> Iterator[Site]:
    """Run a console as a process of its own."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        words = ["--listen", "127.0.0.1:0", "--store", store, "--folder", folder, "--log-level", "warning"]
        child = Child(
            "console", [sys.executable, "-P", "-m", "scorelens_runtime", "console", "serve", *words], environment
        )
        supervisor = Supervisor()
        try:
            address = str(supervisor.start(child)["address"])
            assert child.process is not None
            yield Site(f"http://{address}", Path(folder), psutil.Process(child.process.pid))
        finally:
            supervisor.stop()


def pages(where: str, site: Site, raw: Raw, rounds: int) -> Iterator[Figure]:
    """Ask for pages one by one, as either persona."""
    documents: list[float] = []
    worst = dict.fromkeys(PERSONAS, 0.0)
    print("  milliseconds, p50 and p95; raw p50; CPU of the console a request")
    for persona in PERSONAS:
        with site.person(persona) as client:
            for name, query in LISTINGS.items():
                found = Timed(site, client)
                for number in range(rounds):
                    found.get("/documents", q=f"{query} -zz{persona}{number}".strip())
                    found.other(raw, f"{query} -zz{persona}{number}".strip())
                worst[persona] = max(worst[persona], found.p95)
                found.show(f"{persona}: {name}")
                yield found.figure(
                    f"console, {where}, {persona}: listing with facets of {name}, p50 (peer: the raw query)"
                )
            ids = re.findall(r'href="/documents/([0-9a-f]{32})"', client.get("/documents").text)
            found = Timed(site, client)
            for number in range(2 * rounds):
                found.get(f"/documents/{ids[number % len(ids)]}")
            found.show(f"{persona}: document")
            documents.append(found.p95)
    for persona, high in worst.items():
        name = f"console, {where}, {persona}: slowest listing with facets, p95, of {LISTING_MS:.0f} ms"
        yield Figure(name, high / LISTING_MS, "<= 1", high, LISTING_MS, "ms")
    for persona, high in zip(PERSONAS, documents, strict=True):
        name = f"console, {where}, {persona}: page of a document, p95, of {DOCUMENT_MS:.0f} ms"
        yield Figure(name, high / DOCUMENT_MS, "<= 1", high, DOCUMENT_MS, "ms")


class Timed:
    """Times one kind of page, and the raw query beside it."""

    def __init__(self, site: Site, client: httpx.Client) -> None:
        self._site, self._client = site, client
        self._own: list[float] = []
        self._raw: list[float] = []
        self._cpu = 0.0

    def get(self, path: str, **parameters: str) -> None:
        """Ask for a page."""
        used, began = self._site.cpu, time.perf_counter()
        answer = self._client.get(path, params=parameters)
        self._own.append(time.perf_counter() - began)
        self._cpu += self._site.cpu - used
        answer.raise_for_status()

    def other(self, raw: Raw, query: str) -> None:
        """Ask the library below for the same."""
        began = time.perf_counter()
        raw(query)
        self._raw.append(time.perf_counter() - began)

    @property
    def p95(self) -> float:
        """Return milliseconds."""
        return percentile(self._own, 0.95)

    def show(self, name: str) -> None:
        """Print a line."""
        other = f"{statistics.median(self._raw) * 1e3:8.1f}" if self._raw else " " * 8
        cpu = self._cpu / len(self._own) * 1e3
        print(f"  {name:<32} {percentile(self._own, 0.5):8.1f} {self.p95:8.1f}   {other}   {cpu:8.1f}", flush=True)

    def figure(self, name: str) -> Figure:
        """Compare to the raw side."""
        own, other = (statistics.median(side) * 1e3 for side in (self._own, self._raw))
        return Figure(name, own / other, "", own, other, "ms", f"p95 {self.p95:.1f} ms")


def percentile(seconds: list[float], share: float) -> float:
    """Return milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3


def weight(where: str, site: Site) -> Iterator[Figure]:
    """Weigh whole pages with all that they load, as a browser takes them that has never been here."""
    with site.person("scientist") as client:
        found = re.search(r'href="(/documents/[0-9a-f]{32})"', client.get("/documents").text)
        for path in ("/documents", *((found[1],) if found else ()), *CHARTS):
            answer = client.get(path).raise_for_status()
            parts = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text))
            size = answer.num_bytes_downloaded + sum(client.get(part).num_bytes_downloaded for part in parts)
            name = "/documents/ID" if found and path == found[1] else path
            print(f"  {name:<32} {size / 1e3:8.0f} KB with {len(parts)} files")
            note = f"{len(parts)} files with it"
            title = f"console, {where}: weight of {name}, of {PAGE_BYTES / 1e3:.0f} KB"
            yield Figure(title, size / PAGE_BYTES, "<= 1", size / 1e3, PAGE_BYTES / 1e3, "KB", note)


def people(where: str, site: Site, count: int, seconds: float) -> Iterator[Figure]:
    """Let people use it together, every second one as a data scientist."""
    cookies = []
    for number in range(count):
        with site.person(PERSONAS[number % 2], f"person-{number}") as client:
            cookies.append("; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar))
    asked = json.dumps({"url": site.url, "cookies": cookies, "seconds": seconds})
    before, began = site.cpu, time.perf_counter()
    psutil.cpu_percent()
    command = [sys.executable, "-m", "bench.console_users"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, timeout=seconds * 3 + 60)
    busy, share = psutil.cpu_percent(), (site.cpu - before) / (time.perf_counter() - began)
    answer = json.loads(done.stdout)
    polls = answer["seen"].pop("live")
    clicks = [one for kind in answer["seen"].values() for one in kind]
    rate, errors = len(clicks) / answer["took"], sum(answer["errors"].values())
    for kind, times in {**answer["seen"], "live": polls}.items():
        if times:
            print(f"  {kind:<32} {percentile(times, 0.5):8.1f} {percentile(times, 0.95):8.1f}   {len(times)} times")
    polled = len(polls) / answer["took"]
    note = (
        f"p50 {percentile(clicks, 0.5):.0f}, p95 {percentile(clicks, 0.95):.0f} ms; {errors} errors; "
        f"{polled:.0f} polls a second beside; {share:.0%} of a core; machine {busy:.0f}% busy"
    )
    print(f"  {count} people: {rate:.1f} clicks/s, {note}; their own load {answer['cpu']:.0%} of a core")
    print(*(f"  {error}: {times} times" for error, times in answer["errors"].items()), sep="\n", end="")
    name = f"console, {where}: clicks a second of {count} people who click once a second"
    yield Figure(name, rate / count, ">= 0.95", rate, float(count), "clicks/s", note)


def raw_tantivy(reader: EmbeddedReader) -> Raw:
    """Return tantivy's side."""
    counts: dict[str, Any] = {name: {"terms": {"field": name, "size": 60}} for name in FACETS.values()}
    counts["days"] = {"histogram": {"field": "@timestamp", "interval": _DAY, "min_doc_count": 1}}

    def run(query: str) -> int:
        snapshot = reader._snapshot()  # noqa: SLF001
        assert snapshot is not None
        wanted = snapshot.translator.query(complete(Selection(parse(query))))
        found: Any = snapshot.searcher.search(wanted, PAGE, True, "@timestamp")
        for _, address in found.hits:
            snapshot.searcher.doc(address).get_first("source")
        snapshot.searcher.aggregate(wanted, counts)
        return int(found.count)

    return run


def raw_elasticsearch(store: ElasticsearchStore) -> Raw:
    """Return Elasticsearch's side: its client, one request."""
    counts: dict[str, Any] = {name: {"terms": {"field": name, "size": 60}} for name in FACETS.values()}
    counts["days"] = {"histogram": {"field": "microseconds.time", "interval": _DAY, "min_doc_count": 1}}
    client, prefix = store._connection._client, store.settings.prefix  # noqa: SLF001

    def run(query: str) -> int:
        wanted = to_query(complete(Selection(parse(query))))
        body = {
            "query": wanted,
            "size": PAGE,
            "track_total_hits": True,
            "sort": [{"@timestamp": "desc"}],
            "aggs": counts,
        }
        return int(client.search(index=prefix, body=body)["hits"]["total"]["value"])

    return run


def fill(store: Store, records: int, what: str) -> None:
    """Put records that end now, with a bar."""
    now = datetime.now(UTC)
    with click.progressbar(length=records, label=f"filling {what}", file=sys.stderr) as bar:
        for first in range(0, records, BATCH):
            store.put([make_record(number, records, now) for number in range(first, min(first + BATCH, records))])
            bar.update(BATCH)


def holds(reader: Reader, records: int) -> bool:
    """Tell whether a store is full already."""
    return reader.count(Selection(Everything())) == records


def measure(
    where: str, store: str, raw: Raw, options: argparse.Namespace, environment: Mapping[str, str]
) -> Iterator[Figure]:
    """Run everything on one store."""
    load = os.getloadavg()[0]
    print(f"{where}, {options.records:,} records; load average {load:.1f} at the beginning")
    with console(store, dict(environment)) as site:
        yield from pages(where, site, raw, options.rounds)
        yield from weight(where, site)
        yield from people(where, site, options.people, options.seconds)


def embedded(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure on the embedded store; one that holds the records already is used as it is."""
    with contextlib.closing(open_reader(folder)) as reader:
        if not holds(reader, options.records):
            with contextlib.closing(open_writer(folder)) as store:
                fill(store, options.records, "the embedded store")
        yield from measure("embedded", str(folder), raw_tantivy(reader), options, {})


def elasticsearch(url: str, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure on Elasticsearch, in indices of a month."""
    with contextlib.ExitStack() as stack:
        if options.prefix:
            settings = ElasticsearchSettings(prefix=options.prefix, period="month", replicas="0")
            store = stack.enter_context(contextlib.closing(ElasticsearchStore(url, settings)))
        else:
            store = stack.enter_context(new_prefix(url, period="month"))
        if not holds(store, options.records):
            fill(store, options.records, "Elasticsearch")
        environment = {"SCORELENS_ELASTICSEARCH_PREFIX": store.settings.prefix}
        yield from measure("Elasticsearch", url, raw_elasticsearch(store), options, environment)


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40, help="requests of each kind")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they click")
    parser.add_argument("--only", choices=("embedded", "elasticsearch"))
    parser.add_argument("--folder", type=Path, help="where the embedded store is or goes; kept if named")
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--prefix", default="", help="indices there that hold the records, or are to be kept")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        if options.only != "elasticsearch":
            made = options.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="scorelens-bench-"))
            figures += embedded(Path(made), options)
        if options.only != "embedded":
            figures += elasticsearch(stack.enter_context(server(options.elasticsearch, JAVA)), options)
    write(options.json, figures)
    sys.exit(report(figures))


if __name__ == "__main__":
    main()
