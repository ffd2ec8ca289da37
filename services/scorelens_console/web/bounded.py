"""Bodies of requests: no larger than they may be, and read ahead where a form says who it is of."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.types import Message, Receive

from scorelens_console.errors import TooLargeError


class Bounded:
    """Passes a request's body on. Raises TooLargeError once it is longer than `most` bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.most = most
        self._receive, self._seen = receive, 0
        self._ahead: list[Message] = []

    async def __call__(self) -> Message:
        """Return the next part."""
        return self._ahead.pop(0) if self._ahead else await self._next()

    def check(self, size: int) -> None:
        """Raise TooLargeError for a size that is beyond what is taken."""
        if size > self.most:
            raise TooLargeError(f"this is larger than {self.most:,} bytes, the most that is taken")

    async def form(self) -> Mapping[str, str]:
        """Read a form, and leave its bytes to whoever reads next; of a field that is there twice, neither counts."""
        parts, more = [], True
        while more:
            parts.append(await self._next())
            more = parts[-1]["type"] == "http.request" and parts[-1].get("more_body", False)
        body = b"".join(part.get("body", b"") for part in parts)
        self._ahead = parts
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=1000)
        return {name: values[0] for name, values in found.items() if len(values) == 1}

    async def _next(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        self.check(self._seen)
        return message
