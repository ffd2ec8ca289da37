"""From a load to cores, memory, disks and nodes (pure): two points make a line, and room is left everywhere."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from scorelens_client.sizing.measured import (
    ANSWER,
    DISK,
    ELASTICSEARCH_RATE,
    INDEXER_ELASTICSEARCH,
    INDEXER_EMBEDDED,
    INDEXER_MEMORY,
    RELAY_CALL,
    RELAY_DOCUMENT,
    SCORER_CALL,
    SCORER_DOCUMENT,
    SCORER_MEMORY,
    SHIPPER,
    SIDECAR_MEMORY,
    Point,
)

BUSY: Final = 0.6
"""Share of a core that the peak may take: queues grow long beyond it."""

MERGING: Final = 1.2
"""How much larger an index is while its segments are not merged."""

FULL: Final = 0.75
"""Share of a server's disk that may be full: the low watermark is at 85 %, and an index made anew needs room."""

SHARD: Final = 30e9
"""Bytes of the primary shard of an index at which another one is better; docs/elasticsearch.md."""

SHARDS_OF_A_NODE: Final = 800
"""Shards that a server takes, with room below cluster.max_shards_per_node (1,000)."""

DOCUMENT_OVERHEAD: Final = 400.0
"""Bytes of a document in a request beside its text."""

RECORD_OVERHEAD: Final = 250.0
"""Bytes of a call's record in the spool beside its messages; docs/spool.md."""

SPARE: Final = 64 * 2**20
"""Bytes of memory for captures or exports in work: the default of the settings."""

_DAY: Final = 86_400
_PERIODS: Final = (("day", 1), ("week", 7), ("month", 30))


@dataclass(frozen=True)
class Load:
    """What a system is to carry: calls a second on average, of which the busiest hours have `peak` times as many.

    `terms` are those of each tag that are recorded, `text` the bytes of a document's words, `away` the hours that a
    store may be away without loss, `node_disk` the bytes of a server's disk, `slower` how many times as long a core
    takes as those that were measured.
    """

    calls: float
    documents: float = 1.0
    tags: int = 10
    terms: int = 20
    text: float = 1_000.0
    peak: float = 3.0
    days: float = 90.0
    replicas: int = 1
    away: float = 24.0
    codec: str = "default"
    node_disk: float = 1e12
    slower: float = 1.0

    @property
    def all_terms(self) -> int:
        """Terms of a document, all tags together."""
        return self.tags * self.terms


@dataclass(frozen=True)
class Part:
    """What one kind of process needs: cores at the peak, and how many of it, with their requests."""

    cores: float
    count: int
    cpu_request: float
    memory_request: int


@dataclass(frozen=True)
class Size:
    """How large a system has to be. Bytes are those of disks, `shards` and `period` are settings of Elasticsearch."""

    scorer: Part
    sidecar: Part
    indexer: Part
    spool_bytes: int
    record_bytes: int
    bytes_per_day: int
    store_bytes: int
    disk_bytes: int
    period: str
    shards: int
    total_shards: int
    nodes: int
    node_cores: float

    def as_json(self) -> dict[str, Any]:
        """Return it by names."""
        return asdict(self)


def size(load: Load) -> Size:
    """Return what a load needs."""
    peak = load.calls * load.peak * load.slower / 1e6  # of which each microsecond of a call takes a core
    documents = peak * load.documents
    embedded = load.codec == "embedded"
    scorer = peak * scorer_cpu(load)
    sidecar = peak * sidecar_cpu(load)
    indexer = documents * indexer_cpu(load, embedded=embedded)
    # The relay, the shipper and a worker of the scorer have one core each, whatever the pod has.
    widest = max(scorer, peak * relay_cpu(load), documents * shipper_cpu(load))
    pods = max(2, math.ceil(widest / BUSY))
    writers = 1 if embedded else max(2, math.ceil(indexer / BUSY))
    record = record_bytes(load)
    day = load.calls * load.documents * _DAY * record
    copies = 1 if embedded else 1 + load.replicas
    store = day * load.days * MERGING
    period, length = _period(day)
    shards = max(1, math.ceil(day * length / SHARD))
    total = 0 if embedded else math.ceil(load.days / length + 1) * shards * copies
    disk = store * copies / FULL
    nodes = 0 if embedded else max(copies, math.ceil(disk / load.node_disk), math.ceil(total / SHARDS_OF_A_NODE))
    work = 0.0 if embedded else documents * copies * elasticsearch_cpu(load) / BUSY
    return Size(
        scorer=Part(scorer, pods, _request(scorer, pods), SCORER_MEMORY + SPARE),
        sidecar=Part(sidecar, pods, _request(sidecar, pods), SIDECAR_MEMORY + SPARE),
        indexer=Part(indexer, writers, _request(indexer, writers), INDEXER_MEMORY + SPARE),
        spool_bytes=math.ceil(load.calls * spool_bytes(load) * load.away * 3600 / pods),
        record_bytes=round(record),
        bytes_per_day=round(day),
        store_bytes=round(store),
        disk_bytes=round(disk),
        period=period,
        shards=shards,
        total_shards=total,
        nodes=nodes,
        node_cores=round(work / nodes, 2) if nodes else 0.0,
    )


def scorer_cpu(load: Load) -> float:
    """Return microseconds of CPU of a call, by the reference model."""
    share = load.all_terms / SCORER_DOCUMENT.terms
    return SCORER_CALL + load.documents * SCORER_DOCUMENT.value * max(share, 0.25)


def relay_cpu(load: Load) -> float:
    """Return microseconds of CPU of a call."""
    return RELAY_CALL + RELAY_DOCUMENT * max(0.0, load.documents - 1)


def shipper_cpu(load: Load) -> float:
    """Return microseconds of CPU of a document: to spans, to a receiver and to the calculation log."""
    return line(SHIPPER, load.all_terms)


def sidecar_cpu(load: Load) -> float:
    """Return microseconds of CPU of a call, relay and shipper together."""
    return relay_cpu(load) + load.documents * shipper_cpu(load)


def indexer_cpu(load: Load, *, embedded: bool) -> float:
    """Return microseconds of CPU of a document."""
    if embedded:
        return line(INDEXER_EMBEDDED, load.all_terms)
    one = INDEXER_ELASTICSEARCH
    return one.value * max(0.25, load.all_terms / one.terms)


def elasticsearch_cpu(load: Load) -> float:
    """Return microseconds of CPU of a document and a copy on a server, as if it had had both cores to itself."""
    one = ELASTICSEARCH_RATE
    return 2e6 / one.value * max(0.25, load.all_terms / one.terms)


def record_bytes(load: Load) -> float:
    """Return the bytes of a record on disk, its words beyond the measured 100 included."""
    without, whole = DISK[load.codec]
    per_term = (whole - without) / 400
    return without + per_term * load.all_terms + max(0.0, load.text - 100)


def spool_bytes(load: Load) -> float:
    """Return the bytes of a call in the spool."""
    answer = line(ANSWER, load.all_terms)
    return RECORD_OVERHEAD + load.documents * (load.text + DOCUMENT_OVERHEAD + answer)


def line(points: tuple[Point, Point], terms: int) -> float:
    """Return what two measured points say of a number of terms, and no less than a quarter of the lower one."""
    (low, at_low), (high, at_high) = points
    return max(at_low / 4, at_low + (at_high - at_low) * (terms - low) / (high - low))


def _period(day: float) -> tuple[str, int]:
    """Return the longest span of an index whose primary shard stays below SHARD, since each index costs memory."""
    fitting = [(name, length) for name, length in _PERIODS if day * length <= SHARD]
    return fitting[-1] if fitting else _PERIODS[0]


def _request(cores: float, count: int) -> float:
    return max(0.1, math.ceil(10 * cores / count / BUSY) / 10)
