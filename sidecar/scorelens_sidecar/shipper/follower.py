"""One destination's thread: reads the spool, converts, delivers, and only then moves the cursor."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from scorelens_runtime.errors import ScorelensError
from scorelens_sidecar.dead_letters import DeadLetter, DeadLetters, now
from scorelens_sidecar.forgetting.tombstones import Tombstones
from scorelens_sidecar.redaction import Redaction
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.shipper.backoff import Backoff
from scorelens_sidecar.shipper.calls import CallCounts, Ended
from scorelens_sidecar.shipper.destination import Destination, Item, Parcel, StalledError
from scorelens_sidecar.shipper.health import Health
from scorelens_sidecar.shipper.stopping import Stop, Stopped
from scorelens_sidecar.spans import InvalidCallError, ScoredDocument, decode
from scorelens_sidecar.spool.cursor import Position
from scorelens_sidecar.spool.folders import relay_folders
from scorelens_sidecar.spool.reader import SpooledRecord, SpoolReader

EXPIRE_EVERY = 10.0
"""Seconds between looks for records that waited too long."""

GROWTH = 2
"""About how many times larger the spans of a record are than the record."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shipment(Generic[Item]):
    """What is delivered at once; `position` is behind the last record that it completes, None without one."""

    parcels: list[Parcel[Item]] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    size: int = 0
    records: int = 0
    position: Position | None = None


class Follower(threading.Thread, Generic[Item]):
    """Delivers the records of all relay folders to one destination until told to stop."""

    def __init__(
        self,
        destination: Destination[Item],
        settings: SidecarSettings,
        redaction: Redaction,
        letters: DeadLetters,
        health: Health,
        stop: Stop,
        calls: CallCounts | None = None,
    ) -> None:
        """`calls` counts the calls that were delivered; one follower of a sidecar has it."""
        super().__init__(name=destination.name, daemon=True)
        self._calls = calls
        self._destination, self._settings, self._redaction = destination, settings, redaction
        self._letters, self._health, self._stop_signal = letters, health, stop
        self._tombstones = Tombstones(settings.folder)
        self._readers: dict[Path, SpoolReader] = {}
        self._expired_at = 0.0
        self._rejected = 0
        self._dead: set[int] = set()
        self._backoff = Backoff()

    def run(self) -> None:
        """Go round the folders; whatever fails is logged, keeps its records, and is tried again."""
        try:
            while not self._stop_signal.is_told():
                self._try_round()
        except Stopped:
            pass
        finally:
            for reader in self._readers.values():
                reader.close()
            self._destination.close()

    def _try_round(self) -> None:
        try:
            self._round()
            self._backoff.reset()
            self._stop_signal.sleep(self._settings.poll)
        except StalledError:
            self._rewind()
        except (OSError, ScorelensError) as error:
            self._health.failed(f"the folder of the sidecar: {error}", alarm=True)
            self._rewind()
            self._stop_signal.sleep(self._backoff.next())
        except Stopped:
            raise
        except Exception as error:
            _log.exception("unknown exception", extra={"destination": self._destination.name})
            self._health.failed(f"unknown exception {type(error).__name__}, see the log", alarm=True)
            self._rewind()
            self._stop_signal.sleep(self._backoff.next())

    def _round(self) -> None:
        for folder in relay_folders(self._settings.folder):
            if folder not in self._readers:
                self._readers[folder] = SpoolReader(folder, self._destination.name)
        self._expire()
        for reader in self._readers.values():
            self._drain(reader)
        self._destination.acknowledged(caught_up=True)

    def _expire(self) -> None:
        if time.monotonic() - self._expired_at >= EXPIRE_EVERY:
            self._expired_at = time.monotonic()
            for reader in self._readers.values():
                reader.expire(self._settings.spool_age)

    def _drain(self, reader: SpoolReader) -> None:
        """Deliver all there is; the next shipment is made while the one before is on its way."""
        under_way: Shipment[Item] | None = None
        for shipment in self._shipments(reader):
            if under_way:
                self._settle(reader, under_way)
            if self._stop_signal.is_told():
                raise Stopped
            under_way = shipment
            if shipment.parcels:
                self._destination.start(shipment.parcels)
        if under_way:
            self._settle(reader, under_way)

    def _settle(self, reader: SpoolReader, shipment: Shipment[Item]) -> None:
        if shipment.parcels:
            outcome = self._destination.finish(shipment.parcels)
            self._rejected += outcome.rejected
            self._dead |= outcome.dead
        if shipment.position is None:
            return
        behind = shipment.position.sequence
        dead = {sequence for sequence in self._dead if sequence < behind}
        rejected = min(self._rejected, shipment.records - len(dead))
        reader.acknowledge(shipment.position, rejected=max(0, rejected), dead=len(dead))
        self._dead -= dead
        self._rejected = 0
        self._health.delivered(records=shipment.records)
        if self._calls:
            self._calls.add(shipment.ended)
        self._destination.acknowledged()

    def _shipments(self, reader: SpoolReader) -> Iterator[Shipment[Item]]:
        most_records, most_bytes = self._settings.batch_calls, self._settings.batch_bytes // GROWTH
        while records := reader.read(most_records, most_bytes):
            self._tombstones.refresh()
            yield from self._pack(records)

    def _pack(self, records: Sequence[SpooledRecord]) -> Iterator[Shipment[Item]]:
        shipment: Shipment[Item] = Shipment()
        for record in records:
            for parcel in self._convert(record):
                if shipment.parcels and shipment.size + parcel.size > self._settings.batch_bytes:
                    yield shipment
                    shipment = Shipment()
                shipment.parcels.append(parcel)
                shipment.size += parcel.size
            if self._calls and (ended := self._calls.ended(record.call)):
                shipment.ended.append(ended)
            shipment.position = record.position
            shipment.records += 1
        yield shipment

    def _convert(self, record: SpooledRecord) -> Iterator[Parcel[Item]]:
        """Yield what a record becomes; one that cannot be converted becomes a dead letter."""
        try:
            decoded = decode(record.call, self._settings.capture_limit)
            if self._tombstones:
                decoded.forget(self._is_forgotten)
            self._redaction.apply(decoded)
            for item, size in self._destination.convert(decoded):
                yield Parcel(item, size, record.sequence)
        except InvalidCallError as error:
            self._put_aside(record, f"no span can be made of it: {error}")
        except Exception as error:
            ids = {"trace_id": record.call.trace_id.hex(), "span_id": record.call.span_id.hex()}
            _log.exception("a record cannot be converted", extra={"sequence": record.sequence, **ids})
            self._put_aside(record, f"no span can be made of it: {type(error).__name__}, see the log of the shipper")

    def _is_forgotten(self, scored: ScoredDocument) -> bool:
        document = scored.document
        return self._tombstones.covers(scored.identity.record_id, document.id, document.customer_id)

    def _put_aside(self, record: SpooledRecord, reason: str) -> None:
        call, name = record.call, self._destination.name
        letter = DeadLetter(now(), reason, "", "", call.trace_id.hex(), call.span_id.hex(), name, record.sequence)
        self._letters.append([letter])
        self._health.delivered(dead_letters=1)
        self._dead.add(record.sequence)

    def _rewind(self) -> None:
        self._rejected = 0
        self._dead.clear()
        for reader in self._readers.values():
            reader.rewind()
