"""The relay's sockets: callers on one side, the upstream on the other, a pair of transports for each caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_sidecar.relay.capture import Capture
from scorelens_sidecar.relay.connection import Connection
from scorelens_sidecar.settings import SidecarSettings

CONNECT_TIMEOUT: Final = 5.0
AWAY_LINGER: Final = 1.0
"""Seconds for which a caller is told that the upstream is away, before it is made to connect again."""
RETRY: Final = 0.1
"""Seconds between two tries to reach an upstream for which a caller waits."""
LEAVING: Final = 5.0
"""Longest time, in seconds, that new callers wait for an upstream that is about to end to have ended."""
BACKLOG: Final = 1024

_log = logging.getLogger(__name__)


def client_tls(settings: SidecarSettings) -> ssl.SSLContext | None:
    """Return how callers are served encrypted, None for plain."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "--tls-certificate" if certificate is None else "--tls-key"
        raise SettingError(f"setting {missing}: a certificate and its key must be given together")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise SettingError(f"setting --tls-certificate: cannot use {certificate} with {key}: {error}") from error
    context.set_alpn_protocols(["h2"])
    return context


def upstream_tls(settings: SidecarSettings) -> ssl.SSLContext | None:
    """Return how the upstream is reached encrypted, None for plain."""
    if not settings.upstream.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.upstream_ca)
    except (ssl.SSLError, OSError) as error:
        raise SettingError(f"setting --upstream-ca: cannot use {settings.upstream_ca}: {error}") from error
    context.set_alpn_protocols(["h2"])
    return context


class Pair:
    """A caller's transport and its upstream's, and the connection state between them."""

    def __init__(self, relay: Relay) -> None:
        self.connection = Connection(relay.capture)
        self._relay = relay
        self.client: asyncio.Transport | None = None
        self.upstream: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._early: list[bytes] | None = []  # what the caller sent before it was known whether there is an upstream
        self._ended = self._leaving = self._drains = False

    def client_connected(self, transport: asyncio.Transport) -> None:
        """Begin with a caller: reach the upstream."""
        self.client = transport
        self._relay.pairs.add(self)
        self._dialling = asyncio.ensure_future(self._dial())

    async def _dial(self) -> None:
        try:
            await self._relay.reach(self)
        except (OSError, TimeoutError) as error:
            self._relay.report_unreachable(error)
            self._upstream_away()
        except Exception:
            _log.exception("cannot connect to the upstream")
            self._upstream_away()
        else:
            self._relay.reached = True
        early, self._early = self._early or [], None
        if self.client is None or self.client.is_closing():
            return
        for data in early:
            self.from_client(data)
        self.client.resume_reading()
        if self._relay.draining:
            self.leave()

    def _upstream_away(self) -> None:
        if not self._ended:
            self.connection.upstream_unreachable()
            self._write()
            asyncio.get_running_loop().call_later(AWAY_LINGER, self.drain)
            asyncio.get_running_loop().call_later(2 * AWAY_LINGER, self.end)

    def from_client(self, data: bytes) -> None:
        """Take bytes of the caller."""
        if self._early is None:
            self._feed(self.connection.from_client, data)
        elif self.client is not None:
            self._early.append(data)
            self.client.pause_reading()

    def from_upstream(self, data: bytes) -> None:
        """Take bytes of the upstream."""
        self._feed(self.connection.from_upstream, data)
        if self._drains and self.connection.greeted:
            self._drains = False
            asyncio.get_running_loop().call_later(AWAY_LINGER, self.drain)
        if self.connection.upstream_leaving and not self._leaving:
            self._leaving = True
            self.drain()
            self._relay.send_away()

    def _feed(self, take: Callable[[bytes], None], data: bytes) -> None:
        try:
            take(data)
        except Exception:  # what the relay does not understand must not pass it
            _log.exception("the relay failed; closing the connection")
            self.abort()
            return
        self._write()

    def _write(self) -> None:
        connection = self.connection
        if connection.to_upstream:
            if self.upstream is not None:
                out = connection.to_upstream
                self.upstream.write(out[0] if len(out) == 1 else b"".join(out))
            connection.to_upstream.clear()
        if connection.to_client:
            if self.client is not None:
                out = connection.to_client
                self.client.write(out[0] if len(out) == 1 else b"".join(out))
            connection.to_client.clear()
        if connection.closed:
            self._close()

    def drain(self) -> None:
        """Ask the caller to open no more calls.

        One that connects just now is asked a moment after it was greeted: gRPC's clients do not get on with a GOAWAY
        that comes before, or at once.
        """
        if self.connection.greeted:
            self.connection.drain()
            self._write()
        else:
            self._drains = True

    def leave(self) -> None:
        """Do the same for the relay's own end: who has no upstream is not kept."""
        if self.upstream is None:
            self.end()
        else:
            self.drain()

    def end(self) -> None:
        """Record what is in flight as lost and close both connections, once what was written has gone."""
        if not self._ended:
            self._ended = True
            self.connection.lost()
        self._close()

    def abort(self) -> None:
        """Close both connections at once; nothing that was not written goes on."""
        self.connection.to_client.clear()
        self.connection.to_upstream.clear()
        self.end()

    def _close(self) -> None:
        if self.connection.failure:
            _log.warning("connection closed", extra={"reason": self.connection.failure})
            self.connection.failure = ""
        for transport in (self.client, self.upstream):
            if transport is not None and not transport.is_closing():
                transport.close()

    def client_lost(self) -> None:
        """Follow the caller's connection, which has ended."""
        self._relay.forget(self)
        if self._dialling is not None:
            self._dialling.cancel()
        self.end()


class ClientSide(asyncio.Protocol):
    """Reads from a caller."""

    def __init__(self, relay: Relay) -> None:
        self._pair = Pair(relay)
        self.data_received = self._pair.from_client  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a caller."""
        self._pair.client_connected(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """End with a caller."""
        self._pair.client_lost()

    def pause_writing(self) -> None:
        """Stop reading from the upstream while the caller does not read."""
        if self._pair.upstream is not None:
            self._pair.upstream.pause_reading()

    def resume_writing(self) -> None:
        """Read from the upstream again."""
        if self._pair.upstream is not None:
            self._pair.upstream.resume_reading()


class UpstreamSide(asyncio.Protocol):
    """Reads from the upstream."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.data_received = pair.from_upstream  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with the upstream, unless the caller has gone meanwhile."""
        self._pair.upstream = cast("asyncio.Transport", transport)
        if self._pair.client is None or self._pair.client.is_closing():
            self._pair.upstream.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End with the upstream."""
        self._pair.end()

    def pause_writing(self) -> None:
        """Stop reading from the caller while the upstream does not read."""
        if self._pair.client is not None:
            self._pair.client.pause_reading()

    def resume_writing(self) -> None:
        """Read from the caller again."""
        if self._pair.client is not None:
            self._pair.client.resume_reading()


class Relay:
    """Listens for callers and gives each an upstream connection of its own."""

    def __init__(self, settings: SidecarSettings, capture: Capture) -> None:
        self.capture = capture
        self.pairs: set[Pair] = set()
        self.idle = asyncio.Event()
        self.draining = False
        self.reached = True  # whether the upstream was there the last time; one log line per change
        self._settings = settings
        self._client_tls = client_tls(settings)
        self._upstream_tls = upstream_tls(settings)
        self._server: asyncio.Server | None = None
        self._leaving: asyncio.Task[None] | None = None  # runs while the upstream is about to end

    async def start(self, inherited: int | None = None) -> str:
        """Listen, on an inherited socket where there is one; return the address."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_quietly)
        listening = _listen(self._settings.listen) if inherited is None else socket.socket(fileno=inherited)
        listening.setblocking(False)
        self._server = await loop.create_server(
            lambda: ClientSide(self), sock=listening, ssl=self._client_tls, backlog=BACKLOG
        )
        return Endpoint(self._settings.listen.host, listening.getsockname()[1]).address

    async def connect(self, pair: Pair) -> None:
        """Open a pair's upstream connection. Raises OSError."""
        upstream = self._settings.upstream
        await asyncio.get_running_loop().create_connection(
            lambda: UpstreamSide(pair),
            upstream.host,
            upstream.port,
            ssl=self._upstream_tls,
            server_hostname=upstream.host if self._upstream_tls else None,
        )

    async def reach(self, pair: Pair) -> None:
        """Open a pair's upstream connection, and try again while the settings let callers wait. Raises OSError."""
        limit = time.monotonic() + self._settings.upstream_wait
        if self._leaving is not None:
            await asyncio.shield(self._leaving)
        while True:
            try:
                return await asyncio.wait_for(self.connect(pair), CONNECT_TIMEOUT)
            except (OSError, TimeoutError) as error:
                if self.draining or time.monotonic() >= limit:
                    raise
                self.report_unreachable(error)
            await asyncio.sleep(RETRY)

    def send_away(self) -> None:
        """Ask all callers to open no more calls, since the upstream is about to end and still answers.

        Who connects from now on waits for it to be gone, lest it be met again.
        """
        if self._leaving is None and not self.draining:
            _log.info("the server behind the sidecar is about to end; sending callers away")
            self._leaving = asyncio.ensure_future(self._until_gone())
            for pair in list(self.pairs):
                if pair.upstream is not None:
                    pair.drain()

    async def _until_gone(self) -> None:
        upstream = self._settings.upstream
        try:
            async with asyncio.timeout(LEAVING):
                while not self.draining:
                    _, writing = await asyncio.open_connection(upstream.host, upstream.port)
                    writing.close()
                    await asyncio.sleep(RETRY)
        except (OSError, TimeoutError):
            pass  # it is gone, or takes longer than callers are to wait for
        finally:
            self._leaving = None

    def forget(self, pair: Pair) -> None:
        """Leave out a pair that has ended."""
        self.pairs.discard(pair)
        if not self.pairs:
            self.idle.set()

    def report_unreachable(self, error: Exception) -> None:
        """Log that the upstream is away, once until it is back."""
        if self.reached:
            extra = {"upstream": str(self._settings.upstream), "error": str(error) or "no answer in time"}
            _log.warning("the server behind the sidecar cannot be reached", extra=extra)
        self.reached = False

    async def stop(self) -> None:
        """Accept nobody, let calls in flight end as long as the drain time allows, then close."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for pair in list(self.pairs):
            pair.leave()
        await self._until_idle(self._settings.drain)
        for pair in list(self.pairs):
            pair.end()
        await self._until_idle(1.0)

    async def _until_idle(self, seconds: float) -> None:
        self.idle.clear()
        if self.pairs:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.idle.wait(), seconds)


def _listen(endpoint: Endpoint) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[
            0
        ]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise SettingError(f"setting --listen: cannot listen on {endpoint.address}: {error.strerror}") from error
    return listening


def _quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong on a socket in one line; peers that vanish or fail their handshake are no news."""
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, (OSError, ssl.SSLError)) else logging.ERROR
    _log.log(level, "event loop: %s", context.get("message"), extra={"error": str(error)})
