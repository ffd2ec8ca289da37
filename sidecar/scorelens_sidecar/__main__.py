"""The `scorelens sidecar` command: supervises a relay, a shipper and, with --admin, what watches both.

The listening sockets belong to this process, so that callers wait in a backlog, instead of being refused, while a
dead relay is replaced. This process imports no gRPC and decodes nothing; it has little to die of.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import math
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import click

from scorelens_runtime import logs
from scorelens_runtime.admin import address as admin
from scorelens_runtime.admin.private import private_folder
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_runtime.lifecycle import announce, follow_supervisor, on_signal
from scorelens_runtime.settings import options, variable_of
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_sidecar.drain import DRAIN_SIGNAL
from scorelens_sidecar.relay_state import STATE_SOCKET
from scorelens_sidecar.settings import SidecarSettings, check
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.errors import SpoolLockedError
from scorelens_sidecar.spool.folders import LOCK, Lock, held_locks, make_private, relay_folder, relay_folders

LISTEN_FD = "SCORELENS_LISTEN_FD"
"""Names, to the relay, the listening socket that it inherits."""

ADMIN_FD = "SCORELENS_ADMIN_FD"
"""Names, to the process that watches, the listening socket of the admin port."""

_COMPONENT = "sidecar"
_LISTEN_VARIABLE = "SCORELENS_SIDECAR_LISTEN"
_BACKLOG = 1024
_WATCH = 0.1
_SHIPPER_DRAIN = 15.0
_WATCH_DRAIN = 15.0
_GRACE = 5.0

_log = logging.getLogger(__name__)


@click.command(short_help="Record what passes to a gRPC server.")
@options(SidecarSettings, _COMPONENT)
def command(settings: SidecarSettings) -> None:
    """Stand in front of a gRPC server and record every call, its answer and the calculation behind it.

    Callers connect to --listen instead of --upstream and notice nothing. What is recorded waits on disk until every
    receiver named by --otlp has it. Each option can be given as an environment variable, too: --spool-bytes is
    SCORELENS_SIDECAR_SPOOL_BYTES.

    \b
    Examples:
      scorelens sidecar --listen 127.0.0.1:50051 --upstream 127.0.0.1:50052 --otlp 127.0.0.1:4317
      scorelens sidecar --upstream https://scorer.example:443 --otlp https://collector.example:4317
      scorelens sidecar --redact email,iban,author          masks them before anything leaves
      scorelens sidecar --mode required --fsync always      for audits: what cannot be recorded is not answered
    """
    logs.set_up(_COMPONENT, settings.log_level)
    check(settings)
    run(settings, _texts_of(click.get_current_context()))


def run(settings: SidecarSettings, environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT, then drain: first the relay, then the shipper; the rest stays in the spool.

    `environment` tells the children the same settings. Raises SettingError when the folder or the address is taken.
    """
    make_private(settings.folder)
    make_private(relay_folder(settings.folder))  # so that the shipper's cursors begin with the first record
    lock = Lock(settings.folder / LOCK, "another sidecar")
    lock.sign()
    follow_supervisor()
    try:
        patience = _GRACE if _wait_for_predecessor(settings) else 0.0
        with listen(settings.listen, patience) as listener:
            address = Endpoint(settings.listen.host, listener.getsockname()[1]).address
            _supervise(settings, listener, address, {**environment, _LISTEN_VARIABLE: address})
    finally:
        lock.release()


def listen(endpoint: Endpoint, patience: float = 0.0) -> socket.socket:
    """Bind and listen; port 0 takes any free one.

    A port in use is tried for `patience` seconds. Raises SettingError.
    """
    limit = time.monotonic() + patience
    while True:
        try:
            family, _, _, _, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address, family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > limit:
                reason = str(error.strerror or error).partition(" (")[0]
                raise SettingError(f"setting --listen: cannot listen on {endpoint.address}: {reason}") from error
        time.sleep(_WATCH)


def _supervise(settings: SidecarSettings, listener: socket.socket, address: str, environment: dict[str, str]) -> None:
    supervisor, told, leaving = Supervisor(), threading.Event(), threading.Event()
    with ExitStack() as stack:
        watchers, shown = _watchers(settings, environment, stack)
        stack.callback(supervisor.stop)
        relay = _relay(listener, environment, settings.drain)
        for child in (*watchers, _child("shipper", environment, _SHIPPER_DRAIN), relay):
            _start(supervisor, child)
        on_signal(told.set)
        on_signal(leaving.set, DRAIN_SIGNAL)
        announce(address, upstream=str(settings.upstream), folder=str(settings.folder), **shown)
        while not told.wait(_WATCH):
            if leaving.is_set():
                leaving.clear()
                _drain(supervisor, listener, relay)
            supervisor.watch()
        _drain(supervisor, listener, relay)
        _let_ship(supervisor, settings)


def _drain(supervisor: Supervisor, listener: socket.socket, relay: Child) -> None:
    """Accept nobody, and end the relay once its callers have gone; a second time changes nothing."""
    _log.info("draining")
    listener.close()
    supervisor.end(relay)


def _let_ship(supervisor: Supervisor, settings: SidecarSettings) -> None:
    """Give the shipper time to send the rest, as long as it gets on; with the receivers away that may be short.

    Patience that is longer than the drain time tells that the spool goes with this process, so that only whoever sent
    SIGTERM sets an end to sending.
    """
    limit = math.inf if settings.patience > settings.drain else time.monotonic() + settings.drain
    spooled, patience = -1, 0.0
    while (left := _spooled(settings)) and time.monotonic() < min(limit, patience or limit):
        if left != spooled:
            spooled, patience = left, time.monotonic() + settings.patience
        supervisor.watch()
        time.sleep(_WATCH)
    if left:
        _log.info("the next start sends the rest", extra={"records": left})


def _spooled(settings: SidecarSettings) -> int:
    receivers = [str(endpoint) for endpoint in settings.otlp]
    accounts = (read_account(folder, receivers) for folder in relay_folders(settings.folder))
    return sum(account.spooled for each in accounts for account in each)


def _start(supervisor: Supervisor, child: Child) -> None:
    try:
        supervisor.start(child)
    except ScorelensError:
        # A child that refused a setting has said so in one line already.
        if child.process and child.process.poll() == SettingError.exit_status:
            raise click.exceptions.Exit(SettingError.exit_status) from None
        raise


def _watchers(
    settings: SidecarSettings, environment: dict[str, str], stack: ExitStack
) -> tuple[Sequence[Child], Mapping[str, str]]:
    """Return the process that shows the sidecar's metrics, where they are wanted, and where the admin port is.

    It is started first and ends last. As with the callers' port, the socket is this process's. The relay learns from
    `environment` where to tell its state.
    """
    if settings.admin is None and settings.metrics_otlp is None:
        return [], {}
    environment[STATE_SOCKET] = str(stack.enter_context(private_folder()) / "relay")
    child = _child("watch", environment, _WATCH_DRAIN)
    if settings.admin is None:
        return [child], {}
    listening = stack.enter_context(admin.listen(settings.admin))
    number = listening.fileno()
    inheriting = dataclasses.replace(child, environment={**environment, ADMIN_FD: str(number)}, pass_fds=[number])
    return [inheriting], {"admin": admin.shown(admin.bound(settings.admin, listening))}


def _relay(listener: socket.socket, environment: dict[str, str], drain: float) -> Child:
    number = listener.fileno()
    child = _child("relay", environment | {LISTEN_FD: str(number)}, drain=drain + _GRACE)
    return dataclasses.replace(child, pass_fds=[number])


def _child(name: str, environment: dict[str, str], drain: float) -> Child:
    return Child(name, [sys.executable, "-m", f"scorelens_sidecar.{name}"], environment, drain=drain)


def _texts_of(context: click.Context) -> dict[str, str]:
    """Return the settings that this command was given, by flag or environment, as the variables of the children."""
    given = ((field, context.params.get(field.name)) for field in dataclasses.fields(SidecarSettings))
    return {variable_of(field, _COMPONENT): str(text) for field, text in given if text is not None}


def _wait_for_predecessor(settings: SidecarSettings) -> bool:
    """Wait until the children of a killed sidecar have drained; tell whether there were any."""
    limit = time.monotonic() + settings.drain + _SHIPPER_DRAIN
    waited = False
    while held := held_locks(settings.folder):
        waited = True
        if time.monotonic() > limit:
            raise SpoolLockedError(f"another process still uses {held[0].parent}; stop it or name another folder")
        time.sleep(_WATCH)
    return waited


if __name__ == "__main__":
    from scorelens_runtime.main import main

    main([_COMPONENT, *sys.argv[1:]])
