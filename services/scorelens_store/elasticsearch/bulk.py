"""Sending many changes at once: cut by bytes, judged one by one, sent again where the server had no room."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.errors import from_answer, reason
from scorelens_store.errors import QueryError, StoreUnavailableError

_FIRST_PAUSE: Final = 0.1
_BUSY: Final = (429, 502, 503, 504)
_PATH: Final = "/_bulk?refresh=true&filter_path=took,items.*.status,items.*.error,items.*.result"
_REFUSED: Final = frozenset(
    {
        "document_parsing_exception",
        "illegal_argument_exception",
        "mapper_parsing_exception",
        "max_bytes_length_exceeded_exception",
        "parsing_exception",
        "strict_dynamic_mapping_exception",
    }
)
"""Why a single document can never be stored; whatever else goes wrong may pass."""


@dataclass(frozen=True)
class Change:
    """One line or two of a bulk request."""

    action: str  # "create" or "delete"
    index: str
    record_id: str
    source: bytes = b""

    def encoded(self) -> bytes:
        """Return it as the server reads it."""
        line = orjson.dumps({self.action: {"_index": self.index, "_id": self.record_id}})
        return b"\n".join((line, self.source, b"")) if self.action == "create" else line + b"\n"


@dataclass(frozen=True)
class Answer:
    """What became of one change: 201 created, 200 deleted, 404 not there, 409 there already, 400 or 413 impossible."""

    status: int
    reason: str = ""


class Bulk:
    """Sends changes. They are durable and visible to searches when the call returns.

    The refresh that makes them visible is asked for with each request: waiting for the server's own would hold every
    answer back for up to a second.
    """

    def __init__(self, connection: Connection, most_bytes: int, retries: int) -> None:
        self._connection, self._most_bytes, self._retries = connection, most_bytes, retries

    def send(self, changes: Sequence[Change]) -> list[Answer]:
        """Return one answer each, in order. Raises StoreUnavailableError when the outcome of any is unknown."""
        lines = [change.encoded() for change in changes]
        answers: list[Answer] = []
        for start, end in _cut(lines, self._most_bytes):
            answers += self._send(lines[start:end])
        return answers

    def _send(self, lines: Sequence[bytes]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        waiting = list(range(len(lines)))
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311
            got = self._send_once([lines[number] for number in waiting])
            answers |= dict(zip(waiting, got, strict=True))
            waiting = [number for number in waiting if answers[number].status in _BUSY]
            if not waiting:
                return [answers[number] for number in range(len(lines))]
        raise from_answer(self._connection.where, 503, answers[waiting[0]].reason)

    def _send_once(self, lines: Sequence[bytes]) -> list[Answer]:
        try:
            status, body = self._connection.ask("POST", _PATH, b"".join(lines))
        except QueryError as exc:
            raise StoreUnavailableError(f"{self._connection.where} cannot read a bulk request: {exc.reason}") from exc
        if status == 413:
            return self._send_halves(lines)
        if status == 404 or not isinstance(body, dict) or len(body.get("items", ())) != len(lines):
            raise from_answer(self._connection.where, status, body)
        return [self._judge(next(iter(item.values()))) for item in body["items"]]

    def _send_halves(self, lines: Sequence[bytes]) -> list[Answer]:
        if len(lines) == 1:
            return [Answer(413, "the record is larger than the server takes (http.max_content_length)")]
        middle = len(lines) // 2
        return self._send(lines[:middle]) + self._send(lines[middle:])

    def _judge(self, item: dict[str, Any]) -> Answer:
        status, error = int(item["status"]), item.get("error")
        if error is None or status == 409:
            return Answer(status)
        if status in _BUSY and "block" not in str(error.get("type")):
            return Answer(status, reason(error))
        if status == 400 and error.get("type") in _REFUSED:
            return Answer(status, reason(error))
        raise from_answer(self._connection.where, 503 if status == 400 else status, error)


def _cut(lines: Sequence[bytes], most_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of each request."""
    start = size = 0
    for number, line in enumerate(lines):
        if number > start and size + len(line) > most_bytes:
            yield start, number
            start, size = number, 0
        size += len(line)
    if start < len(lines):
        yield start, len(lines)


def deletions(found: Iterable[tuple[str, str]]) -> list[Change]:
    """Return the changes that delete documents by index and id."""
    return [Change("delete", index, record_id) for index, record_id in found]
