"""How fast records become searchable, against the same index filled with ready-made documents. `python -m bench.store`

Our side is an indexer process that gets exports over gRPC, `--flights` at a time, and answers each when its records
are durable and searchable: it parses, checks every calculation, converts, looks for duplicates, and stores. It runs as
plain Python and, where there is a C compiler, compiled.

The raw sides do the same indexing and nothing else. They are handed the very documents that our side stores, made
before the clock starts, for an index of the same settings, mapping or schema:

- Elasticsearch: bodies of bulk requests, of the size that our store sends (8 MiB), with the refresh that makes them
  visible; one after the other, as a client's bulk helper does (the gate), and as many at a time as our store sends.
- tantivy: documents as JSON through `add_json` (the gate), and as Python objects that were already built, in as large
  commits as our indexer ever makes (16 MiB of exports); a commit is an fsync on both sides.

A third side gets the same exports as ours: what a user would write with the official client (bench/async_bulk.py). It
is compared by documents per CPU second of its process, as it is and with orjson instead of Python's own JSON.

All sides run in each round, each time beginning with another; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import orjson
import psutil
import tantivy
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import async_bulk, compiled
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
JAVA: Final = "-Xms1g -Xmx1g"
"""The server's machine, with its whole compiler: a slower server would hide what we add."""
EVERYTHING: Final = Selection(Everything())
PLAIN, COMPILED = "indexer", "compiled indexer"
RAW_JSON, RAW_OBJECTS = "raw tantivy, JSON", "raw tantivy, objects built before"
RAW_BULK = "raw bulk"
RAW_BULKS: Final = f"raw bulk, {ElasticsearchStore.parallel_puts} requests at a time"
CLIENT, CLIENT_ORJSON = "async_streaming_bulk", "async_streaming_bulk with orjson"


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
    """Documents per second, and CPU seconds of the process that does it per document."""

    rate: float
    cpu: float = 0.0


Round = Mapping[str, Timing]


def make_load(documents: int, tags: int, terms: int) -> Load:
    """Make exports, and convert them as the indexer does."""
    made = list(exports(documents, tags, terms))
    return Load(made, [record for export in made for record in convert(parse(export)).records])


@contextmanager
def receiver(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """Run a module that receives exports; yield its address and its process."""
    child = Child(command[0], [sys.executable, "-P", "-m", *command], dict(environment))
    supervisor = Supervisor()
    try:
        address = str(supervisor.start(child)["address"])
        assert child.process is not None
        yield address, psutil.Process(child.process.pid)
    finally:
        supervisor.stop()


@contextmanager
def indexer(
    store: str, environment: Mapping[str, str], *, is_compiled: bool = False
) -> Iterator[tuple[str, psutil.Process]]:
    """Run an indexer; yield its address and its process."""
    path = {"PYTHONPATH": str(compiled.COMPILED)} if is_compiled else {}
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        words = ["--listen", "127.0.0.1:0", "--store", store, "--folder", folder, "--log-level", "warning"]
        with receiver(["scorelens_runtime", "indexer", *words], {**environment, **path}) as found:
            yield found


def send(load: Load, flights: int, address: str, process: psutil.Process) -> Timing:
    """Send all exports; the clock stops with the last answer."""
    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor(flights) as pool:
        call: Any = channel.unary_unary(f"/{SERVICE}/Export")
        call(b"", wait_for_ready=True, timeout=60)
        before, started = _cpu(process), time.perf_counter()
        list(pool.map(lambda export: call(export, timeout=600), load.exports))
        return Timing(load.count / (time.perf_counter() - started), (_cpu(process) - before) / load.count)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def check(found: int, load: Load) -> None:
    """End unless all records are there."""
    if found != load.count:
        sys.exit(f"{found} of {load.count} documents are searchable")


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
        before, started = time.process_time(), time.perf_counter()
        for start in range(0, load.count, load.commit):
            for document in documents[start : start + load.commit]:
                add(writer, document)
            writer.commit()
        timing = Timing(load.count / (time.perf_counter() - started), (time.process_time() - before) / load.count)
        writer.wait_merging_threads()
    return timing


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


def into_folder(load: Load, flights: int, *, is_compiled: bool) -> Timing:
    """Send everything to an indexer with a new embedded store."""
    with (
        tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder,
        indexer(folder, {}, is_compiled=is_compiled) as found,
    ):
        timing = send(load, flights, *found)
        reader = open_reader(folder)
        check(reader.count(EVERYTHING), load)
        reader.close()
    return timing


def into_elasticsearch(load: Load, flights: int, url: str, *, is_compiled: bool) -> Timing:
    """Send everything to an indexer with new indices."""
    with new_prefix(url) as store:
        environment = {
            "SCORELENS_ELASTICSEARCH_PREFIX": store.settings.prefix,
            "SCORELENS_ELASTICSEARCH_REPLICAS": "0",
        }
        with indexer(url, environment, is_compiled=is_compiled) as found:
            timing = send(load, flights, *found)
        check(store.count(EVERYTHING), load)
    return timing


def through_client(load: Load, flights: int, url: str, *words: str) -> Timing:
    """Send everything to the indexer that a user would write, with new indices of the same template."""
    with new_prefix(url) as store:
        store.put([])
        with receiver(["bench.async_bulk", url, store.settings.prefix, *words], {"PYTHONPATH": _root()}) as found:
            timing = send(load, flights, *found)
        check(store.count(EVERYTHING), load)
    return timing


def _root() -> str:
    return str(Path(__file__).parents[1])


def check_client(load: Load) -> None:
    """End unless the indexer that a user would write makes the same documents as ours, but for flags."""
    export = ExportTraceServiceRequest.FromString(load.exports[0])
    for record, theirs in zip(load.records, async_bulk.to_records(export), strict=False):
        mine = orjson.loads(encode(to_source(record, field_values(record)))) | {"flags": []}
        others = [name for name in {**mine, **theirs} if (mine.get(name) or []) != (theirs.get(name) or [])]
        if others:
            sys.exit(f"the peer makes another document: {', '.join(others)}")


Sides = Mapping[str, Callable[[], Timing]]


def embedded_sides(load: Load, flights: int, folder: Path, *, with_compiled: bool) -> Sides:
    """Return the sides of the embedded store."""
    schema, slots = build_schema(), Slots(folder / "numbers.json")
    checked = [(field_values(record), encode(record)) for record in load.records]
    texts = [as_json(values, source, slots) for values, source in checked]
    built = [to_document(values, source, slots, schema)[0] for values, source in checked]
    return {
        PLAIN: lambda: into_folder(load, flights, is_compiled=False),
        **({COMPILED: lambda: into_folder(load, flights, is_compiled=True)} if with_compiled else {}),
        RAW_JSON: lambda: raw_tantivy(load, tantivy.IndexWriter.add_json, texts),
        RAW_OBJECTS: lambda: raw_tantivy(load, tantivy.IndexWriter.add_document, built),
    }


def elasticsearch_sides(load: Load, flights: int, url: str, *, with_compiled: bool) -> Sides:
    """Return the sides of Elasticsearch."""
    bulks = Bulks(url, load)
    return {
        PLAIN: lambda: into_elasticsearch(load, flights, url, is_compiled=False),
        **({COMPILED: lambda: into_elasticsearch(load, flights, url, is_compiled=True)} if with_compiled else {}),
        RAW_BULK: lambda: bulks.run(1),
        RAW_BULKS: lambda: bulks.run(ElasticsearchStore.parallel_puts),
        CLIENT: lambda: through_client(load, flights, url),
        CLIENT_ORJSON: lambda: through_client(load, flights, url, "orjson"),
    }


def rounds(sides: Sides, count: int) -> Iterator[Round]:
    """Run all sides so often, beginning with another one each time; print and yield each round."""
    names = list(sides)
    for number in range(count):
        start = number % len(names)
        found = {name: sides[name]() for name in names[start:] + names[:start]}
        for name in names:
            cpu = f"{found[name].cpu * 1e6:7,.0f} us of CPU a document" if found[name].cpu else ""
            print(f"  {name:<40}{found[name].rate:8,.0f}/s {cpu}".rstrip(), flush=True)
        print(flush=True)
        yield found


def embedded(load: Load, count: int, flights: int, *, with_compiled: bool) -> Iterator[Figure]:
    """Measure the embedded store."""
    print("embedded")
    with tempfile.TemporaryDirectory(prefix="scorelens-bench-") as folder:
        found = list(rounds(embedded_sides(load, flights, Path(folder), with_compiled=with_compiled), count))
    for name in (PLAIN, COMPILED):
        if name in found[0]:
            yield by_rate(f"{name} to the embedded store", found, name, RAW_JSON, ">= 0.5")
            yield by_rate(f"{name} to the embedded store", found, name, RAW_OBJECTS)


def elasticsearch(load: Load, count: int, flights: int, url: str, *, with_compiled: bool) -> Iterator[Figure]:
    """Measure Elasticsearch; the first round, in which the server compiles what it runs often, does not count."""
    print("elasticsearch")
    check_client(load)
    found = list(rounds(elasticsearch_sides(load, flights, url, with_compiled=with_compiled), count + 1))[1:]
    for name in (PLAIN, COMPILED):
        if name in found[0]:
            yield by_rate(f"{name} to Elasticsearch", found, name, RAW_BULK, ">= 0.9")
            yield by_rate(f"{name} to Elasticsearch", found, name, RAW_BULKS)
            yield by_cpu(f"{name} to Elasticsearch", found, name, CLIENT, ">= 1.3")
            yield by_cpu(f"{name} to Elasticsearch", found, name, CLIENT_ORJSON)


def by_rate(what: str, found: Sequence[Round], name: str, peer: str, gate: str = "") -> Figure:
    """Compare documents per second."""
    ratios = [each[name].rate / each[peer].rate for each in found]
    mine, other = (statistics.median(each[side].rate for each in found) for side in (name, peer))
    note = f"peer: {peer}; {_spread(ratios)}"
    return Figure(f"{what}: documents per second", statistics.median(ratios), gate, mine, other, "documents/s", note)


def by_cpu(what: str, found: Sequence[Round], name: str, peer: str, gate: str = "") -> Figure:
    """Compare documents per CPU second of the receiving process."""
    ratios = [each[peer].cpu / each[name].cpu for each in found]
    mine, other = (statistics.median(each[side].cpu * 1e6 for each in found) for side in (name, peer))
    note = f"peer: {peer}; {_spread(ratios)}"
    return Figure(
        f"{what}: documents per CPU second", statistics.median(ratios), gate, mine, other, "us a document", note
    )


def _spread(ratios: Sequence[float]) -> str:
    if len(ratios) < 2:
        return "one round"
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"half of {len(ratios)} rounds within {low:.2f} to {high:.2f}"


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
    missing = compiled.build()
    if missing:
        print(f"the compiled indexer is left out: {missing}")
    load = make_load(options.documents, options.tags, options.terms)
    size = len(encode(load.records[0]))
    print(f"{load.count:,} documents of {options.tags} tags of {options.terms} terms, records of {size:,} bytes")
    figures: list[Figure] = []
    if options.only != "elasticsearch":
        figures += embedded(load, options.rounds, options.flights, with_compiled=not missing)
    if options.only != "embedded":
        with server(options.elasticsearch, JAVA) as url:
            figures += elasticsearch(load, options.rounds, options.flights, url, with_compiled=not missing)
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
