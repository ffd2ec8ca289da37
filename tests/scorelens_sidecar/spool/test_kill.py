"""kill -9 of writers and readers at random moments: nothing answered is lost, and the account adds up."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spool.making import (
    DESTINATION,
    account_of,
    kill_after,
    make_settings,
    number_of,
    read_all,
    start,
    wait_until,
)

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("fsync", ["never", "always", "5ms"])
def test_a_killed_writer_loses_nothing_that_was_answered(tmp_path: Path, fsync: str) -> None:
    """After many kills every answered record is there once, and no number was lost or counted twice."""
    folder = tmp_path / "relay"
    chance = random.Random(fsync)
    answered: set[int] = set()
    for round_number in range(6):
        first = round_number * 10_000_000
        before = account_of(folder).seen
        lines = kill_after(start("appending", folder, first, 10**6, fsync), chance.uniform(0, 0.15))
        said = [int(line.split()[1]) for line in lines if line.startswith(b"answered")]
        answered |= set(range(first, said[-1] + 1)) if said else set()
        seen = max([before, *(int(line.split()[1]) for line in lines if line.startswith(b"seen"))])
        writer = SpoolWriter(folder, make_settings(fsync=fsync))
        counts = writer.counts
        writer.close()
        # One step is at most twenty records, three drops and two samples.
        assert seen <= counts["seen"] <= seen + 25
        account = account_of(folder)
        assert account.adds_up
        assert account.seen == counts["seen"]
        assert account.dropped["damaged"] == 0
    numbers = [number_of(record) for record in read_all(SpoolReader(folder, DESTINATION))]
    assert len(numbers) == len(set(numbers))
    assert answered <= set(numbers)
    assert len(numbers) - len(answered) <= 6 * 20
    account = account_of(folder)
    assert (account.acknowledged, account.spooled, account.adds_up) == (len(numbers), 0, True)


def test_killed_readers_and_writers_together(tmp_path: Path) -> None:
    """While both ends are killed again and again, every record is read, resends start at the cursor, and sums hold."""
    folder = tmp_path / "relay"
    chance = random.Random(7)
    read: list[int] = []
    last_acknowledged = -1
    answered: set[int] = set()
    for round_number in range(6):
        first = round_number * 10_000_000
        writer = start("appending", folder, first, 10**6, "never")
        lines = kill_after(start("following", folder, DESTINATION, 7), chance.uniform(0.05, 0.2))
        said = [int(line.split()[1]) for line in kill_after(writer, 0.0) if line.startswith(b"answered")]
        answered |= set(range(first, said[-1] + 1))
        handed = [[int(number) for number in line.split()[1:]] for line in lines if line.startswith(b"read")]
        acknowledged = [int(line.split()[1]) for line in lines if line.startswith(b"acknowledged")]
        if handed:
            assert handed[0][0] > last_acknowledged
            read += [number for batch in handed for number in batch]
        last_acknowledged = max([last_acknowledged, *acknowledged])
        account = account_of(folder)
        assert account.adds_up, account
    writer_again = SpoolWriter(folder, make_settings())
    read += [number_of(record) for record in read_all(SpoolReader(folder, DESTINATION))]
    assert answered <= set(read)
    account = account_of(folder)
    assert (account.spooled, account.dropped["damaged"], account.adds_up) == (0, 0, True)
    assert account.acknowledged == writer_again.counts["appended"]
    assert len(set(read)) == account.acknowledged
    writer_again.close()


def test_the_account_adds_up_at_every_moment(tmp_path: Path) -> None:
    """Whoever asks while one process writes and another reads is told numbers that belong to one moment."""
    folder = tmp_path / "relay"
    writer = start("appending", folder, 0, 8000, "never")
    wait_until(lambda: (folder / "account").exists())
    reader = start("following", folder, DESTINATION, 50, output=subprocess.DEVNULL)
    try:
        accounts = []
        while writer.poll() is None:
            assert writer.stdout
            writer.stdout.read1(2**20)  # type: ignore[attr-defined]
            accounts.append(account_of(folder))
        assert all(account.adds_up for account in accounts), [a for a in accounts if not a.adds_up][:1]
        assert len({account.seen for account in accounts}) > 10
        wait_until(lambda: account_of(folder).spooled == 0)
    finally:
        reader.kill()
        writer.kill()
        for process in (reader, writer):
            process.communicate()
    assert account_of(folder).acknowledged >= 8000
