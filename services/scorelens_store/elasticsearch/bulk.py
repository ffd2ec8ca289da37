"""Sending many changes at once: cut by bytes, judged one by one, sent again where the server had no room."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from scorelens_store.elasticsearch.answers import Answer, judge, part_of, read_items, trouble
from scorelens_store.elasticsearch.connection import Connection, Reply
from scorelens_store.elasticsearch.errors import NoAnswerError, from_answer
from scorelens_store.errors import PartUnavailableError, QueryError, StoreUnavailableError

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds that a server may ask for before its request is left to the caller."""

_LEAST_BYTES: Final = 64 * 2**10
_PATH: Final = "/_bulk?refresh={refresh}&filter_path=took,items.*.status,items.*.error,items.*.result&timeout="
_UNKNOWN: Final = Answer(0)
_UNANSWERED: Final = (500, 502, 503, 504)
"""Statuses of whole requests that a server or a proxy may give after all or some of it was done."""


@dataclass(frozen=True)
class Change:
    """One line or two of a bulk request."""

    action: str  # "create", "index" (also over one that is there) or "delete"
    index: str
    record_id: str
    source: bytes = b""
    version: int = 0
    """Where it is given, the change is refused (409) if the document has a later one."""

    def encoded(self) -> bytes:
        """Return it as the server reads it."""
        which: dict[str, str | int] = {"_index": self.index, "_id": self.record_id}
        if self.version:
            which |= {"version": self.version, "version_type": "external_gte"}
        line = orjson.dumps({self.action: which})
        return b"\n".join((line, self.source, b"")) if self.action != "delete" else line + b"\n"


class Bulk:
    """Sends changes. They are durable and, with `refresh`, visible to searches when the call returns.

    The refresh that makes them visible is asked for with each request: waiting for the server's own would hold every
    answer back for up to a second. `options` are more parameters of each request.
    """

    def __init__(
        self, connection: Connection, most_bytes: int, retries: int, *, refresh: bool = True, options: str = ""
    ) -> None:
        self._connection, self._retries = connection, retries
        self._path = f"{_PATH.format(refresh=str(refresh).lower())}{connection.within}{options and f'&{options}'}"
        self._room = Room(most_bytes)

    def send(self, changes: Sequence[Change]) -> list[Answer]:
        """Return one answer each, in order. Raises StoreUnavailableError when the outcome of any is unknown."""
        answers, error = self.attempt(changes)
        if error is not None:
            raise error
        return answers

    def attempt(self, changes: Sequence[Change]) -> tuple[list[Answer], StoreUnavailableError | None]:
        """Return one answer each, as far as they are known, and what stood in the way of the others.

        That is a PartUnavailableError where the server did some of them and others met trouble of their own.
        """
        sending = _Sending(self._connection, self._room, [change.encoded() for change in changes], self._path)
        try:
            sending.run(self._retries)
        except StoreUnavailableError as error:
            return sending.answers, error
        return sending.answers, sending.trouble()


class Room:
    """How many bytes a server takes at once: less after it refused a request for its size, then slowly more again."""

    def __init__(self, most: int) -> None:
        self._most = self.bytes = most

    def shrink(self, size: int) -> None:
        """Take note of a request that was refused."""
        self.bytes = min(self.bytes, max(_LEAST_BYTES, min(self.bytes, size) // 2))

    def grow(self, size: int) -> None:
        """Take note of a request that was taken."""
        if size > self.bytes // 2 and self.bytes < self._most:
            self.bytes = min(self._most, self.bytes + self.bytes // 8)


class _Sending:
    """One call's changes on their way; `answers` holds what is known of each so far."""

    def __init__(self, connection: Connection, room: Room, lines: Sequence[bytes], path: str) -> None:
        self._connection, self._room, self._lines, self._path = connection, room, lines, path
        self._asked_pause = 0.0
        self.answers = [_UNKNOWN] * len(lines)

    def run(self, retries: int) -> None:
        """Send all, and those again that the server had no room for."""
        waiting: Sequence[int] = range(len(self._lines))
        for turn in range(retries + 1):
            if turn:
                self._pause(turn)
            for numbers in _cut(self._lines, waiting, self._room):
                self._exchange(numbers)
            waiting = [number for number in waiting if self.answers[number].busy]
            if not waiting:
                return

    def trouble(self) -> StoreUnavailableError | None:
        """Return what stands in the way of some changes; None where all are done or impossible."""
        busy = next((answer for answer in self.answers if answer.busy), None)
        if busy is not None:
            return trouble(self._connection.where, busy.status, busy.reason)
        found = part_of(self.answers)
        if found is not None and any(answer.final for answer in self.answers):
            part = PartUnavailableError(str(found), found.retry_after)
            part.__cause__ = found
            return part
        return found

    def _exchange(self, numbers: Sequence[int]) -> None:
        body = b"".join([self._lines[number] for number in numbers])
        reply = self._ask(numbers, body)
        if reply.status == 413:
            self._room.shrink(len(body))
            self._send_halves(numbers, len(body))
        elif reply.status == 429:
            self._room.shrink(len(body))
            self._wait(numbers, reply)
        else:
            self._read(numbers, reply)
            self._room.grow(len(body))

    def _ask(self, numbers: Sequence[int], body: bytes) -> Reply:
        """Send a request to one server after the other until one answers: a change that is made twice is made once."""
        for left in reversed(range(self._connection.nodes)):
            try:
                reply = self._connection.send("POST", self._path, body, answers=(429, *_UNANSWERED))
            except NoAnswerError as error:
                if error.sent:
                    self._doubt(numbers)
                if error.slow or not left:
                    raise
            except QueryError as exc:
                raise StoreUnavailableError(
                    f"{self._connection.where} cannot read a bulk request: {exc.reason}"
                ) from exc
            else:
                if reply.status not in _UNANSWERED:
                    return reply
                self._doubt(numbers)
                if not left:
                    raise reply.error()
        raise AssertionError("there is no server to ask")

    def _doubt(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.answers[number] = replace(self.answers[number], unsure=True)

    def _send_halves(self, numbers: Sequence[int], size: int) -> None:
        if len(numbers) == 1:
            self.answers[numbers[0]] = Answer(
                413,
                f"the record has {size} bytes and is larger than the server takes in one request: raise its setting "
                "http.max_content_length, or the limit of a proxy in front of it",
            )
            return
        middle = len(numbers) // 2
        self._exchange(numbers[:middle])
        self._exchange(numbers[middle:])

    def _wait(self, numbers: Sequence[int], reply: Reply) -> None:
        error = reply.error()
        if reply.retry_after > _LONGEST_PAUSE:
            raise error
        self._asked_pause = max(self._asked_pause, reply.retry_after)
        for number in numbers:
            self.answers[number] = replace(
                self.answers[number], status=reply.status, reason=reply.reason(), busy=True, trouble=None
            )

    def _read(self, numbers: Sequence[int], reply: Reply) -> None:
        items = read_items(reply.body, len(numbers)) if reply.status < 300 else None
        if items is None:
            self._doubt(numbers)
            error = from_answer(reply.where, reply.status, reply.body) if reply.status >= 300 else None
            raise (
                error
                if isinstance(error, StoreUnavailableError)
                else StoreUnavailableError(
                    f"{reply.where} answers a bulk request with something else than {len(numbers)} results; is there a "
                    "proxy that changes answers?"
                )
            )
        for number, item in zip(numbers, items, strict=True):
            self.answers[number] = judge(reply.where, item, unsure=self.answers[number].unsure)

    def _pause(self, turn: int) -> None:
        time.sleep(max(self._asked_pause, _FIRST_PAUSE * 2**turn * random.uniform(0.5, 1.0)))  # noqa: S311
        self._asked_pause = 0.0


def _cut(lines: Sequence[bytes], waiting: Sequence[int], room: Room) -> Iterator[Sequence[int]]:
    """Yield the numbers of the lines of each request, as there is room at that moment."""
    some: list[int] = []
    size = 0
    for number in waiting:
        if some and size + len(lines[number]) > room.bytes:
            yield some
            some, size = [], 0
        some.append(number)
        size += len(lines[number])
    if some:
        yield some


def deletions(found: Iterable[tuple[str, str]]) -> list[Change]:
    """Return the changes that delete documents by index and id."""
    return [Change("delete", index, record_id) for index, record_id in found]
