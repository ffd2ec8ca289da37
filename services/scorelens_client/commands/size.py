"""`scorelens size`: how large a system has to be for a load."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import click

from scorelens_client.doctor.words import size as in_words
from scorelens_client.sizing.measured import DISK
from scorelens_client.sizing.model import BUSY, Load, Part, Size, size


@click.command("size")
@click.option("--calls", type=click.FloatRange(0.001), required=True, help="Calls a second, on average over a day.")
@click.option("--documents", type=click.FloatRange(0.01), default=1.0, help="Documents of a call.  [default: 1]")
@click.option("--tags", type=click.IntRange(1), default=10, help="Tags that the model knows.  [default: 10]")
@click.option("--terms", type=click.IntRange(0), default=20, help="Terms of a tag that are recorded.  [default: 20]")
@click.option("--text", type=click.FloatRange(0), default=1000.0, help="Bytes of a document's words.  [default: 1000]")
@click.option("--peak", type=click.FloatRange(1), default=3.0, help="Busiest hour against the average.  [default: 3]")
@click.option("--days", type=click.FloatRange(0), default=90.0, help="Days for which records are kept.  [default: 90]")
@click.option("--replicas", type=click.IntRange(0), default=1, help="Copies of each record beside it.  [default: 1]")
@click.option("--away", type=click.FloatRange(0), default=24.0, help="Hours that the store may be away.  [default: 24]")
@click.option(
    "--codec",
    type=click.Choice(list(DISK)),
    default="default",
    help="How Elasticsearch compresses, or the embedded store.  [default: default]",
)
@click.option("--node-disk", type=click.FloatRange(1), default=1000.0, help="GB of a server's disk.  [default: 1000]")
@click.option(
    "--slower",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    help="How many times as long your cores take as those that were measured.  [default: 1]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(calls: float, node_disk: float, as_json: bool, **values: object) -> None:
    """Say what a load needs: cores, memory, the spool's disk, and servers of Elasticsearch.

    It follows from this project's own measurements (docs/capacity.md), with the reference model as the scorer; a model
    of your own takes what it takes. Measure with your documents before you order machines; what --slower is of a
    machine says `python -m bench.capacity` there.

    \b
    scorelens size --calls 200
    scorelens size --calls 200 --documents 1 --tags 10 --days 90 --replicas 1
    scorelens size --calls 200 --slower 2.5                busy or older cores
    scorelens size --calls 20 --documents 50 --tags 20 --codec best_compression --json | jq .nodes
    """
    load = Load(calls=calls, node_disk=node_disk * 1e9, **values)  # type: ignore[arg-type]
    found = size(load)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo("\n".join(lines(load, found)))


def lines(load: Load, found: Size) -> Iterator[str]:
    """Yield what people read."""
    peak = f"{load.peak:,g} times as many at the peak"
    documents = "1 document" if load.documents == 1 else f"{load.documents:,g} documents"
    yield f"{load.calls:,g} calls/s of {documents} on average, {peak}"
    yield ""
    yield "             cores at the peak   how many   CPU request   memory request"
    for name in ("scorer", "sidecar", "indexer"):
        part: Part = getattr(found, name)
        cells = f"{part.cores:>17.2f}{part.count:>11}{part.cpu_request:>14.1f}{in_words(part.memory_request):>17}"
        yield f"  {name:<11}{cells}"
    yield ""
    yield from _disks(load, found)
    yield ""
    yield f"Cores are busy to {BUSY:.0%} at the peak. Searching comes on top: docs/capacity.md says what is not known."


def _disks(load: Load, found: Size) -> Iterator[str]:
    records, disk = load.calls * load.documents * 86_400, in_words(found.disk_bytes)
    yield f"  spool         {in_words(found.spool_bytes)} in each pod, for {load.away:g} h without the store"
    yield f"                SCORELENS_SIDECAR_SPOOL_BYTES={math.ceil(found.spool_bytes / 2**30)}GiB"
    each, day = in_words(found.record_bytes), in_words(found.bytes_per_day)
    yield f"  records       {records:,.0f} a day of {each}: {day} a day"
    if not found.nodes:
        yield f"  store         {disk} of disk for {load.days:g} days, a quarter of it free"
        return
    yield f"  Elasticsearch {disk} of disk for {load.days:g} days, copies and a quarter free included"
    of = f"{load.node_disk / 1e9:,g} GB and {found.node_cores:g} cores for writing"
    yield f"                {found.nodes} {'server' if found.nodes == 1 else 'servers'} of {of}"
    shards = f"{found.shards} {'shard' if found.shards == 1 else 'shards'}"
    yield f"                an index per {found.period} of {shards}, {found.total_shards:,} shards in all"
    settings = {"PERIOD": found.period, "SHARDS": found.shards, "REPLICAS": load.replicas}
    yield from (f"                SCORELENS_ELASTICSEARCH_{name}={value}" for name, value in settings.items())
