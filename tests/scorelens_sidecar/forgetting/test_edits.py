"""Replacing records of a spool while others read and write it, and kills in between."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import google_crc32c
import pytest

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_sidecar.calculation_lines import log_lines
from scorelens_sidecar.calculation_log import CalculationLog
from scorelens_sidecar.forget import forget
from scorelens_sidecar.forgetting.wanted import Wanted
from scorelens_sidecar.spans import decode
from scorelens_sidecar.spool.edits import being_replaced, editing, replace_records
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.format import PREFIX
from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_sidecar.spool.segments import Segment, segments_from
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spans.calls import answer_for, captured
from tests.scorelens_sidecar.spool.making import DESTINATION, ROOT, account_of, make_settings, read_all

LIMIT = 2**24


def make_batch(number: int, size: int) -> ScoreRequest:
    """Return a batch of large documents, so that a record takes many pages."""
    documents = [
        Document(id=f"d-{number * size + place}.", kind="tweet", text=f"secret{number * size + place}word " * 500)
        for place in range(size)
    ]
    return ScoreRequest(documents=documents)


def fill(folder: Path, batches: int, size: int = 4) -> None:
    """Spool batches of documents, and log them, as a sidecar does."""
    writer = SpoolWriter(relay_folder(folder), make_settings(segment_bytes=512 * 2**10))
    log = CalculationLog(folder, 10_000, 100, sync=False)
    for number in range(batches):
        request = make_batch(number, size)
        call = captured(number, request.SerializeToString(), answer_for(request).SerializeToString())
        assert writer.append([call])
        log.append(list(log_lines(decode(call, LIMIT))))
    writer.close()


def ids_in(folder: Path) -> list[str]:
    """Return the ids of all documents that a new destination gets, each of whose record is whole."""
    reader = SpoolReader(relay_folder(folder), DESTINATION)
    records = read_all(reader)
    assert reader.cursor.position.damaged == 0
    reader.close()
    return [scored.document.id for record in records for scored in decode(record.call, LIMIT).documents]


@pytest.mark.parametrize("seed", range(2))
def test_a_kill_at_any_moment_costs_no_record_and_the_next_run_finishes(tmp_path: Path, seed: int) -> None:
    """However often the tool is killed, others' documents stay, and what is forgotten in the end is gone."""
    fill(tmp_path, batches=30)
    chance, at = random.Random(seed), 0
    for _ in range(8):
        command = [sys.executable, "-m", "tests.scorelens_sidecar.forgetting.editing", str(tmp_path), str(at), "120"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline()
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        said = process.stdout.read().decode().splitlines()
        process.wait()
        process.stdout.close()
        at += sum(line.startswith("done") for line in said)
        with_rest = [f"d-{number}." for number in range(at + 1, 120)]
        assert [one for one in ids_in(tmp_path) if one != f"d-{at}."] == with_rest
        (relay_folder(tmp_path) / "cursors").joinpath(_cursor_of(tmp_path)).unlink()
    report = forget(tmp_path, Wanted.of({"document": [f"d-{number}." for number in range(at + 1)]}))
    assert report["left"] == []
    assert ids_in(tmp_path) == [f"d-{number}." for number in range(at + 1, 120)]
    assert account_of(relay_folder(tmp_path)).adds_up
    gone = [b"secret%dword" % number for number in range(at + 1)] + [b'"d-%d."' % number for number in range(at + 1)]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in gone if one in content], path
    assert not list(relay_folder(tmp_path).glob("*.edit*"))


def _cursor_of(folder: Path) -> str:
    return next(path.name for path in (relay_folder(folder) / "cursors").glob("*.json"))


def test_a_reader_meets_whole_records_only(tmp_path: Path) -> None:
    """Whoever reads while records are replaced, all the time, reads the old or the new, and passes none over."""
    fill(tmp_path, batches=6)
    relay, told = relay_folder(tmp_path), threading.Event()
    faults: list[list[int]] = []

    def read() -> None:
        while not told.is_set():
            found = [entry.index for segment in segments_from(relay) for entry in segment.entries()]
            if found != list(range(6)):
                faults.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(100):
            with Segment(relay, 1) as segment, editing(relay):
                records = {entry.offset: _other(entry.body, segment, number) for entry in segment.entries()}
                replace_records(segment.path, records)
    finally:
        told.set()
        for reader in readers:
            reader.join()
    assert faults == []


def _other(body: bytes, segment: Segment, number: int) -> bytes:
    kept = max(300, len(body) - 40_000)
    other = body[:kept] + bytes((number % 256,)) * (len(body) - kept)
    assert segment.marker
    return PREFIX.pack(segment.marker, len(other), google_crc32c.value(other)) + other


def test_a_half_replaced_record_is_read_and_then_completed(tmp_path: Path) -> None:
    """What a kill left half written is read from the file beside it; whoever edits next puts it in its place."""
    fill(tmp_path, batches=3)
    relay = relay_folder(tmp_path)
    with Segment(relay, 1) as segment:
        entries = list(segment.entries())
        path = segment.path
        other = _other(entries[1].body, segment, 7)
    whole = path.read_bytes()
    replace_records(path, {entries[1].offset: other})
    replaced = path.read_bytes()
    half = entries[1].offset + len(other) - 1000
    path.write_bytes(replaced[:half] + whole[half:])
    path.with_name(path.name + ".edit").write_bytes(_edit(entries[1].offset, other))
    assert being_replaced(path) == {entries[1].offset: other}
    with Segment(relay, 1) as segment:
        assert [entry.body for entry in segment.entries()] == [entries[0].body, other[PREFIX.size :], entries[2].body]
    SpoolWriter(relay, make_settings()).close()  # a start in between cuts nothing off
    with editing(relay):
        assert path.read_bytes() == replaced
    assert not list(relay.glob("*.edit"))


def _edit(offset: int, record: bytes) -> bytes:
    return offset.to_bytes(8, "little") + len(record).to_bytes(4, "little") + record


def test_an_edit_of_a_segment_that_is_gone_is_dropped(tmp_path: Path) -> None:
    """The shipper may delete a segment at any time; nothing of it is left behind."""
    fill(tmp_path, batches=1)
    relay = relay_folder(tmp_path)
    gone = relay / "0000000000000077.segment"
    with editing(relay):
        replace_records(gone, {0: b"anything"})
    assert not list(relay.glob("*77*"))
