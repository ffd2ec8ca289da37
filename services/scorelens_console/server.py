"""The console as a running server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import uvicorn

from scorelens_console.access.sessions import Sessions
from scorelens_console.app import make_app
from scorelens_console.audit import Audit
from scorelens_console.settings import ConsoleSettings
from scorelens_console.state import State
from scorelens_console.web.context import Console
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_store.open import open_reader

DRAIN: Final = 5


class RunningConsole:
    """A server in a thread of its own; `stop` lets answers in flight end."""

    def __init__(self, settings: ConsoleSettings, console: Console) -> None:
        """Listen and serve. Raises SettingError where the address is taken."""
        self._socket = _listen(settings.listen)
        self.address = Endpoint(settings.listen.host, self._socket.getsockname()[1]).address
        config = uvicorn.Config(
            make_app(console),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="console", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@contextmanager
def serving(settings: ConsoleSettings) -> Iterator[RunningConsole]:
    """Run a console until the end of the block. Raises SettingError, ScorelensError."""
    with ExitStack() as stack:
        state = State(settings.folder)
        audit = Audit(settings.folder)
        stack.callback(audit.close)
        reader = open_reader(settings.store)
        stack.callback(reader.close)
        sessions = Sessions(state, settings.session_idle, settings.session_age)
        server = RunningConsole(settings, Console(settings, reader, state, sessions, audit))
        stack.callback(server.stop)
        yield server


def _listen(endpoint: Endpoint) -> socket.socket:
    try:
        return socket.create_server(
            (endpoint.host, endpoint.port), family=socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        )
    except OSError as error:
        raise SettingError(f"setting --listen: cannot listen on {endpoint.address}: {error.strerror}") from error
