"""Lines taken out of files that others append to and rotate."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from scorelens_sidecar.calculation_lines import LogLine
from scorelens_sidecar.calculation_log import CalculationLog, log_files
from scorelens_sidecar.dead_letters import DeadLetter, DeadLetters, read_dead_letters
from scorelens_sidecar.forget import forget, main
from scorelens_sidecar.forgetting.lines import blank_lines
from scorelens_sidecar.forgetting.tombstones import FILE, Tombstones
from scorelens_sidecar.forgetting.wanted import Wanted


def line(number: int, document: str) -> LogLine:
    """Return a line of the calculation log."""
    record = {"record": {"id": f"{number:032x}"}, "document": {"id": document}, "tags": ["word"] * 20}
    return LogLine(f"{number:032x}", json.dumps(record).encode() + b"\n", document, "")


def letter(number: int, **values: str) -> DeadLetter:
    """Return a dead letter."""
    ids = {"record_id": f"{number:032x}", "document_id": f"d-{number}", "customer_id": "", "reason": "x"} | values
    return DeadLetter(time="2026", trace_id="", span_id=f"{number}", destination="there", sequence=number, **ids)


def test_lines_go_where_they_stand(tmp_path: Path) -> None:
    """The others keep their bytes and places; a line that is no JSON, and may be half a forgotten one, goes too."""
    path = tmp_path / "lines"
    kept, gone = b'{"a": 1}\n', b'{"a": 2, "b": "secret"}\n'
    path.write_bytes(kept + gone + b"    half secret}\n" + kept + gone + b'{"a": 2')
    inode = path.stat().st_ino
    assert blank_lines(lambda: [path], lambda one: one["a"] == 2, dry_run=True) == 2
    assert b"secret" in path.read_bytes()
    assert blank_lines(lambda: [path], lambda one: one["a"] == 2) == 2
    blank = b" " * (len(gone) - 1) + b"\n"
    assert path.read_bytes() == kept + blank + b" " * 16 + b"\n" + kept + blank + b'{"a": 2'
    assert path.stat().st_ino == inode
    assert blank_lines(lambda: [path, tmp_path / "missing"], lambda one: one["a"] == 2) == 0


def test_no_file_is_renamed_between_being_listed_and_opened(tmp_path: Path) -> None:
    """A line that wants a rotation waits until every file is open, the oldest one under its name of before included."""
    log = CalculationLog(tmp_path, 1, 1000, sync=False)
    for number in range(3):
        log.append([line(number, "gone")])
    rotating = threading.Thread(target=log.append, args=([line(3, "kept")],))

    def listed() -> list[Path]:
        paths = log_files(tmp_path)
        rotating.start()
        rotating.join(0.2)
        return paths

    found = blank_lines(listed, lambda one: one["document"]["id"] == "gone", still=Tombstones(tmp_path).still())
    rotating.join()
    assert found == 3
    assert b"gone" not in b"".join(path.read_bytes() for path in log_files(tmp_path))
    assert len(log_files(tmp_path)) == 4


def test_a_log_that_is_written_and_rotated_meanwhile_loses_nothing_else(tmp_path: Path) -> None:
    """Of lines written before, during and after, exactly the forgotten ones are missing."""
    log = CalculationLog(tmp_path, 4000, 1000, sync=False)
    reached, go_on = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(3000):
            log.append([line(number, f"d-{number % 50}")])
            if number == 500:
                reached.set()
        go_on.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert reached.wait(30)
    removed = 0
    for number in range(5):
        removed += forget(tmp_path, Wanted.of({"document": [f"d-{number}"]}))["calculation_log"]
    writer.join()
    assert go_on.is_set()
    assert removed
    lines = [json.loads(one) for path in log_files(tmp_path) for one in path.read_bytes().splitlines() if one.strip()]
    expected = [number for number in range(3000) if number % 50 >= 5]
    assert [int(one["record"]["id"], 16) for one in lines] == expected


def test_a_restarted_log_goes_on_behind_its_mark(tmp_path: Path) -> None:
    """Blanks change nothing of what the mark says, so nothing is written twice or left out."""
    log = CalculationLog(tmp_path, 10**6, 2)
    log.append([line(number, f"d-{number}") for number in range(5)])
    log.mark(caught_up=True)
    log.append([line(number, f"d-{number}") for number in range(5, 8)])
    forget(tmp_path, Wanted.of({"document": ["d-2", "d-6"]}))
    again = CalculationLog(tmp_path, 10**6, 2)
    again.append([line(number, f"d-{number}") for number in range(5, 10)])
    found = [
        json.loads(one)["document"]["id"] for one in log_files(tmp_path)[-1].read_bytes().splitlines() if one.strip()
    ]
    assert found == ["d-0", "d-1", "d-3", "d-4", "d-5", "d-7", "d-8", "d-9"]


@pytest.mark.parametrize(
    "ids", [{"document": ["d-1"]}, {"customer": ["c-1"]}, {"record": ["00000000000000000000000000000001"]}]
)
def test_dead_letters_go_and_do_not_come_back(tmp_path: Path, ids: dict[str, list[str]]) -> None:
    """A letter is forgotten by any of its ids, in both files, and is not listed again when it comes again."""
    letters = DeadLetters(tmp_path, most_bytes=400)
    letters.append([letter(1, customer_id="c-1", reason="secret")])
    letters.append([letter(2)])
    letters.append([letter(3)])
    assert forget(tmp_path, Wanted.of(ids))["dead_letters"] == 1
    letters.append([letter(1, customer_id="c-1", reason="secret"), letter(4)])
    assert [each.sequence for each in read_dead_letters(tmp_path)] in ([2, 3, 4], [3, 4])
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.iterdir())


def test_letters_of_earlier_versions_can_be_read(tmp_path: Path) -> None:
    """A letter without the customer's id is listed as before."""
    old = {"time": "", "reason": "r", "record_id": "", "document_id": "d", "trace_id": "", "span_id": "", "sequence": 1}
    (tmp_path / "dead-letters.jsonl").write_text(json.dumps(old | {"destination": "x"}) + "\n")
    assert [each.document_id for each in read_dead_letters(tmp_path)] == ["d"]


def test_tombstones_tell_nothing(tmp_path: Path) -> None:
    """The file holds no id; it survives a torn end, and several processes see each other's."""
    one, other = Tombstones(tmp_path), Tombstones(tmp_path)
    one.add(Wanted.of({"customer": ["customer-4711"]}))
    path = tmp_path / FILE
    assert b"4711" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not other
    other.refresh()
    assert other.covers("", "", "customer-4711")
    assert not other.covers("", "customer-4711", "")
    path.write_bytes(path.read_bytes() + b"torn")
    other.add(Wanted.of({"document": ["d-1", "d-2"], "customer": ["customer-4711"]}))
    one.refresh()
    assert one.covers("", "d-2", "")
    assert one.covers("", "", "customer-4711")
    assert path.stat().st_size == 16 * 4


def test_the_tool_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints words or JSON, refuses what is no id, and ends with 1 where a place could not be reached."""
    folder = tmp_path / "sidecar"
    assert main(["--folder", str(folder), "--document", "d-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calculation_log"] == 0
    assert not folder.exists()
    log = CalculationLog(folder, 10**6, 2)
    log.append([line(1, "d-1"), line(2, "d-2")])
    assert main(["--folder", str(folder), "--document", "d-1", "--dry-run"]) == 0
    assert "1 lines of the calculation log" in capsys.readouterr().out
    assert main(["--folder", str(folder), "--document", ""]) == 2
    assert main(["--folder", str(folder)]) == 2
    assert "an id is empty" in capsys.readouterr().err
    relay = folder / "spool" / "relay-0"
    relay.mkdir(parents=True)
    (relay / "0000000000000001.segment").write_bytes(b"SLSPOOL\n")
    assert main(["--folder", str(folder), "--document", "d-1", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["calculation_log"] == 1
    assert "account cannot be read" in report["left"][0]["reason"]


def test_names_that_redaction_gave_are_forgotten_as_well(tmp_path: Path) -> None:
    """Where ids leave the sidecar as keyed hashes, the log holds these; they go with the ids."""
    (tmp_path / "redaction.key").write_bytes(bytes(32))
    hashed = forget(tmp_path, Wanted.of({"document": ["d-1"]}), dry_run=True)["names"]["document"][0]
    log = CalculationLog(tmp_path, 10**6, 2)
    log.append([line(1, hashed), line(2, "d-2")])
    assert forget(tmp_path, Wanted.of({"document": ["d-1"]}))["calculation_log"] == 1
    log.append([line(3, hashed)])
    assert hashed.encode() not in (tmp_path / "calculations.jsonl").read_bytes()
