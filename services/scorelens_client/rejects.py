"""Documents that were not scored: told to a person, kept in a file that can be mended and scored again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from rich.console import Console

from scorelens_client.terminal import clean
from scorelens_runtime.errors import ScorelensError

SHOWN = 10


class Rejects:
    """Counts rejected lines, shows the first few, and writes all of them to a file, which it makes on the first."""

    def __init__(self, console: Console, path: Path | None) -> None:
        self.count = 0
        self.path = path
        self._console = console
        self._file: TextIO | None = None

    def add(self, number: int, source: bytes, field: str, reason: str) -> None:
        """Report one line."""
        self.count += 1
        if self.count <= SHOWN:
            self._console.print(
                f"line {number}: {clean(f'{field}: {reason}' if field else reason)}", style="red", soft_wrap=True
            )
        elif self.count == SHOWN + 1:
            self._console.print("further lines that are rejected are only counted here")
        if self.path:
            content = {"line": number, "field": field, "reason": reason, "input": source.decode("utf-8", "replace")}
            print(json.dumps(content, ensure_ascii=False), file=self._open(self.path))

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _open(self, path: Path) -> TextIO:
        if self._file is None:
            try:
                self._file = path.open("w", encoding="utf-8", errors="replace")
            except OSError as error:
                raise ScorelensError(f"cannot write {path} (--rejects): {error.strerror}") from error
        return self._file
