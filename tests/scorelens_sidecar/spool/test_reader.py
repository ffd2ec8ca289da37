"""The reading end: resuming, limits, several destinations, expiry, damage and cleaning up."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_sidecar.spool.cleanup import cleanup
from scorelens_sidecar.spool.cursor import cursor_path
from scorelens_sidecar.spool.errors import SpoolLockedError
from scorelens_sidecar.spool.format import SEGMENT_HEADER_SIZE
from scorelens_sidecar.spool.reader import SpoolReader
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

OTHER = "https://collector.example:4317"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a spool folder that does not exist yet."""
    return tmp_path / "relay-0"


def fill(folder: Path, records: int, size: int = 100, age: float = 0.0, segment_bytes: int = 2000) -> SpoolWriter:
    """Append records, a few to a segment, and return the writer."""
    writer = SpoolWriter(folder, make_settings(segment_bytes=segment_bytes))
    for number in range(records):
        assert writer.append([make_call(number, size, age)])
    return writer


def numbers_left(folder: Path, destination: str = DESTINATION) -> list[int]:
    """Read all that is left for a destination."""
    reader = SpoolReader(folder, destination)
    numbers = [number_of(record) for record in read_all(reader)]
    reader.close()
    return numbers


def flip(path: Path, place: int) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def test_nothing_is_read_before_anything_is_written(folder: Path) -> None:
    """A reader may come before the writer; it waits."""
    reader = SpoolReader(folder, DESTINATION)
    assert reader.read(10, 1000) == []
    fill(folder, 3).close()
    assert [number_of(each) for each in reader.read(10, 10**6)] == [0, 1, 2]


def test_a_restarted_reader_resumes_behind_the_acknowledged(folder: Path) -> None:
    """What was read and not acknowledged is read again; what was acknowledged is not."""
    fill(folder, 30).close()
    reader = SpoolReader(folder, DESTINATION)
    records = reader.read(20, 10**6)
    reader.acknowledge(records[11].position, rejected=2, dead=1)
    reader.close()
    assert numbers_left(folder) == list(range(12, 30))
    account = account_of(folder)
    assert (account.acknowledged, account.rejected, account.dead_letters) == (30, 2, 1)


def test_reading_goes_on_and_rewinds(folder: Path) -> None:
    """Each record is handed out once, until it is asked for again."""
    fill(folder, 10).close()
    reader = SpoolReader(folder, DESTINATION)
    assert [number_of(each) for each in reader.read(4, 10**6) + reader.read(4, 10**6)] == list(range(8))
    reader.rewind()
    assert number_of(reader.read(1, 10**6)[0]) == 0


def test_limits_hold_but_one_record_always_passes(folder: Path) -> None:
    """A read returns no more records and bytes than asked, except a single record that is larger."""
    fill(folder, 20, size=1000, segment_bytes=10**6).close()
    reader = SpoolReader(folder, DESTINATION)
    assert len(reader.read(3, 10**6)) == 3
    records = reader.read(100, 5000)
    assert len(records) == 4
    assert sum(record.size for record in records) <= 5000
    assert [number_of(each) for each in reader.read(100, 1)] == [7]


def test_acknowledging_twice_counts_once(folder: Path) -> None:
    """A position that was passed already changes no count."""
    fill(folder, 5).close()
    reader = SpoolReader(folder, DESTINATION)
    records = reader.read(5, 10**6)
    for record in (records[3], records[1], records[3]):
        reader.acknowledge(record.position, dead=1)
    account = account_of(folder)
    assert (account.acknowledged, account.dead_letters, account.spooled, account.adds_up) == (4, 1, 1, True)


def test_a_second_reader_for_a_destination_is_refused(folder: Path) -> None:
    """Two shippers do not send the same records to one receiver; another destination is free."""
    reader = SpoolReader(folder, DESTINATION)
    with pytest.raises(SpoolLockedError, match="another shipper"):
        SpoolReader(folder, DESTINATION)
    SpoolReader(folder, OTHER).close()
    reader.close()
    SpoolReader(folder, DESTINATION).close()


def test_a_record_that_is_being_written_waits(folder: Path) -> None:
    """Bytes behind the last counted record are not looked at, whether whole or torn."""
    writer = fill(folder, 3, segment_bytes=10**6)
    path = segments(folder)[-1]
    whole = path.read_bytes()
    record = whole[SEGMENT_HEADER_SIZE:][: (len(whole) - SEGMENT_HEADER_SIZE) // 3]
    reader = SpoolReader(folder, DESTINATION)
    for torn in (record[:5], record[:-1], record):
        path.write_bytes(whole + torn)
        assert len(reader.read(10, 10**6)) == 3
        reader.rewind()
    path.write_bytes(whole)
    writer.append([make_call(3)])
    assert len(reader.read(10, 10**6)) == 4
    writer.close()


def test_segments_go_when_all_destinations_have_them(folder: Path) -> None:
    """The slower destination decides, and the live segment stays."""
    writer = fill(folder, 40)
    count = len(segments(folder))
    fast, slow = SpoolReader(folder, DESTINATION), SpoolReader(folder, OTHER)
    read_all(fast)
    assert cleanup(folder, [DESTINATION, OTHER]) == 0
    slow.acknowledge(slow.read(20, 10**6)[-1].position)
    assert 0 < cleanup(folder, [DESTINATION, OTHER]) < count - 1
    read_all(slow)
    cleanup(folder, [DESTINATION, OTHER])
    assert len(segments(folder)) == 1
    for destination in (DESTINATION, OTHER):
        account = account_of(folder, destination)
        assert (account.acknowledged, account.spooled, account.adds_up) == (40, 0, True)
    writer.close()


def test_a_destination_that_has_not_begun_holds_everything(folder: Path) -> None:
    """A named destination without a cursor keeps all segments until it has read them."""
    fill(folder, 40).close()
    read_all(SpoolReader(folder, DESTINATION))
    assert cleanup(folder, [DESTINATION, OTHER]) == 0
    assert numbers_left(folder, OTHER) == list(range(40))


def test_a_removed_destination_holds_nothing(folder: Path) -> None:
    """Segments go without it, and its cursor goes with them."""
    writer = fill(folder, 40)
    gone = SpoolReader(folder, OTHER)
    gone.acknowledge(gone.read(5, 10**6)[-1].position)
    gone.close()
    read_all(SpoolReader(folder, DESTINATION))
    assert cleanup(folder, [DESTINATION]) > 0
    assert not cursor_path(folder, OTHER).exists()
    writer.close()


def test_a_new_destination_starts_at_the_oldest_record(folder: Path) -> None:
    """Its account begins there too, with what was dropped and sampled since."""
    writer = fill(folder, 40)
    read_all(SpoolReader(folder, DESTINATION))
    cleanup(folder, [DESTINATION])
    writer.sample_out(5)
    left = numbers_left(folder, OTHER)
    assert left[-1] == 39
    assert len(left) < 10
    account = account_of(folder, OTHER)
    assert (account.seen, account.sampled_out, account.adds_up) == (len(left) + 5, 5, True)
    writer.close()


def test_old_records_are_given_up(folder: Path) -> None:
    """Records past the age count as expired, for the destination that did not have them, and the young ones stay."""
    writer = fill(folder, 10, age=100)
    for number in range(10, 15):
        writer.append([make_call(number)])
    fast = SpoolReader(folder, OTHER)
    read_all(fast)
    reader = SpoolReader(folder, DESTINATION)
    assert reader.expire(1000) == 0
    assert reader.expire(50) == 10
    assert [number_of(each) for each in reader.read(100, 10**6)] == list(range(10, 15))
    account = account_of(folder)
    assert (account.dropped["expired"], account.spooled, account.adds_up) == (10, 5, True)
    assert account_of(folder, OTHER).dropped["expired"] == 0
    writer.close()


def test_expiry_of_what_is_on_its_way_counts_once(folder: Path) -> None:
    """A batch that expired in part while it was sent is not acknowledged twice."""
    fill(folder, 10, age=100).close()
    reader = SpoolReader(folder, DESTINATION)
    records = reader.read(10, 10**6)
    reader.acknowledge(records[3].position)
    assert reader.expire(50) == 6
    reader.acknowledge(records[9].position)
    account = account_of(folder)
    assert (account.acknowledged, account.dropped["expired"], account.adds_up) == (4, 6, True)


def test_damage_in_an_old_segment_is_counted(folder: Path) -> None:
    """A flipped bit costs one record; the others are read, and the lost one is in the account."""
    writer = fill(folder, 30)
    path = segments(folder)[1]
    flip(path, path.stat().st_size // 2)
    assert len(numbers_left(folder)) == 29
    account = account_of(folder)
    assert (account.acknowledged, account.dropped["damaged"], account.adds_up) == (29, 1, True)
    writer.close()


def test_a_missing_segment_is_counted(folder: Path) -> None:
    """Records of a segment that somebody deleted do not add up, until they are passed and counted as damaged."""
    writer = fill(folder, 30)
    reader = SpoolReader(folder, DESTINATION)
    reader.acknowledge(reader.read(1, 10**6)[0].position)
    in_first = len(segments(folder)[0].read_bytes()) // 280
    segments(folder)[1].unlink()
    left = [number_of(record) for record in read_all(reader)]
    account = account_of(folder)
    assert len(left) == 29 - account.dropped["damaged"]
    assert account.dropped["damaged"] >= in_first
    assert account.adds_up
    writer.close()


def test_damage_with_nothing_behind_it_is_counted(folder: Path) -> None:
    """Damage at the very end is known at once, and passed when the next segment begins."""
    writer = fill(folder, 3, segment_bytes=10**6)
    flip(segments(folder)[0], segments(folder)[0].stat().st_size - 3)
    reader = SpoolReader(folder, DESTINATION)
    assert len(read_all(reader)) == 2
    account = account_of(folder)
    assert (account.dropped["damaged"], account.spooled, account.adds_up) == (1, 0, True)
    writer.close()
    writer = SpoolWriter(folder, make_settings())
    assert reader.read(10, 10**6) == []
    account = account_of(folder)
    assert (account.acknowledged, account.dropped["damaged"], account.spooled, account.adds_up) == (2, 1, 0, True)
    writer.append([make_call(9)])
    assert [number_of(each) for each in reader.read(10, 10**6)] == [9]
    writer.close()


def test_a_damaged_cursor_costs_a_resend(folder: Path) -> None:
    """Without a readable cursor a destination starts again at the oldest record; nothing is lost."""
    writer = fill(folder, 10)
    assert len(numbers_left(folder)) == 10
    flip(cursor_path(folder, DESTINATION), 30)
    assert numbers_left(folder) == list(range(10))
    assert account_of(folder).adds_up
    writer.close()
