"""The calculation log survives crashes at any point, and rotates."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scorelens_sidecar.calculation_lines import LogLine, log_lines
from scorelens_sidecar.calculation_log import CalculationLog, log_files
from scorelens_sidecar.spans import decode
from tests.scorelens_sidecar.spans.calls import activity_document, media_document, scored_call


def lines(*numbers: int) -> list[LogLine]:
    """Make up lines."""
    return [LogLine(f"{number:032x}", b'{"record":{"id":"%032x"}}\n' % number) for number in numbers]


def ids(folder: Path) -> list[int]:
    """Read the log back."""
    data = b"".join(path.read_bytes() for path in log_files(folder) if path.exists())
    return [int(json.loads(line)["record"]["id"], 16) for line in data.splitlines()]


def open_log(folder: Path, max_bytes: int = 10**6) -> CalculationLog:
    """Open the log as a started shipper does."""
    return CalculationLog(folder, max_bytes, 9, sync=False)


def test_a_line_tells_the_score_and_the_reason() -> None:
    """A line is a record without the document's words, so that one query fits both."""
    call = scored_call(1, media_document(1), activity_document())
    first, second = (json.loads(line.data) for line in log_lines(decode(call, 2**24)))
    assert first["@timestamp"] == "2026-11-22T10:00:00.123456Z"
    assert first["document"] == {"id": "d-1", "number": 0, "kind": "tweet"}
    assert first["tags"] == ["tag-0"]
    assert first["score"] == {"tag-0": 0.75, "tag-1": 0.125}
    assert first["because"] == ["tag-0:refund 0"]
    assert first["calculation"][0]["contribution"] == [1.0, 0.0]
    assert first["purpose"] == "production"
    assert (second["document"]["number"], second["customer"]) == (1, {"id": "c-9"})
    assert "refund from Acme" not in json.dumps(first)


def test_a_crash_before_the_cursor_moved_doubles_no_line(tmp_path: Path) -> None:
    """Lines that were written and not marked are not written again, in whatever batches they come."""
    log = open_log(tmp_path)
    log.append(lines(1, 2))
    log.mark()
    log.append(lines(3, 4, 5, 6))
    log = open_log(tmp_path)
    log.append(lines(3, 4))
    log.mark()
    log = open_log(tmp_path)
    log.append(lines(5, 6, 7))
    log.mark(caught_up=True)
    assert ids(tmp_path) == [1, 2, 3, 4, 5, 6, 7]


def test_an_unfinished_line_is_cut_and_written_again(tmp_path: Path) -> None:
    """A line that a crash tore is replaced by the whole one."""
    open_log(tmp_path).append(lines(1, 2))
    path = tmp_path / "calculations.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    open_log(tmp_path).append(lines(1, 2))
    assert ids(tmp_path) == [1, 2]


def test_rotates_and_keeps_as_many_files_as_told(tmp_path: Path) -> None:
    """Full files are numbered, the oldest go, and no line is torn."""
    log = CalculationLog(tmp_path, 200, 2, sync=False)
    for number in range(30):
        log.append(lines(number))
        log.mark()
    assert sorted(path.name for path in tmp_path.glob("*.jsonl*")) == [
        "calculations.jsonl",
        "calculations.jsonl.1",
        "calculations.jsonl.2",
    ]
    kept = ids(tmp_path)
    assert kept == list(range(30 - len(kept), 30))
    assert all(path.stat().st_size <= 200 for path in log_files(tmp_path))


def test_files_are_private(tmp_path: Path) -> None:
    """Only the owner can read calculations."""
    open_log(tmp_path).append(lines(1))
    assert (tmp_path / "calculations.jsonl").stat().st_mode & 0o077 == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["none", "before mark", "before cursor", "torn"]))))
def test_any_crashes_leave_each_line_once(tmp_path_factory: object, steps: list[tuple[int, str]]) -> None:
    """Whatever crashes between line, cursor and mark, the log has every record once and in order."""
    folder = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]
    cursor, log = 0, open_log(folder, 400)
    for size, crash in steps:
        log.append(lines(*range(cursor, cursor + size)))
        if crash == "torn":
            path = folder / "calculations.jsonl"
            path.write_bytes(path.read_bytes()[:-3])
        if crash in ("none", "before mark"):
            cursor += size
        if crash == "none":
            log.mark()
        else:
            log = open_log(folder, 400)
    log.append(lines(*range(cursor, cursor + 40)))
    written = ids(folder)
    assert written == list(range(cursor + 40))[-len(written) :]
