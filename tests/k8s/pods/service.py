"""The address of a Service: connections to it go to a pod that is ready, and stay there."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Sequence

Targets = Callable[[], Sequence[tuple[str, int]]]


class Forwarder:
    """Passes connections on in turn; one for which nobody is ready is closed.

    `ports` are what to listen on, each with what lists the targets now.
    """

    def __init__(self, host: str, ports: dict[int, Targets]) -> None:
        self._turn = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service", daemon=True)
        self._thread.start()
        self._servers = [
            asyncio.run_coroutine_threadsafe(self._listen(host, port, targets), self._loop).result()
            for port, targets in ports.items()
        ]

    def close(self) -> None:
        """End with all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, host: str, port: int, targets: Targets) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._pass(reader, writer, targets())
            writer.close()

        return await asyncio.start_server(connected, host, port)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, targets: Sequence[tuple[str, int]]
    ) -> None:
        if not targets:
            return
        host, port = targets[next(self._turn) % len(targets)]
        there, back = await asyncio.open_connection(host, port)
        try:
            copies = [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in copies:
                    each.cancel()
                await asyncio.gather(*copies, return_exceptions=True)
        finally:
            back.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
