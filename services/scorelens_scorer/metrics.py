"""The metrics of a scorer."""

from __future__ import annotations

from typing import Final

from scorelens_runtime.metrics.definitions import BYTES, FAST, SECONDS, SIZES, Kind, Metric

CALL_DURATION: Final = Metric(
    "scorelens.scorer.call.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Calls by how long they took, waiting included; status is gRPC's. Its count is the number of calls. A stream "
    "counts when it has ended.",
    ("method", "status"),
    FAST,
)
DOCUMENTS: Final = Metric(
    "scorelens.scorer.documents", Kind.COUNTER, "{document}", "Documents that were scored.", ("model", "version")
)
BATCH_SIZE: Final = Metric(
    "scorelens.scorer.batch.documents",
    Kind.HISTOGRAM,
    "{document}",
    "Batches that a model was given by how many documents they had; small requests that wait together are one batch.",
    ("model",),
    SIZES,
)
BATCH_DURATION: Final = Metric(
    "scorelens.scorer.batch.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Batches by how long scoring and writing the answer took.",
    ("model",),
    FAST,
)
BATCHES_STUCK: Final = Metric(
    "scorelens.scorer.batches.stuck",
    Kind.COUNTER,
    "{batch}",
    "Batches that took longer than five seconds, after which another thread took over.",
    ("model",),
)
QUEUE_DOCUMENTS: Final = Metric(
    "scorelens.scorer.queue.documents", Kind.GAUGE, "{document}", "Documents of requests that have no answer yet."
)
QUEUE_SIZE: Final = Metric(
    "scorelens.scorer.queue.size", Kind.GAUGE, BYTES, "Bytes of requests that have no answer yet."
)
QUEUE_LIMIT: Final = Metric(
    "scorelens.scorer.queue.limit", Kind.GAUGE, "{document}", "The setting --queue-documents, in each process."
)
REFUSED: Final = Metric(
    "scorelens.scorer.refused",
    Kind.COUNTER,
    "{call}",
    "Calls that were told to come again because too much waited (RESOURCE_EXHAUSTED).",
)
MODEL: Final = Metric(
    "scorelens.scorer.model",
    Kind.GAUGE,
    "",
    "1 for each version that is served; in_use tells the one that answers who names none.",
    ("model", "version", "in_use"),
)
MODEL_REFUSED: Final = Metric(
    "scorelens.scorer.model.refused",
    Kind.GAUGE,
    "",
    "1 for a version that was promoted and cannot be loaded, so that the one before stays in use.",
    ("model", "version"),
)

METRICS: Final = (
    CALL_DURATION,
    DOCUMENTS,
    BATCH_SIZE,
    BATCH_DURATION,
    BATCHES_STUCK,
    QUEUE_DOCUMENTS,
    QUEUE_SIZE,
    QUEUE_LIMIT,
    REFUSED,
    MODEL,
    MODEL_REFUSED,
)
"""In the order of docs/operations.md."""
