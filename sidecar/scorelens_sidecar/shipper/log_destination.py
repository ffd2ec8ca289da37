"""The calculation log as a destination: the same spool, a cursor of its own, so that it works while stores are down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scorelens_sidecar.calculation_lines import LogLine, log_lines
from scorelens_sidecar.calculation_log import CalculationLog
from scorelens_sidecar.shipper.destination import Outcome, Parcel
from scorelens_sidecar.shipper.health import Health
from scorelens_sidecar.spans import DecodedCall

NAME = "calculation-log"


class LogDestination:
    """Appends a line per scored document to the calculation log."""

    name = NAME

    def __init__(self, log: CalculationLog, health: Health) -> None:
        self._log, self._health = log, health

    def convert(self, decoded: DecodedCall) -> Iterator[tuple[LogLine, int]]:
        """Yield the lines of a call."""
        for line in log_lines(decoded):
            yield line, len(line.data)

    def start(self, parcels: Sequence[Parcel[LogLine]]) -> None:
        """Leave it all to `finish`."""

    def finish(self, parcels: Sequence[Parcel[LogLine]]) -> Outcome:
        """Append the lines; raises OSError when the disk refuses them."""
        self._log.append([parcel.item for parcel in parcels])
        self._health.delivered(items=len(parcels))
        return Outcome()

    def acknowledged(self, *, caught_up: bool = False) -> None:
        """Note in the log how far the cursor is."""
        self._log.mark(caught_up=caught_up)

    def close(self) -> None:
        """Nothing stays open."""
