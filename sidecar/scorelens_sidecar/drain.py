"""Tells a running sidecar to take no new calls: `python -m scorelens_sidecar.drain`, the preStop hook of its container.

When a Kubernetes pod ends, the hooks of all its containers run at once; then SIGTERM goes to the scorer and, once that
has ended, to the sidecar. So the hook is where callers are sent away while the scorer still answers. The sidecar stays,
and ships what it has, until its own SIGTERM.
"""

from __future__ import annotations

import os
import signal
import time

import click

from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.main import run_part
from scorelens_runtime.settings import duration_of, options
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spool.folders import LOCK, holder, is_held, relay_folder

DRAIN_SIGNAL = signal.SIGUSR1
"""Has the sidecar drain and stay."""
_LOOK = 0.05
_GRACE = 5.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--after", default="0s", help="Wait this long first, while the news spreads that the pod is ending.")
@options(SidecarSettings, "sidecar")
def command(settings: SidecarSettings, after: str) -> None:
    """Have the sidecar of --folder send its callers elsewhere; returns when the last one has gone."""
    seconds = duration_of("--after", after)
    sidecar = holder(settings.folder / LOCK)
    if sidecar is None:
        raise ScorelensError(f"no sidecar runs on {settings.folder}; name its folder with --folder")
    time.sleep(seconds)
    try:
        os.kill(sidecar, DRAIN_SIGNAL)
    except ProcessLookupError:
        return  # it has ended meanwhile, and its callers with it
    limit = time.monotonic() + settings.drain + _GRACE
    while is_held(relay_folder(settings.folder) / LOCK) and time.monotonic() < limit:
        time.sleep(_LOOK)


if __name__ == "__main__":
    run_part(command, "python -m scorelens_sidecar.drain")
