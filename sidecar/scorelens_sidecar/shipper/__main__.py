"""Runs the shipper: `python -m scorelens_sidecar.shipper`, with the flags and variables of `scorelens sidecar`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.lifecycle import announce, follow_supervisor, on_signal
from scorelens_runtime.logs import set_up
from scorelens_runtime.main import run_part
from scorelens_runtime.resource import resource_attributes
from scorelens_runtime.settings import options
from scorelens_sidecar.calculation_log import CalculationLog
from scorelens_sidecar.dead_letters import DeadLetters
from scorelens_sidecar.redaction import Redaction
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.shipper.calls import CallCounts
from scorelens_sidecar.shipper.follower import Follower
from scorelens_sidecar.shipper.health import Health, HealthFile
from scorelens_sidecar.shipper.log_destination import NAME as LOG_NAME
from scorelens_sidecar.shipper.log_destination import LogDestination
from scorelens_sidecar.shipper.memory import Memory
from scorelens_sidecar.shipper.otlp import OtlpDestination
from scorelens_sidecar.shipper.receiver import Receiver
from scorelens_sidecar.shipper.stopping import Stop, Stopped
from scorelens_sidecar.spans import encode_resource
from scorelens_sidecar.spool.cleanup import cleanup
from scorelens_sidecar.spool.folders import make_private, relay_folders

HOUSEKEEPING = 1.0
"""Seconds between looks for segments to delete and states to write down."""

_log = logging.getLogger(__name__)


def destination_names(settings: SidecarSettings) -> list[str]:
    """Name the destinations of the settings, as cursors and the account do."""
    log = [LOG_NAME] if settings.log_bytes else []
    return list(dict.fromkeys([*map(str, settings.otlp), *log]))


class Shipper:
    """All destinations of a sidecar."""

    def __init__(self, settings: SidecarSettings) -> None:
        """Open what the settings name; raises ScorelensError."""
        make_private(settings.folder)
        self._settings, self._stop = settings, Stop(settings.drain)
        self._redaction = Redaction(settings.redact, settings.folder)
        self._letters = DeadLetters(settings.folder)
        self._memory = Memory()
        self._healths: list[Health] = []
        is_watched = settings.admin is not None or settings.metrics_otlp is not None
        self._calls = CallCounts(settings.folder) if is_watched else None
        self._followers = list(self._make_followers())
        self._health_file = HealthFile(settings.folder, self._healths)

    def run(self) -> None:
        """Deliver until told to stop, then give what is in flight its time."""
        for follower in self._followers:
            follower.start()
        try:
            while True:
                self._keep_house()
                self._stop.sleep(HOUSEKEEPING)
        except Stopped:
            _log.info("stopping", extra={"grace_s": self._settings.drain})
        for follower in self._followers:
            follower.join(self._settings.drain + 1)
        self._keep_house()

    def stop(self) -> None:
        """Tell it to stop."""
        self._stop.tell()

    def _make_followers(self) -> Iterable[Follower[Any]]:
        settings = self._settings
        attributes = resource_attributes(
            settings.service_name, settings.environment, settings.listen.address, os.environ
        )
        resource = encode_resource(attributes)
        # The log waits for nobody, so that its follower counts soonest.
        counting = LOG_NAME if settings.log_bytes else str(settings.otlp[0])
        for endpoint in dict.fromkeys(settings.otlp):
            receiver = Receiver(endpoint, settings.export_timeout, settings.otlp_ca, settings.otlp_headers_file)
            health = self._health(receiver.name)
            destination = OtlpDestination(receiver, resource, settings.upstream.host, self._letters, health, self._stop)
            calls = self._calls if receiver.name == counting else None
            yield Follower(destination, settings, self._redaction, self._letters, health, self._stop, calls)
        if settings.log_bytes:
            health = self._health(LOG_NAME)
            log = LogDestination(_open_log(settings), health)
            yield Follower(log, settings, self._redaction, self._letters, health, self._stop, self._calls)

    def _health(self, name: str) -> Health:
        self._healths.append(Health(name))
        return self._healths[-1]

    def _keep_house(self) -> None:
        self._health_file.write()
        if self._calls:
            self._calls.write()
        self._memory.keep_small()
        for folder in relay_folders(self._settings.folder):
            self._clean(folder)

    def _clean(self, folder: Path) -> None:
        try:
            settings = self._settings
            cleanup(folder, destination_names(settings), settings.spool_keep, settings.spool_bytes // 2)
        except OSError as error:
            _log.warning("segments cannot be deleted", extra={"folder": str(folder), "error": error.strerror})


def _open_log(settings: SidecarSettings) -> CalculationLog:
    try:
        return CalculationLog(settings.folder, settings.log_bytes, settings.log_files, sync=settings.fsync != "never")
    except OSError as error:
        raise ScorelensError(
            f"cannot use the calculation log in {settings.folder}: {error.strerror}; name another --folder"
        ) from error


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(SidecarSettings, "sidecar")
def command(settings: SidecarSettings) -> None:
    """Send what the relay has spooled to OTLP receivers and to the calculation log."""
    set_up("shipper", settings.log_level)
    shipper = Shipper(settings)
    on_signal(shipper.stop)
    follow_supervisor()
    announce("", destinations=destination_names(settings))
    shipper.run()


if __name__ == "__main__":
    run_part(command, "python -m scorelens_sidecar.shipper")
