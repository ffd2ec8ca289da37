"""How much is taken on: documents and bytes of requests that have no answer yet."""

from __future__ import annotations

import asyncio
from collections import deque


class FullError(Exception):
    """There is no room now; `pause` is how many seconds to wait before the next try."""

    def __init__(self, text: str, pause: float) -> None:
        super().__init__(text)
        self.pause = pause


class Room:
    """Bounds documents and bytes. A request on its own is always taken, however large. For one event loop."""

    def __init__(self, documents: int, size: int) -> None:
        """Take the bounds; `size` is in bytes."""
        self._most = documents, size
        self._taken = [0, 0]
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()

    @property
    def documents(self) -> int:
        """How many documents have no answer yet."""
        return self._taken[0]

    @property
    def size(self) -> int:
        """How many bytes their requests have."""
        return self._taken[1]

    @property
    def limit(self) -> int:
        """How many documents may wait."""
        return self._most[0]

    def take(self, documents: int, size: int) -> None:
        """Take room. Raises FullError, also where others wait for it already."""
        if self._waiting or not self._fits(documents, size):
            raise FullError(
                f"the scorer is busy: {self._taken[0]} documents ({self._taken[1]} bytes) wait to be scored; try again "
                f"later (settings --queue-documents {self._most[0]} and --queue-bytes {self._most[1]})",
                pause=0.5,
            )
        self._add(documents, size)

    async def wait(self, documents: int, size: int) -> None:
        """Take room once there is some, in the order of asking."""
        if not self._waiting and self._fits(documents, size):
            self._add(documents, size)
            return
        room = asyncio.get_running_loop().create_future()
        self._waiting.append((documents, size, room))
        try:
            await room
        except asyncio.CancelledError:
            if room.done() and not room.cancelled():
                self.give_back(documents, size)
            raise

    def give_back(self, documents: int, size: int) -> None:
        """Let others have what was taken."""
        self._add(-documents, -size)
        while self._waiting:
            documents, size, room = self._waiting[0]
            if not room.cancelled():
                if not self._fits(documents, size):
                    return
                self._add(documents, size)
                room.set_result(None)
            self._waiting.popleft()

    def _fits(self, documents: int, size: int) -> bool:
        taken = self._taken
        return not taken[0] or (taken[0] + documents <= self._most[0] and taken[1] + size <= self._most[1])

    def _add(self, documents: int, size: int) -> None:
        self._taken[0] += documents
        self._taken[1] += size
