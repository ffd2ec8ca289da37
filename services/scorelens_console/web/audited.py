"""Answers that go only after the audit log has a line of what was read for them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Message, Send

from scorelens_console.access.trail import Trail


class Audited:
    """Holds the beginning of an answer until there is something to show, and asks for a line before each part.

    An export reads as it goes: its first line comes before its first byte, and another at its end with all it read.
    `write` raises where it cannot; then that part does not go, and nothing at all if it is the first one.
    """

    def __init__(self, send: Send, trail: Trail, write: Callable[[], None]) -> None:
        self._send, self._trail, self._write = send, trail, write
        self._start: Message | None = None
        self.has_begun = self._has_line = False

    async def __call__(self, message: Message) -> None:
        """Pass one message on."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._trail.is_due and not self._has_line:
            self._write()
            self._has_line = True
        await self._begin()
        await self._send(message)

    async def _begin(self) -> None:
        if self._start is not None:
            start, self._start, self.has_begun = self._start, None, True
            await self._send(start)
