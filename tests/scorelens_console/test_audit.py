"""The audit log: whole lines, whatever happens to the file."""

from __future__ import annotations

import json
import os
import resource
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from scorelens_console.access.identity import Identity, Role
from scorelens_console.audit import Audit, AuditError

ADA = Identity("ada\n\ud800", {"*": Role.VIEWER}, "test")


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return all lines of all files, the oldest first."""
    paths = [*sorted(folder.glob("audit-*.jsonl")), folder / "audit.jsonl"]
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def test_a_line_is_one_object_whatever_is_in_it(tmp_path: Path) -> None:
    """Names and queries cannot begin a line of their own."""
    audit = Audit(tmp_path)
    audit.write(ADA, "documents", "10.0.0.1", address='/documents?q="\n{"name": "eve"}')
    (line,) = lines(tmp_path)
    assert (line["name"], line["action"], line["client"]) == ("ada\n\ud800", "documents", "10.0.0.1")
    assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600
    audit.close()


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    """No line is lost; files that are too old go."""
    audit = Audit(tmp_path, most_bytes=2000, keep=1000.0)
    for number in range(60):
        audit.write(ADA, "document", "", number=number)
    assert [line["number"] for line in lines(tmp_path)] == list(range(60))
    rotated = sorted(tmp_path.glob("audit-*.jsonl"))
    assert len(rotated) > 2
    assert audit.path.stat().st_size < 2500
    os.utime(rotated[0], times=(time.time() - 2000,) * 2)
    for number in range(30):
        audit.write(ADA, "document", "", number=number)
    assert not rotated[0].exists()
    assert rotated[1].exists()
    audit.close()


def test_a_file_that_is_moved_away_is_made_anew(tmp_path: Path) -> None:
    """Who rotates the log with a tool of their own loses nothing, and nobody writes to a file without a name."""
    audit = Audit(tmp_path)
    audit.write(ADA, "first", "")
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit-moved.jsonl")
    audit.write(ADA, "second", "")
    (tmp_path / "audit.jsonl").unlink()
    audit.write(ADA, "third", "")
    assert [line["action"] for line in lines(tmp_path)] == ["first", "third"]
    audit.close()


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    """After a crash within a line the next one begins a line of its own."""
    (tmp_path / "audit.jsonl").write_text('{"time": "2026')
    audit = Audit(tmp_path)
    audit.write(ADA, "next", "")
    torn, whole = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert torn == '{"time": "2026'
    assert json.loads(whole)["action"] == "next"
    audit.close()


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Whoever wants to show something learns that it must not; a line that did not fit spoils no other."""
    audit = Audit(tmp_path)
    audit.write(ADA, "first", "")
    own, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (audit.path.stat().st_size + 20, most))  # as a full disk would
    try:
        for _ in range(2):
            with pytest.raises(AuditError, match="cannot be written"):
                audit.write(ADA, "second", "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (own, most))
    audit.write(ADA, "third", "")
    first, torn, third = audit.path.read_text().splitlines()
    assert [json.loads(line)["action"] for line in (first, third)] == ["first", "third"]
    assert "second" not in torn
    audit.close()
