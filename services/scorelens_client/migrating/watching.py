"""What a person sees of a migration, and the file of what could not be stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from scorelens_client.bulk.appending import Appending
from scorelens_client.terminal import clean, progress
from scorelens_store.contract import Record
from scorelens_store.errors import StoreUnavailableError

SHOWN: Final = 10
NOTE_EVERY: Final = 10.0


class Watching:
    """Shows how far a run is: as a bar, or as a line now and then where nobody watches."""

    def __init__(self, console: Console, rejects: Path, verb: str = "migrating") -> None:
        self._console, self._path = console, rejects
        self._bar = progress(console, "copied")
        self._task = self._bar.add_task(verb, total=None, count=0, rate=0.0)
        self._started = self._noted = time.monotonic()
        self._expected = self._compared = self._copied = 0
        self._file: Appending | None = None
        self._rejected: set[str] = set()
        self._said = ""

    @property
    def rejects(self) -> str | None:
        """The file of what was rejected, if anything was."""
        return str(self._path) if self._rejected else None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it for the time of the block."""
        try:
            with self._bar:
                yield
        except KeyboardInterrupt:
            self._console.print("interrupted: what was copied is stored, and the same command goes on from there")
            raise
        finally:
            if self._file:
                self._file.close()

    def expect(self, records: int) -> None:
        """Say about how many records will be compared, beyond those that were before."""
        self._expected = self._compared + records
        self._show()

    def step(self, compared: int, copied: int) -> None:
        """Say that records were compared and copied."""
        self._said = ""
        self._compared, self._copied = self._compared + compared, self._copied + copied
        self._show()

    def reject(self, record: Record, reason: str) -> None:
        """Take a record that can never be stored; the same one may come again."""
        record_id = record["record"]["id"]
        if record_id in self._rejected:
            return
        self._rejected.add(record_id)
        if len(self._rejected) <= SHOWN:
            self._console.print(f"record {clean(record_id[:64])}: {clean(reason)}", style="red", soft_wrap=True)
        if self._file is None:
            self._file = Appending(self._path, 0, "--rejects")
        line = {"record_id": record_id, "reason": reason, "record": record}
        self._file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def wait(self, error: StoreUnavailableError) -> None:
        """Say that a store is away and will be asked again, once for as long as nothing else happens."""
        if self._said != str(error):
            self._said = str(error)
            self._console.print(f"{clean(str(error))}; waiting", style="yellow", soft_wrap=True)

    def _show(self) -> None:
        now = time.monotonic()
        rate = self._compared / max(now - self._started, 1e-3)
        total = max(self._expected, self._compared)
        self._bar.update(self._task, total=total, completed=self._compared, count=self._copied, rate=rate)
        if self._bar.disable and now - self._noted > NOTE_EVERY:
            self._noted = now
            left = int((total - self._compared) / rate) if rate else 0
            self._console.print(
                f"{self._compared:,} of {total:,} records compared, {self._copied:,} copied "
                f"({rate:,.0f}/s, about {left // 60}:{left % 60:02} min left)",
                soft_wrap=True,
            )
