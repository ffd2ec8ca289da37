"""The audit of what was forgotten."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from scorelens_client.audit import Audit, Place
from scorelens_runtime.errors import ScorelensError

PLACES = [Place("store", 3), Place("sidecar", left="away")]


def test_a_line_tells_what_was_done_and_no_id(tmp_path: Path) -> None:
    """Who asks for an id finds it; who reads the files does not."""
    audit = Audit(tmp_path)
    line = audit.add({"document": ["d-17", "d-18"], "customer": [], "record": ["AB12"]}, PLACES)
    assert not line["complete"]
    content = (tmp_path / "audit.jsonl").read_text()
    assert "d-17" not in content
    assert "ab12" not in content.lower()
    assert json.loads(content) == line
    (found,) = audit.find("d-17")
    assert (found["kind"], found["complete"]) == ("document", False)
    assert [each["kind"] for each in audit.find("ab12")] == ["record"]
    assert list(audit.find("d-1")) == []
    for name in ("audit.jsonl", "audit.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_lines_are_only_added(tmp_path: Path) -> None:
    """Lines of several at once and behind a torn one are whole, and share one key."""
    threads = [
        threading.Thread(target=lambda n=n: Audit(tmp_path).add({"document": [f"d-{n}"]}, PLACES)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"torn": ')
    Audit(tmp_path).add({"document": ["d-9"]}, PLACES)
    assert all(list(Audit(tmp_path).find(f"d-{number}")) for number in (*range(8), 9))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.jsonl", "audit.key"]


def test_nothing_was_forgotten_where_there_is_no_audit(tmp_path: Path) -> None:
    """No file is no fault; a damaged key is one, since a new one would deny what was done."""
    assert list(Audit(tmp_path).find("d-1")) == []
    (tmp_path / "audit.key").write_bytes(b"short")
    with pytest.raises(ScorelensError, match="restore it"):
        Audit(tmp_path).add({}, PLACES)
