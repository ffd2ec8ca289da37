"""The addresses of a cluster's servers, and how one of them is spoken to."""

from __future__ import annotations

import functools
import logging
import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from elastic_transport import (
    ApiError,
    ApiResponse,
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TransportError,
    Urllib3HttpNode,
)
from elastic_transport._node import NodeApiResponse
from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from scorelens_runtime.errors import SettingError
from scorelens_store.elasticsearch.hearing_out import hearing_out

_log = logging.getLogger(__name__)

_CONNECT_LIMIT: Final = 5.0
"""Seconds that a server may take to accept a connection: one that is switched off answers nothing at all."""


class Node(Urllib3HttpNode):
    """A server that names itself in what goes wrong, and is soon given up when it takes no connection.

    It trusts what its TLS context trusts; the library would add authorities of its own.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if config.scheme == "https":
            self.pool.ca_certs = None  # type: ignore[attr-defined]
            self.pool.ConnectionCls = hearing_out(self.pool.ConnectionCls)
        self._away = False

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = None,
    ) -> NodeApiResponse:
        """Send a request; what is raised has the server's address as its note."""
        limit = None if request_timeout is None else min(_CONNECT_LIMIT, float(request_timeout))
        patience: Any = Timeout(connect=limit, read=request_timeout)
        try:
            response = super().perform_request(method, target, body, headers, patience)
        except TransportError as exc:
            exc.add_note(self.base_url)
            self._note(away=True)
            raise
        self._note(away=False)
        return _without_warning(response)

    def _note(self, *, away: bool) -> None:
        """Log when the server goes away and when it is back, where the library would tell of every try."""
        if away != self._away:
            text = "a server of Elasticsearch does not answer" if away else "a server of Elasticsearch answers again"
            _log.info(text, extra={"server": self.base_url})
        self._away = away

    def _log_request(self, *_: Any, **__: Any) -> None:
        """Keep documents out of logs; the library would decode every body for it."""


def _without_warning(response: NodeApiResponse) -> NodeApiResponse:
    """Log what the server warns of, once; the library would print it, with a line of source, on every terminal."""
    meta = response.meta
    if (text := meta.headers.get("warning")) is None:
        return response
    _log_once(text)
    headers = HttpHeaders({name: value for name, value in meta.headers.items() if name.lower() != "warning"})
    return NodeApiResponse(replace(meta, headers=headers), response.body)


@functools.lru_cache(maxsize=256)
def _log_once(text: str) -> None:
    _log.info("Elasticsearch warns", extra={"warning": text[:1000]})


def address_of(answer: object) -> str:
    """Return the address of the server that an answer or an error comes from, or nothing."""
    if isinstance(answer, ApiError | ApiResponse):
        node = answer.meta.node
        host = f"[{node.host}]" if ":" in node.host else node.host
        return f"{node.scheme}://{host}:{node.port}{node.path_prefix}"
    return str(next(iter(getattr(answer, "__notes__", ())), ""))


def was_sent(error: TransportError) -> bool:
    """Tell whether a server may have read the request that got no answer."""
    return not isinstance(error.__cause__, NewConnectionError | ConnectTimeoutError)


def was_slow(error: TransportError) -> bool:
    """Tell whether a server took the request and did not answer it in time."""
    return isinstance(error, ConnectionTimeout) and was_sent(error)


def split(urls: str) -> list[SplitResult]:
    """Return the parts of each address of a list with commas between them. Raises SettingError."""
    parts = [_split(url) for url in re.split(r",\s*(?=https?://)", urls.strip())]
    if len({part.scheme for part in parts}) > 1:
        raise SettingError("the addresses of Elasticsearch begin with http:// and https://: all need the same")
    if len({(part.username, part.password) for part in parts if part.username}) > 1:
        raise SettingError("the addresses of Elasticsearch have different names or passwords: all need the same")
    return parts


def address(parts: SplitResult) -> str:
    """Return an address without credentials."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = 443 if parts.scheme == "https" else 9200
    return f"{parts.scheme}://{host}:{parts.port or default}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or "," in parts.path:
        raise SettingError(
            "the address of Elasticsearch is not http://HOST:PORT or https://HOST:PORT, or several such with commas "
            "between them"
        )
    return parts
