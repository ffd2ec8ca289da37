"""Where the parts of a system listen, and how commands on this machine reach them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from scorelens_runtime.endpoint import Endpoint, is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import setting
from scorelens_store.open import is_url, without_credentials

DEFAULT_PORTS = {"sidecar": 50051, "scorer": 50052, "indexer": 4317, "console": 8585}
OFF = "off"


def _listen(text: str) -> Endpoint | None:
    return Endpoint.parse_listen(text) if text else None


def _listen_or_off(text: str) -> Endpoint | str | None:
    return OFF if text == OFF else _listen(text)


def _url(text: str) -> str:
    if text and not is_url(text):
        raise SettingError(f"{without_credentials(text)!r} is not a URL, such as http://localhost:9200")
    return text


@dataclass(frozen=True)
class UpSettings:
    """Where the parts of a system listen and where its records go."""

    sidecar: Endpoint | None = setting(
        "",
        "Address that callers connect to; none takes 127.0.0.1:50051 or, where that is in use, any free port.",
        _listen,
        variable="SCORELENS_SIDECAR_LISTEN",
    )
    scorer: Endpoint | None = setting(
        "",
        "Address of the scorer behind it; none takes 127.0.0.1:50052 or any free port.",
        _listen,
        variable="SCORELENS_SCORER_LISTEN",
    )
    indexer: Endpoint | None = setting(
        "",
        "Address of the indexer; none takes 127.0.0.1:4317 or any free port.",
        _listen,
        variable="SCORELENS_INDEXER_LISTEN",
    )
    console: Endpoint | str | None = setting(
        "",
        "Address of the web console; none takes 127.0.0.1:8585 or any free port, off starts none.",
        _listen_or_off,
        variable="SCORELENS_CONSOLE_LISTEN",
    )
    elasticsearch: str = setting(
        "",
        "URL of an Elasticsearch that keeps the records; none keeps them in the embedded store under SCORELENS_HOME.",
        _url,
        variable="SCORELENS_ELASTICSEARCH_URL",
    )


def choose_addresses(settings: UpSettings) -> dict[str, str]:
    """Name an address for each part: the one that was asked for, its usual one, or one with a free port.

    They stay the same while the system runs, however often a part is started again.
    """
    with ExitStack() as stack:
        asked = {name: getattr(settings, name) for name in DEFAULT_PORTS}
        return {name: _choose(asked[name], port, stack) for name, port in DEFAULT_PORTS.items() if asked[name] != OFF}


def _choose(asked: Endpoint | None, usual: int, held: ExitStack) -> str:
    if asked is not None:
        return (
            Endpoint(asked.host, _free_port(asked.host, asked.port, held)).address if not asked.port else asked.address
        )
    try:
        port = _free_port("127.0.0.1", usual, held)
    except OSError:
        port = _free_port("127.0.0.1", 0, held)
    return Endpoint("127.0.0.1", port).address


def _free_port(host: str, port: int, held: ExitStack) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
    if port:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((host, port))
    return int(probe.getsockname()[1])


def reachable(address: str) -> str:
    """Return how commands on this machine reach a part that listens at an address."""
    endpoint = Endpoint.parse_listen(address)
    if endpoint.host in ("0.0.0.0", "::"):  # noqa: S104
        return Endpoint("127.0.0.1" if endpoint.host == "0.0.0.0" else "::1", endpoint.port).address  # noqa: S104
    return address if is_loopback(endpoint.host) else f"http://{address}"
