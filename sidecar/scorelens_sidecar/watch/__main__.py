"""Runs what watches a sidecar: `python -m scorelens_sidecar.watch`, which only its supervisor does."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import click

from scorelens_runtime import logs
from scorelens_runtime.admin.address import shown
from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.lifecycle import announce, follow_supervisor, on_signal, wait_for
from scorelens_runtime.main import run_part
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.operations import Operations, Wanted
from scorelens_runtime.settings import options
from scorelens_sidecar.relay_state import STATE_SOCKET, RelayState, ask_relay
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.watch.calls import read_calls
from scorelens_sidecar.watch.metrics import CALL_DURATION
from scorelens_sidecar.watch.readiness import objection
from scorelens_sidecar.watch.reading import read_from
from scorelens_sidecar.watch.snapshot import Snapshots

ADMIN_FD = "SCORELENS_ADMIN_FD"
"""Names the listening socket of the admin port; its owner keeps the port while processes come and go."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(SidecarSettings, "sidecar")
def command(settings: SidecarSettings) -> None:
    """Serve the sidecar's admin port and send its metrics."""
    logs.set_up("watch", settings.log_level)
    told = threading.Event()
    on_signal(told.set)
    state = Path(os.environ.pop(STATE_SOCKET))

    def ask() -> RelayState | None:
        return ask_relay(state)

    instruments, readiness = Instruments(), Readiness(lambda: objection(settings, ask))
    read_from(Snapshots(settings.folder, ask).current, settings.spool_bytes, instruments)
    instruments.read_spreads(CALL_DURATION, lambda: read_calls(settings.folder))
    inherited = os.environ.pop(ADMIN_FD, None)
    listening = None if inherited is None else socket.socket(fileno=int(inherited))
    with Operations("sidecar", Wanted(settings.admin, settings.metrics_otlp, listening), instruments, readiness):
        readiness.start()
        follow_supervisor()
        announce(shown(settings.admin))
        wait_for(told)


if __name__ == "__main__":
    run_part(command, "python -m scorelens_sidecar.watch")
