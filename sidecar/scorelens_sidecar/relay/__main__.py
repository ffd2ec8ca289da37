"""Runs the relay: `python -m scorelens_sidecar.relay`, with the flags of `scorelens sidecar`."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import Final

import click

from scorelens_runtime import logs
from scorelens_runtime.lifecycle import announce, follow_supervisor
from scorelens_runtime.main import run_part
from scorelens_runtime.settings import options
from scorelens_sidecar.recorder import Recorder
from scorelens_sidecar.relay.capture import Capture
from scorelens_sidecar.relay.edge import Relay
from scorelens_sidecar.relay.telling import tell_state
from scorelens_sidecar.relay_state import STATE_SOCKET
from scorelens_sidecar.settings import SidecarSettings

LISTEN_FD: Final = "SCORELENS_LISTEN_FD"
"""Names a listening socket that is inherited; its owner keeps the port while relays come and go."""
GARBAGE_THRESHOLD: Final = 50_000
"""Objects between two looks for cycles: a call makes few cycles and many objects."""


def new_loop() -> asyncio.AbstractEventLoop:
    """Make uvloop's event loop, or asyncio's where uvloop cannot be had."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def serve(settings: SidecarSettings, recorder: Recorder) -> None:
    """Relay until SIGTERM or SIGINT, then drain."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    relay = Relay(settings, Capture(settings, recorder))
    inherited = os.environ.pop(LISTEN_FD, None)
    address = await relay.start(None if inherited is None else int(inherited))
    state = os.environ.pop(STATE_SOCKET, "")
    telling = await tell_state(relay, Path(state)) if state else None
    follow_supervisor()
    announce(address, upstream=str(settings.upstream))
    gc.freeze()  # what lives as long as the process need not be looked at again
    gc.set_threshold(GARBAGE_THRESHOLD)
    await told.wait()
    await relay.stop()
    if telling is not None:
        telling.close()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(SidecarSettings, "sidecar")
def command(settings: SidecarSettings) -> None:
    """Pass calls to a gRPC server and record them."""
    from scorelens_sidecar.spool.folders import relay_folder
    from scorelens_sidecar.spool.writer import SpoolWriter

    logs.set_up("relay", settings.log_level)
    recorder = SpoolWriter(relay_folder(settings.folder), settings)
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve(settings, recorder))
    finally:
        recorder.close()


if __name__ == "__main__":
    run_part(command, "python -m scorelens_sidecar.relay")
