"""The figures that the model is made of. Each is in a document of this project; a test compares them.

CPU is in microseconds on one core of the machine that docs/performance.md names, sizes are in bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Point(NamedTuple):
    """A figure at a number of terms of a document, all tags together."""

    terms: int
    value: float


SCORER_CALL: Final = 225.0
"""An empty method of the scorer: docs/scorer.md."""

SCORER_DOCUMENT: Final = Point(400, 225.0)
"""Scoring a document of 20 tags, 20 terms each, among a hundred of a call: docs/performance.md, end to end."""

RELAY_CALL: Final = 89.17
"""A call with an answer of 6 KB, one caller: docs/performance.md. Many callers at a time take less."""

RELAY_DOCUMENT: Final = 43.0
"""Each document of a call with a hundred: docs/performance.md, end to end."""

SHIPPER: Final = (Point(130, 520.0), Point(400, 905.0))
"""A document with 10 tags of 13 terms and with 20 of 20: docs/performance.md, beside the relay and end to end."""

INDEXER_EMBEDDED: Final = (Point(200, 1017.0), Point(400, 1996.0))
"""A document with 10 tags of 20 terms and with 20 of 20: docs/performance.md, store and end to end."""

INDEXER_ELASTICSEARCH: Final = Point(200, 658.0)
"""The same with 10 tags of 20 terms into Elasticsearch: docs/performance.md."""

ELASTICSEARCH_RATE: Final = Point(200, 1359.0)
"""Documents a second that a server took by raw bulk on two cores that its client shared: docs/performance.md."""

ANSWER: Final = (Point(130, 6_000.0), Point(400, 14_000.0))
"""An answer with calculations: docs/performance.md (the relay's load, and what limits scoring tweets)."""

DISK: Final = {"default": (3_531.0, 23_982.0), "best_compression": (2_692.0, 13_380.0), "embedded": (4_834.0, 23_910.0)}
"""A record of 20 tags without and with its calculation of 400 terms, by codec: docs/elasticsearch.md."""

SIDECAR_MEMORY: Final = 106 * 2**20
"""Supervisor, relay and shipper, resident after a run: docs/capacity.md."""

SCORER_MEMORY: Final = 263 * 2**20
"""A scorer with both reference models, resident after a run: docs/capacity.md."""

INDEXER_MEMORY: Final = 403 * 2**20
"""The writer of an embedded store of ten million records, at most: docs/embedded.md."""
