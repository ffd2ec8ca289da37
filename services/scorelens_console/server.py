"""The console as a running server."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import uvicorn

from scorelens_console.access.accounts import Accounts, nobodys
from scorelens_console.access.oidc import Client, Provider
from scorelens_console.access.proxied import ProxyHeaders
from scorelens_console.access.sessions import Sessions
from scorelens_console.access.tokens import Tokens
from scorelens_console.app import make_app
from scorelens_console.audit import Audit
from scorelens_console.measures import Measures
from scorelens_console.settings import ACCOUNTS, OIDC, ConsoleSettings
from scorelens_console.state import State, write_address
from scorelens_console.tls import ServerTls
from scorelens_console.web.context import Console
from scorelens_console.web.patience import PatientProtocol
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_store.open import open_reader

DRAIN: Final = 5
MOST_CONNECTIONS: Final = 2000

_log = logging.getLogger(__name__)


class RunningConsole:
    """A server in a thread of its own; `stop` lets answers in flight end."""

    def __init__(self, settings: ConsoleSettings, console: Console) -> None:
        """Listen and serve. Raises SettingError where the address is taken, or a certificate cannot be read."""
        cert, key = settings.tls_cert, settings.tls_key
        tls = ServerTls(cert, key).context if cert and key else None
        self._socket = _listen(settings.listen)
        self.address = Endpoint(settings.listen.host, self._socket.getsockname()[1]).address
        config = uvicorn.Config(
            make_app(console),
            http=PatientProtocol,
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            # Who may speak for others is a setting of the console, which it reads itself.
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=DRAIN,
            lifespan="off",
            ssl_context_factory=(lambda *_: tls) if tls else None,
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
def serving(settings: ConsoleSettings, instruments: Instruments | None = None) -> Iterator[RunningConsole]:
    """Run a console until the end of the block, counting with `instruments`. Raises SettingError, ScorelensError."""
    with ExitStack() as stack:
        state = State(settings.folder)
        audit = Audit(settings.folder, settings.audit_bytes, settings.audit_keep)
        stack.callback(audit.close)
        reader = open_reader(settings.store)
        stack.callback(reader.close)
        console = Console(
            settings,
            reader,
            state,
            Sessions(state, settings.session_idle, settings.session_age),
            audit,
            Tokens(state),
            _accounts(settings),
            ProxyHeaders(settings.trusted_proxies, settings.proxy_name, settings.proxy_groups, settings.roles),
            _provider(settings),
            measures=Measures(instruments or Instruments()),
        )
        _warn(settings)
        server = RunningConsole(settings, console)
        stack.callback(server.stop)
        write_address(settings.folder, server.address)
        yield server


def _accounts(settings: ConsoleSettings) -> Accounts:
    accounts = Accounts(settings.account_file)
    if settings.sign_in == ACCOUNTS:
        nobodys()  # so that the first wrong name takes no longer than others
        if not accounts.all():
            _log.warning("nobody has an account yet: scorelens console account add NAME --as viewer")
    return accounts


def _provider(settings: ConsoleSettings) -> Provider | None:
    if settings.sign_in != OIDC:
        return None
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client,
        settings.oidc_secret_file,
        settings.oidc_scopes,
        settings.oidc_groups,
        settings.oidc_name,
        settings.roles,
        settings.oidc_ca,
    )
    return Provider(client)


def _warn(settings: ConsoleSettings) -> None:
    if not settings.is_local and not settings.is_secure:
        _log.warning("passwords and documents cross the network in the clear: take --tls-cert, or an https proxy")


def _listen(endpoint: Endpoint) -> socket.socket:
    try:
        return socket.create_server(
            (endpoint.host, endpoint.port), family=socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        )
    except OSError as error:
        raise SettingError(f"setting --listen: cannot listen on {endpoint.address}: {error.strerror}") from error
