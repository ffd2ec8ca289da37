"""Answers of any length: made part by part, no faster than they are taken, and no further than somebody takes them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

import anyio
from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scorelens_console.errors import TooManyError
from scorelens_runtime.errors import ScorelensError

MOST: Final = 10
"""Answers of this kind that one person may be given at a time; each holds a snapshot of the store."""
RETRY: Final = 5.0
PATIENCE: Final = 120.0
"""Seconds that somebody may let a part wait."""

_log = logging.getLogger(__name__)

_BYTES: Final = 2**17
_SECONDS: Final = 0.5

Parts = Callable[[Callable[[], bool]], Iterator[bytes]]
"""Makes the parts of an answer, as long as what it is given does not tell that nobody takes them any more."""


def together(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in parts: the first one alone, then as many as make a large one or have come within a moment."""
    some: list[bytes] = []
    size, due = 0, 0.0
    for line in lines:
        some.append(line)
        size += len(line)
        if size >= _BYTES or time.monotonic() >= due:
            yield b"".join(some)
            some, size, due = [], 0, time.monotonic() + _SECONDS
    if some:
        yield b"".join(some)


class Streams:
    """Counts the answers under way by whoever gets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def begin(self, who: str) -> None:
        """Count one more. Raises TooManyError."""
        with self._lock:
            if self._running[who] >= MOST:
                raise TooManyError(f"{MOST} exports or scans of yours are under way; wait until one has ended", RETRY)
            self._running[who] += 1

    def end(self, who: str) -> None:
        """Count one less."""
        with self._lock:
            self._running[who] -= 1
            if not self._running[who]:
                del self._running[who]


class Streamed(Response):
    """An answer whose parts are made in a thread, one at a time.

    What goes wrong before the first part is an error like any other. What goes wrong later breaks the answer off, after
    the `last_words` of it, so that nobody takes what has come for the whole. Whoever leaves ends it.
    """

    def __init__(
        self,
        parts: Parts,
        streams: Streams,
        who: str,
        media_type: str,
        headers: dict[str, str] | None = None,
        last_words: Callable[[Exception], bytes] = lambda _: b"",
    ) -> None:
        super().__init__(None, 200, headers, media_type)
        del self.headers["content-length"]
        self._parts, self._streams, self._who, self._last_words = parts, streams, who, last_words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises ScorelensError where there is nothing to begin with."""
        if scope["method"] == "HEAD":
            await self._start(send)
            await send({"type": "http.response.body", "body": b""})
            return
        self._streams.begin(self._who)
        try:
            failure = await self._answer(receive, send)
        finally:
            self._streams.end(self._who)
        if failure is not None:
            raise failure

    async def _answer(self, receive: Receive, send: Send) -> Exception | None:
        left = threading.Event()
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                left.set()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            parts: Iterator[bytes] = iter(())
            try:
                parts = self._parts(left.is_set)
                await self._send(parts, send)
            except Exception as error:  # a group would wrap it
                failure = error
            finally:
                left.set()
                with anyio.CancelScope(shield=True):
                    await run_sync(_close, parts)
            group.cancel_scope.cancel()
        return failure

    async def _send(self, parts: Iterator[bytes], send: Send) -> None:
        part = await run_sync(next, parts, None)
        await self._start(send)
        try:
            while part is not None:
                if not await _taken(send, part):
                    return
                part = await run_sync(next, parts, None)
        except ScorelensError as error:
            _log.warning("an answer was broken off", extra={"cause": str(error)})
            await _taken(send, self._last_words(error))
            return  # without the end that it would have had
        await send({"type": "http.response.body", "body": b""})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def _taken(send: Send, part: bytes) -> bool:
    """Send a part; tell whether it was taken before patience has come to its end."""
    with anyio.move_on_after(PATIENCE) as waiting:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    return not waiting.cancelled_caught


def _close(parts: Iterator[bytes]) -> None:
    with suppress(ScorelensError):  # nobody is left to be told
        getattr(parts, "close", lambda: None)()
