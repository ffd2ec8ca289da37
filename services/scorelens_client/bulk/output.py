"""Results in a file: one row per document, in order, whole after any interruption.

While a run lasts, rows are JSON lines in FILE.partial, cut back to the noted position when a run goes on. Only a
complete run makes FILE of them: the same lines, a CSV or a Parquet file. It is for its owner's eyes only.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from scorelens_client.bulk.appending import Appending
from scorelens_client.bulk.batches import Scored
from scorelens_client.bulk.outcome import as_json
from scorelens_documents.forms import CSV, JSONL, PARQUET
from scorelens_runtime.errors import ScorelensError

ENDS = {".jsonl": JSONL, ".csv": CSV, ".parquet": PARQUET}
ROWS_TOGETHER = 10_000


class Output:
    """The file that results go to."""

    def __init__(self, path: Path, full: bool = False) -> None:
        """Raises ScorelensError for a name whose end tells no form, or a folder that is not there."""
        self.path, self._full = path, full
        self._form = ENDS.get(path.suffix.lower(), "")
        if not self._form:
            raise ScorelensError(f"--output {path}: end the name in {', '.join(ENDS)}, so that its form is known")
        if path.is_dir():
            raise ScorelensError(f"--output {path} is a folder; name a file")
        if not path.parent.is_dir():
            raise ScorelensError(f"--output {path}: there is no folder {path.parent}")
        self.partial = path.with_name(path.name + ".partial")
        self._file: Appending | None = None

    @property
    def position(self) -> int:
        """Bytes that are written."""
        return self._file.position if self._file else 0

    def open(self, position: int) -> None:
        """Go on at a position, or start at 0. Raises ScorelensError where what was there before is gone."""
        self._file = Appending(self.partial, position, "--output")

    def write(self, outcomes: Sequence[Scored]) -> None:
        """Add the documents that have a result."""
        lines = [
            json.dumps(as_json(outcome, self._full), ensure_ascii=False, separators=(",", ":")) + "\n"
            for outcome in outcomes
            if outcome.result is not None
        ]
        if self._file:
            self._file.write("".join(lines).encode("utf-8", "replace"))

    def finish(self) -> None:
        """Make the file of what was written. Raises ScorelensError where there is no room; nothing is lost then."""
        whole = self.path.with_name(self.path.name + ".writing")
        try:
            if self._form == JSONL:
                self.partial.replace(self.path)
                return
            with os.fdopen(os.open(whole, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
                (_write_csv if self._form == CSV else _write_parquet)(self.partial, file)
            whole.replace(self.path)
            self.partial.unlink()
        except OSError as error:
            whole.unlink(missing_ok=True)
            raise ScorelensError(
                f"cannot write {self.path} (--output): {error.strerror or error}; the results are kept in "
                f"{self.partial}, and the same command makes the file of them"
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _rows(partial: Path) -> Iterator[dict[str, Any]]:
    with partial.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _tags(partial: Path) -> list[str]:
    return sorted({tag["tag"] for row in _rows(partial) for tag in row["tags"]})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "line": row["line"],
        "document_id": row["document_id"],
        "model": row["model"]["id"],
        "version": row["model"]["version"],
        "selected": [tag["tag"] for tag in row["tags"] if tag["selected"]],
        **{f"probability.{tag['tag']}": tag["probability"] for tag in row["tags"]},
    }


def _write_csv(partial: Path, file: Any) -> None:
    names = ["line", "document_id", "model", "version", "selected", *(f"probability.{tag}" for tag in _tags(partial))]
    descriptor = os.dup(file.fileno())
    with open(descriptor, "w", encoding="utf-8", newline="") as text:  # noqa: PTH123
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        for row in map(_flat, _rows(partial)):
            writer.writerow(row | {"selected": " ".join(row["selected"])})


def _write_parquet(partial: Path, file: Any) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    fields: list[tuple[str, Any]] = [("line", pa.int64()), ("document_id", pa.string()), ("model", pa.string())]
    fields += [("version", pa.string()), ("selected", pa.list_(pa.string()))]
    schema = pa.schema(fields + [(f"probability.{tag}", pa.float64()) for tag in _tags(partial)])
    rows = map(_flat, _rows(partial))
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while together := list(islice(rows, ROWS_TOGETHER)):
            writer.write_table(pa.Table.from_pylist(together, schema))
