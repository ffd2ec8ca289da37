"""How fast records become searchable, against the same index filled with ready-made documents. `python -m bench.store`

Our side is an indexer process that gets exports over gRPC, `--flights` at a time, and answers each when its records
are durable and searchable: it parses, checks every calculation, converts, looks for duplicates, and stores.

The raw sides do the same indexing and nothing else. They are handed the very documents that our side stores, made
before the clock starts, for an index of the same settings, mapping or schema:

- Elasticsearch: bodies of bulk requests, of the size that our store sends (8 MiB), with the refresh that makes them
  visible; one after the other, as a client's bulk helper does (the gate), and as many at a time as our store sends.
- tantivy: documents as JSON through `add_json` (the gate), and as Python objects that were already built, in as large
  commits as our indexer ever makes (16 MiB of exports); a commit is an fsync on both sides.

Rounds alternate; a ratio is the median of the rounds' ratios. CPU is that of our process per document.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import orjson
import psutil
import tantivy

from bench.exports import exports
from bench.figures import Figure, report, write
from scorelens_indexer.intake import convert
from scorelens_indexer.otlp import parse
from scorelens_indexer.receiver import SERVICE
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_store.contract import Record, Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore
from scorelens_store.elasticsearch.mapping import to_source
from scorelens_store.embedded.documents import to_document
from scorelens_store.embedded.schema import KEYED, NAMES, ORDER, SOURCE, build_schema, order_of, register_tokenizers
from scorelens_store.embedded.slots import Slots
from scorelens_store.fields import FIELDS
from scorelens_store.open import open_reader
from scorelens_store.query.tree import Everything
from scorelens_store.values import Values, encode, field_values

BULK: Final = "/_bulk?refresh=true&filter_path=took,items.*.status,items.*.error,items.*.result"
COMMIT_BYTES: Final = 16 * 2**20
HEAP: Final = 64_000_000


@dataclass(frozen=True)
class Load:
    """What is stored: exports, and the records that they become."""

    exports: list[bytes]
    records: list[Record]

    @property
    def count(self) -> int:
        """Documents."""
        return len(self.records)

    @property
    def commit(self) -> int:
        """How many documents fit into the largest commit."""
        return max(1, COMMIT_BYTES * self.count // sum(map(len, self.exports)))


@dataclass(frozen=True)
class Timing:
    """Documents per second, and CPU seconds of our process per document."""

    rate: float
    cpu: float = 0.0


def make_load(documents: int, tags: int, terms: int) -> Load:
    """Make exports, and convert them as the indexer does."""
    made = list(exports(documents, tags, terms))
    return Load(made, [record for export in made for record in convert(parse(export)).records])


@contextmanager
def indexer(store: str, environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """Run an indexer; yield its address and its process."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        words = ["--listen", "127.0.0.1:0", "--store", store, "--folder", folder, "--log-level", "warning"]
        child = Child("indexer", [sys.executable, "-P", "-m", "scorelens_runtime", "indexer", *words], environment)
        supervisor = Supervisor()
        try:
            address = str(supervisor.start(child)["address"])
            assert child.process is not None
            yield address, psutil.Process(child.process.pid)
        finally:
            supervisor.stop()


def ours(load: Load, store: str, flights: int, environment: dict[str, str]) -> Timing:
    """Send all exports to a new indexer; the clock stops with the last answer."""
    with indexer(store, environment) as (address, process), grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/{SERVICE}/Export")
        with ThreadPoolExecutor(flights) as pool:
            call(b"", wait_for_ready=True, timeout=60)
            before, started = _cpu(process), time.perf_counter()
            list(pool.map(lambda export: call(export, timeout=600), load.exports))
            seconds, used = time.perf_counter() - started, _cpu(process) - before
        with ExitStack() as stack:
            changes: dict[str, Any] = (
                {"prefix": environment["SCORELENS_ELASTICSEARCH_PREFIX"]} if "://" in store else {}
            )
            reader = open_reader(store, **changes)
            stack.callback(reader.close)
            found = reader.count(Selection(Everything()))
        if found != load.count:
            sys.exit(f"{found} of {load.count} documents are searchable")
    return Timing(load.count / seconds, used / load.count)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


class Bulks:
    """Ready-made bulk requests for an Elasticsearch."""

    def __init__(self, url: str, load: Load) -> None:
        self._url, self._count, self._settings = url, load.count, ElasticsearchSettings(replicas="0")
        self._lines = [(_id(record), encode(to_source(record, field_values(record)))) for record in load.records]

    def run(self, flights: int) -> Timing:
        """Fill new indices of the same template."""
        with new_prefix(self._url) as store:
            store.put([])  # which puts the template there
            bodies = list(self._bodies(store.settings))
            ask = store._connection.ask  # noqa: SLF001 (the same client, so that only what is sent differs)
            started = time.perf_counter()
            with ThreadPoolExecutor(flights) as pool:
                answers = list(pool.map(lambda body: ask("POST", BULK, body), bodies))
            seconds = time.perf_counter() - started
            if any(each["create"]["status"] != 201 for _, answer in answers for each in answer["items"]):
                sys.exit("a bulk request was not taken")
        return Timing(self._count / seconds)

    def _bodies(self, settings: ElasticsearchSettings) -> Iterator[bytes]:
        index, lines, size = f"{settings.prefix}-{time.strftime('%Y.%m.%d', time.gmtime())}", list[bytes](), 0
        for record_id, source in self._lines:
            head = orjson.dumps({"create": {"_index": index, "_id": record_id}})
            if size + len(source) > settings.bulk_bytes:
                yield b"".join(lines)
                lines, size = [], 0
            lines.append(head + b"\n" + source + b"\n")
            size += len(lines[-1])
        yield b"".join(lines)


@contextmanager
def new_prefix(url: str, period: str = "day") -> Iterator[ElasticsearchStore]:
    """Open a store of its own on the server, and remove it."""
    store = ElasticsearchStore(
        url, ElasticsearchSettings(prefix=f"bench-{secrets.token_hex(5)}", period=period, replicas="0")
    )
    try:
        yield store
    finally:
        store.remove_everything()
        store.close()


def raw_tantivy(load: Load, add: Callable[[tantivy.IndexWriter, Any], object], documents: Sequence[Any]) -> Timing:
    """Fill a new index of the same schema."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        index = tantivy.Index(build_schema(), folder)
        register_tokenizers(index)
        writer = index.writer(HEAP, 1)
        started = time.perf_counter()
        for start in range(0, load.count, load.commit):
            for document in documents[start : start + load.commit]:
                add(writer, document)
            writer.commit()
        seconds = time.perf_counter() - started
        writer.wait_merging_threads()
    return Timing(load.count / seconds)


def as_json(values: Values, source: bytes, slots: Slots) -> str:
    """Write the index's document of a record as JSON."""
    fields: dict[str, Any] = {
        ORDER: order_of(str(values["record.id"][0])),
        SOURCE: base64.b64encode(source).decode(),
        KEYED: [f"{name}\0{value}" for name in _open(values, str) for value in values[name]],
        NAMES: list(values),
    }
    fields |= {name: found for name, found in values.items() if name in FIELDS}
    return orjson.dumps(
        fields | {f"number.{slots.assign(name)}": values[name] for name in _open(values, float)}
    ).decode()


def _open(values: Values, kind: type) -> list[str]:
    return [name for name, found in values.items() if name not in FIELDS and isinstance(found[0], kind)]


def _id(record: Record) -> str:
    return str(record["record"]["id"])


def embedded(load: Load, rounds: int, flights: int) -> Iterator[Figure]:
    """Measure the embedded store."""
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        schema, slots = build_schema(), Slots(Path(folder) / "numbers.json")
        checked = [(field_values(record), encode(record)) for record in load.records]
        texts = [as_json(values, source, slots) for values, source in checked]
        built = [to_document(values, source, slots, schema)[0] for values, source in checked]
        rows = []
        for number in range(rounds):
            rows.append(
                (
                    ours(load, f"{folder}/{number}", flights, {}),
                    raw_tantivy(load, tantivy.IndexWriter.add_json, texts),
                    raw_tantivy(load, tantivy.IndexWriter.add_document, built),
                )
            )
            show("embedded", rows[-1])
    yield figure("indexer to the embedded store: documents per second", rows, 1, ">= 0.5", "raw tantivy, JSON")
    yield figure(
        "indexer to the embedded store: documents per second", rows, 2, "", "raw tantivy, objects built before"
    )


def elasticsearch(load: Load, rounds: int, flights: int, url: str) -> Iterator[Figure]:
    """Measure Elasticsearch."""
    bulks, rows = Bulks(url, load), []
    bulks.run(1)  # the server compiles what it runs often
    for _ in range(rounds):
        with new_prefix(url) as store:
            environment = {
                "SCORELENS_ELASTICSEARCH_PREFIX": store.settings.prefix,
                "SCORELENS_ELASTICSEARCH_REPLICAS": "0",
            }
            mine = ours(load, url, flights, environment)
        rows.append((mine, bulks.run(1), bulks.run(ElasticsearchStore.parallel_puts)))
        show("elasticsearch", rows[-1])
    yield figure("indexer to Elasticsearch: documents per second", rows, 1, ">= 0.8", "raw bulk")
    together = f"raw bulk, {ElasticsearchStore.parallel_puts} requests at a time"
    yield figure("indexer to Elasticsearch: documents per second", rows, 2, "", together)


def figure(name: str, rows: Sequence[tuple[Timing, ...]], peer: int, gate: str, what: str) -> Figure:
    """Put rounds together."""
    ratio = statistics.median(row[0].rate / row[peer].rate for row in rows)
    mine, other = (statistics.median(row[at].rate for row in rows) for at in (0, peer))
    note = f"peer: {what}; {min(row[0].cpu for row in rows) * 1e6:.0f} us of our CPU a document"
    return Figure(name, ratio, gate, mine, other, "documents/s", note)


def show(store: str, row: tuple[Timing, ...]) -> None:
    """Print a round."""
    raw = ", ".join(f"{each.rate:,.0f}/s" for each in row[1:])
    print(
        f"  {store}: ours {row[0].rate:,.0f}/s with {row[0].cpu * 1e6:,.0f} us of CPU a document, raw {raw}", flush=True
    )


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=6000)
    parser.add_argument("--tags", type=int, default=10)
    parser.add_argument("--terms", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--flights", type=int, default=8, help="exports under way at a time")
    parser.add_argument("--only", choices=("embedded", "elasticsearch"))
    parser.add_argument("--elasticsearch", metavar="URL", help="a server to use instead of one of our own")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    load = make_load(options.documents, options.tags, options.terms)
    size = len(encode(load.records[0]))
    print(f"{load.count:,} documents of {options.tags} tags of {options.terms} terms, records of {size:,} bytes")
    figures: list[Figure] = []
    if options.only != "elasticsearch":
        figures += embedded(load, options.rounds, options.flights)
    if options.only != "embedded":
        with server(options.elasticsearch) as url:
            figures += elasticsearch(load, options.rounds, options.flights, url)
    write(options.json, figures)
    for each in figures:
        print(f"{each.name}: {each.ratio:.2f} of the peer's {each.gate and f'(gate {each.gate})'} {each.note}")
    sys.exit(report(figures))


@contextmanager
def server(given: str | None, java: str = "") -> Iterator[str]:
    """Name the given server, or run one, with a small heap and half its compiler unless `java` says otherwise."""
    from tests.tools import elasticsearch as tools

    if url := given or tools.given_url():
        yield url
        return
    made = tools.make_server(java=java or tools.JAVA_OPTIONS)
    try:
        made.start()
        yield made.url
    finally:
        made.close()


if __name__ == "__main__":
    main()
