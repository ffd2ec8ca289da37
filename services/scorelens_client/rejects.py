"""Documents that were not scored: told to a person, kept in a file that can be mended and scored again."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from scorelens_client.bulk.appending import Appending
from scorelens_client.terminal import clean

SHOWN = 10


class Rejects:
    """Counts rejected rows, shows the first few, and writes all of them to a file, which it makes on the first.

    `count` and `position`, the bytes of the file, go on from an interrupted run.
    """

    def __init__(self, console: Console, path: Path | None, count: int = 0, position: int = 0) -> None:
        self.count = count
        self.path = path
        self._shown = 0
        self._console = console
        self._file: Appending | None = None
        self._start = position
        if path and position:
            self._open(path)

    @property
    def position(self) -> int:
        """Bytes of the file."""
        return self._file.position if self._file else self._start

    def add(self, number: int, source: bytes, field: str, reason: str) -> None:
        """Report one row."""
        self.count += 1
        self._shown += 1
        if self._shown <= SHOWN:
            self._console.print(
                f"line {number}: {clean(f'{field}: {reason}' if field else reason)}", style="red", soft_wrap=True
            )
        elif self._shown == SHOWN + 1:
            self._console.print("further lines that are rejected are only counted here")
        if self.path:
            content = {"line": number, "field": field, "reason": reason, "input": source.decode("utf-8", "replace")}
            line = json.dumps(content, ensure_ascii=False) + "\n"
            self._open(self.path).write(line.encode("utf-8", "replace"))

    def finish(self) -> None:
        """Remove what an earlier run left in the file, where this one rejected nothing."""
        if self.path and not self.count and self.path.is_file():
            self.path.unlink()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _open(self, path: Path) -> Appending:
        if self._file is None:
            self._file = Appending(path, self._start, "--rejects")
        return self._file
