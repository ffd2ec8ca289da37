"""The journal of a run, over every way in which a process may end."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from scorelens_client.bulk.fingerprint import Fingerprint
from scorelens_client.bulk.journal import MOST_BYTES, Journal, Progress
from scorelens_runtime.errors import ScorelensError

HEADER = {"file": "x.jsonl", "fingerprint": {}}


def state(row: int) -> Progress:
    """Return a state that is told from others by its row."""
    return Progress("r", row, row - 1, 1, 10, 20, 30, Counter({("topic", "Ünïcode"): row}), [(row + 1, row + 9, 8)])


def last(path: Path) -> Progress | None:
    """Read a journal anew."""
    journal = Journal(path, HEADER)
    try:
        found = journal.read()
        return found[1] if found else None
    finally:
        journal.close()


def test_the_last_whole_line_counts(tmp_path: Path) -> None:
    """Wherever a write was cut, the state before it is what is gone on from."""
    path = tmp_path / "score" / "x.progress"
    journal = Journal(path, HEADER)
    for row in (1, 2, 3):
        journal.note(state(row))
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert last(path) == state(3)
    start = content.rindex(b"\n", 0, -1) + 1
    for cut in range(start, len(content)):
        path.write_bytes(content[:cut])
        assert last(path) == state(2)
    path.write_bytes(content[:start] + bytes(len(content) - start - 1) + b"\n")
    assert last(path) == state(2)


def test_a_long_run_keeps_a_short_journal(tmp_path: Path) -> None:
    """The file is begun anew before it becomes large, and says the same."""
    path = tmp_path / "x.progress"
    journal = Journal(path, HEADER)
    for row in range(1, 6_000):
        journal.note(state(row))
    journal.close()
    assert path.stat().st_size < 1.1 * MOST_BYTES
    assert last(path) == state(5_999)


def test_a_file_is_scored_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Who comes second is refused, also after the first began the file anew."""
    path = tmp_path / "x.progress"
    journal = Journal(path, HEADER)
    for _ in range(2):
        with pytest.raises(ScorelensError, match="being scored already"):
            Journal(path, HEADER)
        journal.note(state(1))
    journal.remove()
    journal.close()
    assert last(path) is None


def test_a_run_that_noted_nothing_leaves_nothing(tmp_path: Path) -> None:
    """A start that failed is not an interrupted run."""
    assert last(tmp_path / "x.progress") is None
    assert not list(tmp_path.iterdir())


def test_any_change_of_a_file_is_told(tmp_path: Path) -> None:
    """Size, content and time are what makes a file the one that it was."""
    path = tmp_path / "x"
    path.write_bytes(b"a" * 1_000_000)
    before = Fingerprint.of(path)
    assert Fingerprint.read(before.write()).differs(Fingerprint.of(path)) == ""
    os.utime(path, ns=(1, before.changed + 1_000_000_000))
    assert "written again" in before.differs(Fingerprint.of(path))
    path.write_bytes(b"a" * 999_999 + b"b")
    assert "content" in before.differs(Fingerprint.of(path))
    path.write_bytes(b"a" * 10)
    assert "1,000,000 bytes and has 10" in before.differs(Fingerprint.of(path))
