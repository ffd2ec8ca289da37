"""Several processes that serve on one port.

The port belongs to the process that supervises them: it is bound to it without listening, so that the port stays the
same while workers come and go, and the kernel hands each new connection to one of the workers that listen.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_runtime.lifecycle import announce, follow_supervisor, on_signal
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_scorer.settings import ScorerSettings
from scorelens_scorer.worker_admin import serving

_log = logging.getLogger(__name__)
_LISTEN_VARIABLE: Final = "SCORELENS_SCORER_LISTEN"
_WATCH: Final = 0.1
_GRACE: Final = 5.0
_START: Final = 600.0
"""Longest wait for a worker to serve, in seconds; the first one trains models that were never trained."""


def supervise(settings: ScorerSettings, environment: Mapping[str, str]) -> None:
    """Run workers until SIGTERM or SIGINT, then have all of them drain; `environment` tells them the same settings.

    They start one after the other, so that what the first has trained and checked is at hand for the others. Raises
    SettingError where the port is taken, and ScorelensError where a worker does not start.
    """
    supervisor, told = Supervisor(), threading.Event()
    follow_supervisor()
    with reserve(settings.listen) as port, serving(settings.admin, settings.processes) as admin:
        address = Endpoint(settings.listen.host, port.getsockname()[1]).address
        try:
            for number in range(1, settings.processes + 1):
                child = Child(
                    f"worker-{number}",
                    [sys.executable, "-P", "-m", "scorelens_scorer.worker"],
                    environment={**environment, _LISTEN_VARIABLE: address, **admin.environment(number)},
                    drain=settings.drain + _GRACE,
                )
                ready = _start(supervisor, child)
            on_signal(told.set)
            announce(address, workers=settings.processes, models=ready["models"], **admin.details())
            while not told.wait(_WATCH):
                supervisor.watch()
            admin.readiness.drain()
            _log.info("draining")
            for child in supervisor.children:  # all at once; stop waits for one after the other
                if child.process is not None:
                    child.process.terminate()
        finally:
            supervisor.stop()


def _start(supervisor: Supervisor, child: Child) -> dict[str, Any]:
    try:
        return supervisor.start(child, _START)
    except ScorelensError:
        status = child.process.poll() if child.process else None
        if status is None or status < 0:
            raise
        sys.exit(status)  # it has said why


def reserve(endpoint: Endpoint) -> socket.socket:
    """Bind a port, any free one for 0, that workers can listen on. Raises SettingError."""
    if not sys.platform.startswith("linux"):
        raise SettingError("setting --workers: several processes on one port need Linux; use 1")
    try:
        family, _, _, _, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
        port = socket.socket(family, socket.SOCK_STREAM)
        _check_free(family, address)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        port.bind(address)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]
        raise SettingError(f"setting --listen: cannot listen on {endpoint.address}: {reason}") from error
    return port


def _check_free(family: int, address: object) -> None:
    """Refuse a port on which another scorer lets processes of its own listen: it would take half of the callers."""
    with socket.socket(family, socket.SOCK_STREAM) as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind(address)  # type: ignore[arg-type]
