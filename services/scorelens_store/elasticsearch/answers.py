"""What a server says to a bulk request, change by change (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scorelens_store.elasticsearch.errors import from_answer, reason
from scorelens_store.errors import QueryError, StoreUnavailableError

_IN_RECORD: Final = frozenset(
    {
        "document_parsing_exception",
        "illegal_argument_exception",
        "mapper_parsing_exception",
        "max_bytes_length_exceeded_exception",
        "parsing_exception",
        "strict_dynamic_mapping_exception",
    }
)
"""Why a single document can never be stored (400); whatever else goes wrong may pass."""

_IN_SERVER: Final = ("pipeline", "alias", "data stream", "analyzer", "index template")
"""What an `illegal_argument_exception` is about that lies in how the server is set up, and not in the record."""

_STUMBLES: Final = frozenset(
    {
        "array_index_out_of_bounds_exception",
        "class_cast_exception",
        "index_out_of_bounds_exception",
        "null_pointer_exception",
        "stack_overflow_error",
        "string_index_out_of_bounds_exception",
        "unsupported_operation_exception",
    }
)
"""Faults of the server itself (500) that one document brings about each time, and that would hold all others up."""

_NOT_SOON: Final = frozenset(
    {"cluster_block_exception", "unavailable_shards_exception", "process_cluster_event_timeout"}
)
"""What has no room or no place for a record now, and will not have it within seconds."""


@dataclass(frozen=True)
class Answer:
    """What became of one change.

    201 created, 200 deleted, 404 not there, 409 there already, 400 or 413 impossible, 0 not known. `busy`: to be sent
    again at once. `trouble`: neither done nor impossible. `unsure`: an earlier try got no answer, so that 409 and 404
    may be its own doing.
    """

    status: int
    reason: str = ""
    busy: bool = False
    trouble: StoreUnavailableError | None = None
    unsure: bool = False

    @property
    def final(self) -> bool:
        """Tell whether sending the change again would change nothing."""
        return self.status > 0 and not self.busy and self.trouble is None


def read_items(body: Any, count: int) -> list[dict[str, Any]] | None:
    """Return the answer to each of `count` changes; None for a body that no Elasticsearch sends."""
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or len(items) != count:
        return None
    found = [next(iter(item.values()), None) if isinstance(item, dict) else None for item in items]
    whole = [each for each in found if isinstance(each, dict) and type(each.get("status")) is int]
    return whole if len(whole) == count else None


def judge(where: str, item: dict[str, Any], *, unsure: bool = False) -> Answer:
    """Return what an item of a bulk answer means; `where` names the server in errors."""
    status, error = item["status"], item.get("error")
    if status < 300 or status == 409 or (error is None and status == 404):
        return Answer(status, unsure=unsure)
    if not isinstance(error, dict):
        error = {"type": "", "reason": str(error or f"status {status}")}
    if _never_stored(status, error):
        return Answer(400, reason(error), unsure=unsure)
    if (status == 429 or status >= 500) and error.get("type") not in _NOT_SOON:
        return Answer(status, reason(error), busy=True, unsure=unsure)
    return Answer(status, reason(error), trouble=trouble(where, status, error), unsure=unsure)


def trouble(where: str, status: int, error: Any) -> StoreUnavailableError:
    """Return the error of something that may pass, whatever its status."""
    found = from_answer(where, 503 if status == 400 else status, error)
    return StoreUnavailableError(found.reason) if isinstance(found, QueryError) else found


def part_of(answers: Sequence[Answer]) -> StoreUnavailableError | None:
    """Return the first trouble among answers, if there is any."""
    return next((answer.trouble for answer in answers if answer.trouble is not None), None)


def _never_stored(status: int, error: dict[str, Any]) -> bool:
    kind, why = error.get("type"), reason(error)
    if status == 500:
        return kind in _STUMBLES
    if kind == "illegal_argument_exception" and any(word in why for word in _IN_SERVER):
        return False
    return status == 400 and kind in _IN_RECORD
