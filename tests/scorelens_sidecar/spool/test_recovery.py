"""What a restart makes of what a kill, a power cut or a bad disk left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_sidecar.recorder import DropReason
from scorelens_sidecar.spool.counters import APPENDED, NOTHING
from scorelens_sidecar.spool.format import SEGMENT_HEADER_SIZE
from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_sidecar.spool.recovery import reconcile
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spool.making import (
    DESTINATION,
    account_of,
    make_call,
    make_settings,
    number_of,
    read_all,
    segments,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a spool folder that does not exist yet."""
    return tmp_path / "relay-0"


def reopen(folder: Path) -> dict[str, int]:
    """Let a new writer recover a folder; return the account it comes to."""
    writer = SpoolWriter(folder, make_settings())
    counts = writer.counts
    writer.close()
    return counts


def fill(folder: Path, records: int) -> None:
    """Append records, with four other calls seen before them, and end cleanly."""
    writer = SpoolWriter(folder, make_settings())
    writer.drop(DropReason.MEMORY, 3)
    writer.sample_out()
    for number in range(records):
        writer.append([make_call(number)])
    writer.close()


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_kill_between_write_and_count_is_made_up(appended: int, dropped: int, written: int) -> None:
    """Records on disk that were not counted are counted, and nothing else changes."""
    counts = list(NOTHING)
    counts[APPENDED], counts[-2] = appended, dropped
    found = reconcile(tuple(counts), appended + dropped + written, appended + written)
    counts[APPENDED] += written
    assert found == tuple(counts)
    assert reconcile(found, appended + dropped + written, appended + written) == found


@pytest.mark.parametrize("torn", [1, 11, 12, 150])
def test_a_torn_end_is_cut_off(folder: Path, torn: int) -> None:
    """Part of a record at the end goes, every whole one stays, and numbers continue."""
    fill(folder, 5)
    path = segments(folder)[-1]
    whole = path.read_bytes()
    size = (len(whole) - SEGMENT_HEADER_SIZE) // 5
    path.write_bytes(whole + whole[-size:][:torn])
    assert reopen(folder)["seen"] == 9
    assert path.read_bytes() == whole
    assert len(read_all(SpoolReader(folder, DESTINATION))) == 5


def test_a_bit_that_flipped_in_the_last_segment_costs_one_record(folder: Path) -> None:
    """Good records behind a damaged one are not cut off with it."""
    fill(folder, 5)
    path = segments(folder)[-1]
    data = bytearray(path.read_bytes())
    data[SEGMENT_HEADER_SIZE + 60] ^= 1
    path.write_bytes(data)
    assert reopen(folder)["seen"] == 9
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [1, 2, 3, 4]
    account = account_of(folder)
    assert (account.dropped["damaged"], account.dropped["memory"], account.adds_up) == (1, 3, True)


@pytest.mark.parametrize("account", [b"", b"rubbish", bytes(4096), None])
def test_a_lost_account_is_made_of_the_segments(folder: Path, account: bytes | None) -> None:
    """Without a readable account the numbers in the segments say what was seen; what they cannot say is damaged."""
    fill(folder, 5)
    if account is None:
        (folder / "account").unlink()
    else:
        (folder / "account").write_bytes(account)
    counts = reopen(folder)
    assert (counts["seen"], counts["appended"], counts["damaged"]) == (9, 5, 4)
    assert len(read_all(SpoolReader(folder, DESTINATION))) == 5
    assert account_of(folder).adds_up


def test_the_last_header_remembers_the_reasons(folder: Path) -> None:
    """A lost account is made up from the newest header, which has the counts of its time."""
    fill(folder, 5)
    reopen(folder)
    (folder / "account").unlink()
    counts = reopen(folder)
    assert (counts["memory"], counts["sampled_out"], counts["damaged"]) == (3, 1, 0)


def test_records_that_a_power_cut_took_are_counted(folder: Path) -> None:
    """Records that were counted and are gone are damaged for a destination that did not have them."""
    fill(folder, 5)
    path = segments(folder)[-1]
    size = (path.stat().st_size - SEGMENT_HEADER_SIZE) // 5
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 2 * size)
    writer = SpoolWriter(folder, make_settings())
    writer.append([make_call(9)])
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [0, 1, 2, 9]
    account = account_of(folder)
    assert (account.seen, account.dropped["damaged"], account.adds_up) == (10, 2, True)
    writer.close()


def test_numbers_that_a_destination_passed_are_not_given_again(folder: Path, tmp_path: Path) -> None:
    """New records are not taken for old when a power cut took records that a destination has, and their account."""
    fill(folder, 2)
    shutil.copytree(folder, tmp_path / "before")
    writer = SpoolWriter(folder, make_settings())
    for number in range(2, 6):
        writer.append([make_call(number)])
    reader = SpoolReader(folder, DESTINATION)
    read_all(reader)
    reader.close()
    writer.close()
    for path in [*segments(folder), folder / "account"]:
        path.unlink()
    for path in [*segments(tmp_path / "before"), tmp_path / "before" / "account"]:
        shutil.copy(path, folder)
    writer = SpoolWriter(folder, make_settings())
    writer.append([make_call(7)])
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [7]
    account = account_of(folder)
    assert (account.acknowledged, account.adds_up) == (7, True)
    writer.close()


@pytest.mark.parametrize("left", [0, 1, 50])
def test_a_segment_that_was_only_begun_does_no_harm(folder: Path, left: int) -> None:
    """A kill while a segment is made leaves part of a header, which is passed over."""
    fill(folder, 3)
    last = segments(folder)[-1]
    (folder / f"{int(last.stem) + 1:016d}.segment").write_bytes(last.read_bytes()[:left])
    reader = SpoolReader(folder, DESTINATION)
    assert len(reader.read(10, 10**6)) == 3
    writer = SpoolWriter(folder, make_settings())
    writer.append([make_call(3)])
    assert [number_of(each) for each in reader.read(10, 10**6)] == [3]
    assert account_of(folder).adds_up
    writer.close()


def test_a_tail_of_zeros_is_cut_off(folder: Path) -> None:
    """The zeros that some file systems leave after a power cut are no records."""
    fill(folder, 3)
    with segments(folder)[-1].open("ab") as file:
        file.write(bytes(5000))
    assert reopen(folder)["appended"] == 3
    assert len(read_all(SpoolReader(folder, DESTINATION))) == 3
