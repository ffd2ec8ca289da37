"""The `scorelens ship` command: sends what lies in a sidecar's folder whose sidecar does not come back, then ends."""

from __future__ import annotations

import logging
import threading

import click

from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_runtime.lifecycle import on_signal
from scorelens_runtime.logs import set_up
from scorelens_runtime.settings import options
from scorelens_sidecar.settings import SidecarSettings, check
from scorelens_sidecar.shipper.__main__ import Shipper
from scorelens_sidecar.spool.account import DestinationAccount, read_account
from scorelens_sidecar.spool.errors import SpoolError
from scorelens_sidecar.spool.folders import LOCK, Lock, relay_folders
from scorelens_sidecar.spool.writer import SpoolWriter

_LOOK = 0.5
"""Seconds between looks at what is left."""

_log = logging.getLogger(__name__)


@click.command(short_help="Send what a sidecar that is gone has left.")
@options(SidecarSettings, "sidecar")
def command(settings: SidecarSettings) -> None:
    """Send everything that lies in --folder to every receiver named by --otlp, then end.

    For the folder of a sidecar that does not come back, such as the volume of a pod that was scaled away. The flags and
    variables are those of `scorelens sidecar`; give it the same --redact. A sidecar that still uses the folder is left
    alone, and the status is 1, as it is when this is told to end before everything has arrived. While a receiver is
    away, it waits. Records older than --spool-age are given up: name a long one for a volume that has lain for long.

    \b
    Examples:
      scorelens ship --folder /mnt/old/sidecar --otlp https://collector.example:4317
      scorelens ship --folder /mnt/old/sidecar --otlp 127.0.0.1:4317 --spool-age 3650d
    """
    set_up("ship", settings.log_level)
    check(settings)
    for account in ship(settings):
        click.echo(_in_words(account))


def ship(settings: SidecarSettings) -> list[DestinationAccount]:
    """Send until nothing is left for any receiver, or SIGTERM or SIGINT comes; return what became of the records.

    Raises SettingError where the folder has no spool, SpoolLockedError where a sidecar uses it, and ScorelensError when
    it was told to end before everything had arrived.
    """
    if not relay_folders(settings.folder):
        raise SettingError(
            f"setting --folder (SCORELENS_SIDECAR_FOLDER): {settings.folder} has no spool; name the folder of a sidecar"
        )
    lock = Lock(settings.folder / LOCK, "a sidecar")
    try:
        for folder in relay_folders(settings.folder):
            SpoolWriter(folder, settings).close()  # which brings the account in line with what a kill left behind
        _send(settings)
    finally:
        lock.release()
    found = accounts(settings)
    if left := sum(account.spooled for account in found):
        raise ScorelensError(f"ended before everything had arrived: {left:,} records are left; start it again")
    return found


def accounts(settings: SidecarSettings) -> list[DestinationAccount]:
    """Return what became of the records of every spool, for each receiver of the settings."""
    receivers = [str(endpoint) for endpoint in settings.otlp]
    found = (account for folder in relay_folders(settings.folder) for account in read_account(folder, receivers))
    return [account for account in found if account.destination in receivers]


def _send(settings: SidecarSettings) -> None:
    shipper, ended = Shipper(settings), threading.Event()
    on_signal(shipper.stop)
    watch = threading.Thread(target=_stop_when_done, args=(settings, shipper, ended), name="watch", daemon=True)
    watch.start()
    try:
        shipper.run()
    finally:
        ended.set()
        watch.join()


def _stop_when_done(settings: SidecarSettings, shipper: Shipper, ended: threading.Event) -> None:
    before = -1
    while not ended.wait(_LOOK):
        try:
            left = sum(account.spooled for account in accounts(settings))
        except (OSError, SpoolError) as error:
            _log.warning("what is left cannot be counted", extra={"error": str(error)})
            continue
        if left != before:
            _log.info("shipping", extra={"left": left})
            before = left
        if not left:
            shipper.stop()
            return


def _in_words(account: DestinationAccount) -> str:
    lost = sum(account.dropped.values())
    return (
        f"{account.destination} has everything: {account.acknowledged:,} records acknowledged, of which "
        f"{account.rejected:,} rejected and {account.dead_letters:,} dead letters; {lost:,} dropped"
    )
