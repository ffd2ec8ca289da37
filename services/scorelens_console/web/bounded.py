"""Bodies of requests: no larger than they may be, and read ahead where a form says who it is of."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

import anyio
from starlette.types import Message, Receive

from scorelens_console.errors import BadRequestError, TooLargeError


class Bounded:
    """Passes a request's body on.

    Raises TooLargeError once it is longer than `most` bytes, and BadRequestError where it is not there in `seconds`.
    """

    def __init__(self, receive: Receive, most: int, seconds: float = math.inf) -> None:
        self.most = most
        self._receive, self._seen, self._is_whole = receive, 0, False
        self._deadline = time.monotonic() + seconds
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
        if self._is_whole:  # what comes now is the end of the connection, some time
            return await self._receive()
        with anyio.move_on_after(max(0.0, self._deadline - time.monotonic())) as waiting:
            message = await self._receive()
        if waiting.cancelled_caught:
            raise BadRequestError("the request did not come to its end in time")
        self._is_whole = not message.get("more_body", False)
        self._seen += len(message.get("body", b""))
        self.check(self._seen)
        return message
