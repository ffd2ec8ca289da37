"""The writing end: quota, reservations, disks that refuse, and who may open the folder."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_sidecar.recorder import DropReason
from scorelens_sidecar.spool.cleanup import cleanup
from scorelens_sidecar.spool.errors import SpoolError, SpoolLockedError
from scorelens_sidecar.spool.quota import bytes_on_disk
from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spool.making import (
    DESTINATION,
    ROOT,
    account_of,
    make_call,
    make_settings,
    number_of,
    read_all,
    segments,
    wait_until,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a spool folder that does not exist yet."""
    return tmp_path / "spool" / "relay-0"


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file of this process grow beyond 50,000 bytes, which is a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_appended_is_read_in_order(folder: Path) -> None:
    """Records come out as they went in, across segments."""
    writer = SpoolWriter(folder, make_settings(segment_bytes=5000))
    for first in range(0, 100, 5):
        assert writer.append([make_call(first + each, 300) for each in range(5)])
    assert [number_of(record) for record in read_all(SpoolReader(folder, DESTINATION))] == list(range(100))
    assert len(segments(folder)) > 5
    writer.close()


def test_only_the_owner_can_look(folder: Path) -> None:
    """Folders are closed and files private, whatever the umask says and whoever made the folder before."""
    folder.mkdir(mode=0o755, parents=True)
    before = os.umask(0)
    try:
        writer = SpoolWriter(folder, make_settings())
        SpoolReader(folder, DESTINATION)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    writer.close()


def test_a_second_writer_is_refused(folder: Path) -> None:
    """One folder has one writer; the text names the folder, and a closed writer makes room."""
    writer = SpoolWriter(folder, make_settings())
    with pytest.raises(SpoolLockedError, match=f"another relay already uses {folder}"):
        SpoolWriter(folder, make_settings())
    writer.close()
    SpoolWriter(folder, make_settings()).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the folder's place stops the start with a text that names it."""
    (tmp_path / "spool").write_text("")
    with pytest.raises(SpoolError, match=f"{tmp_path / 'spool'}"):
        SpoolWriter(tmp_path / "spool" / "relay-0", make_settings())


def test_a_full_spool_drops_the_newest(folder: Path) -> None:
    """At the quota new records are counted and dropped, and the disk holds no byte more than the quota."""
    writer = SpoolWriter(folder, make_settings(spool_bytes=100_000))
    kept = sum(writer.append([make_call(number, 900)]) for number in range(200))
    assert 0 < kept < 200
    assert bytes_on_disk(folder) <= 100_000
    account = account_of(folder)
    assert (account.seen, account.spooled, account.dropped["quota"]) == (200, kept, 200 - kept)
    assert account.adds_up
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == list(range(kept))
    writer.close()


def test_a_batch_that_fits_in_part_is_kept_in_part(folder: Path) -> None:
    """Of a batch at the quota's edge, what fits is kept and the rest counted."""
    writer = SpoolWriter(folder, make_settings(spool_bytes=100_000))
    assert not writer.append([make_call(number, 900) for number in range(200)])
    account = account_of(folder)
    assert account.spooled > 80
    assert account.spooled + account.dropped["quota"] == 200
    writer.close()


def test_room_comes_back_when_segments_are_deleted(folder: Path) -> None:
    """After a full spool was read and cleaned by another process, appending goes on by itself."""
    writer = SpoolWriter(folder, make_settings(spool_bytes=100_000))
    while writer.append([make_call(0, 900)]):
        pass
    reader = SpoolReader(folder, DESTINATION)
    read_all(reader)
    assert cleanup(folder, [DESTINATION]) > 0
    wait_until(lambda: writer.append([make_call(1, 900)]))
    assert account_of(folder).adds_up
    writer.close()


def test_a_full_spool_never_blocks_itself(folder: Path) -> None:
    """A quota smaller than a segment still frees room, because the live segment is ended early."""
    writer = SpoolWriter(folder, make_settings(spool_bytes=40_000, segment_bytes=2**26))
    reader = SpoolReader(folder, DESTINATION)
    for number in range(200):
        wait_until(lambda number=number: writer.append([make_call(number, 8000)]))  # type: ignore[misc]
        read_all(reader)
        cleanup(folder, [DESTINATION])
    writer.close()


def test_reservations_share_the_quota(folder: Path) -> None:
    """What is set aside is not given twice, comes back when released, and may be used by appends."""
    writer = SpoolWriter(folder, make_settings(spool_bytes=100_000))
    assert writer.reserve(60_000)
    assert not writer.reserve(60_000)
    assert writer.append([make_call(1, 50_000)])
    writer.release(60_000)
    assert writer.reserve(40_000)
    assert not writer.reserve(20_000)
    writer.close()


def test_every_fate_is_counted(folder: Path) -> None:
    """Drops and samples use up sequence numbers, so that a record's number tells how many were seen before it."""
    writer = SpoolWriter(folder, make_settings())
    writer.append([make_call(0)])
    writer.drop(DropReason.MEMORY, 4)
    writer.sample_out(3)
    writer.append([make_call(1)])
    records = SpoolReader(folder, DESTINATION).read(10, 10**6)
    assert [record.sequence for record in records] == [0, 8]
    account = account_of(folder)
    assert (account.seen, account.spooled, account.dropped["memory"], account.sampled_out) == (9, 2, 4, 3)
    writer.close()


def test_the_account_goes_on_after_a_restart(folder: Path) -> None:
    """A new writer continues numbers and counts where the last one stopped."""
    for round_number in range(4):
        writer = SpoolWriter(folder, make_settings())
        writer.append([make_call(round_number)])
        writer.sample_out()
        writer.close()
    records = SpoolReader(folder, DESTINATION).read(10, 10**6)
    assert [record.sequence for record in records] == [0, 2, 4, 6]
    assert account_of(folder).seen == 8


def test_a_disk_that_is_full_drops_and_goes_on(folder: Path, small_files: None) -> None:
    """Short writes and refused ones are counted, leave no torn bytes, and end when there is room again."""
    writer = SpoolWriter(folder, make_settings())
    kept = [number for number in range(100) if writer.append([make_call(number, 900)])]
    account = account_of(folder)
    assert 30 < len(kept) < 60
    assert (account.seen, account.spooled, account.dropped["disk"]) == (100, len(kept), 100 - len(kept))
    assert account.adds_up
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    assert writer.append([make_call(100, 900)])
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [*kept, 100]
    assert account_of(folder).dropped["damaged"] == 0
    writer.close()


def test_a_batch_on_a_full_disk_is_kept_in_part(folder: Path, small_files: None) -> None:
    """Of a batch that no longer fits the disk, the records that fit are kept."""
    writer = SpoolWriter(folder, make_settings())
    assert not writer.append([make_call(number, 900) for number in range(100)])
    account = account_of(folder)
    assert account.spooled > 30
    assert account.spooled + account.dropped["disk"] == 100
    writer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root; run the tests as root to try it")
def test_a_full_file_system_harms_neither_end(tmp_path: Path) -> None:
    """With ENOSPC the writer drops and counts, the reader's cursor still moves, and cleaning makes room again."""
    folder = tmp_path / "disk" / "relay"
    folder.parent.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder.parent], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        writer = SpoolWriter(folder, make_settings(segment_bytes=50_000))
        reader = SpoolReader(folder, DESTINATION)
        kept = sum(writer.append([make_call(number, 2000)]) for number in range(300))
        assert writer.counts["disk"] == 300 - kept > 0
        assert len(read_all(reader)) == kept
        assert account_of(folder).acknowledged == kept
        assert cleanup(folder, [DESTINATION]) > 0
        wait_until(lambda: writer.append([make_call(1000, 2000)]))
        assert account_of(folder).adds_up
        writer.close()
    finally:
        subprocess.run(["umount", "-l", folder.parent], check=True)


def test_a_record_that_cannot_be_written_is_counted(folder: Path) -> None:
    """A record with a value of a wrong type costs itself, not the call, and not its neighbours."""
    writer = SpoolWriter(folder, make_settings())
    broken = make_call(1)._replace(path=None)  # type: ignore[arg-type]
    assert not writer.append([make_call(0), broken, make_call(2)])
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [0, 2]
    assert account_of(folder).dropped["disk"] == 1
    writer.close()


def test_a_batch_of_any_length_is_one_append(folder: Path) -> None:
    """More records than one gathered write takes are appended all the same."""
    writer = SpoolWriter(folder, make_settings())
    assert writer.append([make_call(number, 10) for number in range(3000)])
    assert account_of(folder).spooled == 3000
    writer.close()


@pytest.mark.parametrize("fsync", ["always", "10ms"])
def test_records_are_forced_to_disk(folder: Path, fsync: str) -> None:
    """Each way of syncing keeps records readable across segments, and closes every file."""
    before = len(list(Path("/dev/fd").iterdir()))
    writer = SpoolWriter(folder, make_settings(fsync=fsync, segment_bytes=3000))
    for number in range(50):
        assert writer.append([make_call(number, 500)])
    writer.close()
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert account_of(folder).spooled == 50


def test_a_closed_writer_takes_nothing(folder: Path) -> None:
    """Appending, counting and closing after the close do no harm and change nothing."""
    writer = SpoolWriter(folder, make_settings())
    writer.append([make_call(0)])
    writer.close()
    writer.close()
    assert not writer.append([make_call(1)])
    writer.sample_out()
    assert account_of(folder).seen == 1


def test_checksums_in_python_work_and_are_told(folder: Path) -> None:
    """Without the compiled checksum the same bytes are written, and a log line says that it is slow."""
    text = (
        "import sys, warnings, logging, pathlib; warnings.simplefilter('ignore'); logging.basicConfig();"
        "sys.modules['google_crc32c._crc32c'] = None;"
        "from tests.scorelens_sidecar.spool.making import make_call, make_settings;"
        "from scorelens_sidecar.spool.writer import SpoolWriter;"
        "writer = SpoolWriter(pathlib.Path(sys.argv[1]), make_settings()); writer.append([make_call(5)])"
    )
    ended = subprocess.run([sys.executable, "-c", text, folder], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "many times slower" in ended.stderr
    assert [number_of(each) for each in read_all(SpoolReader(folder, DESTINATION))] == [5]
