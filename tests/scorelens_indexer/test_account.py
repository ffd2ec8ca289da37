"""The account survives restarts, and damage is told."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import zlib
from dataclasses import asdict
from pathlib import Path

import pytest

from scorelens_indexer.account import Account, Counts
from scorelens_runtime.errors import ScorelensError

ONE = Counts(received=7, stored=1, duplicates=1, forgotten=1, dead_letters=1, ignored=1, refused=2, unmapped_fields=9)


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    """What was added before a close is there after it."""
    for round_ in range(1, 4):
        account = Account(tmp_path / "account")
        account.add(ONE)
        assert account.counts().received == 7 * round_
        account.close()


def test_counts_survive_kill_9(tmp_path: Path) -> None:
    """What was added before a kill -9 is there after it, and the sum holds."""
    program = (
        "import sys, pathlib; from scorelens_indexer.account import Account, Counts\n"
        "account = Account(pathlib.Path(sys.argv[1]))\n"
        "while True: account.add(Counts(received=2, stored=1, ignored=1)); print('x', flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path / "account"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(500):
        process.stdout.readline()
    process.kill()
    said = 500 + len(process.stdout.read().split())
    process.wait()
    process.stdout.close()
    counts = Account(tmp_path / "account").counts()
    assert said <= counts.stored <= said + 1
    assert counts.received == counts.stored + counts.ignored


def test_concurrent_additions(tmp_path: Path) -> None:
    """Additions of many threads are all counted."""
    account = Account(tmp_path / "account")

    def add() -> None:
        for _ in range(200):
            account.add(ONE)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asdict(account.counts()) == {name: 1600 * value for name, value in asdict(ONE).items()}
    account.close()


@pytest.mark.parametrize("slot", [0, 512])
def test_a_torn_write_costs_one_export(tmp_path: Path, slot: int) -> None:
    """With one slot torn by a power cut, the other still tells the account but for the last addition at most."""
    path = tmp_path / "account"
    account = Account(path)
    for _ in range(5):
        account.add(ONE)
    account.close()
    with path.open("rb+") as file:
        file.seek(slot + 20)
        file.write(b"\xff\xff\xff")
    assert Account(path).counts().received in (4 * 7, 5 * 7)


def test_a_damaged_account_is_told(tmp_path: Path) -> None:
    """A file that is no account stops the start with its name instead of counting from zero in silence."""
    (tmp_path / "account").write_bytes(os.urandom(2000))
    with pytest.raises(ScorelensError, match=r"account .* is damaged"):
        Account(tmp_path / "account")


def test_an_account_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """Counters that were written before one more was counted are read, and the new one begins at nothing."""
    head = struct.pack("<8sQ8Q", b"SLacct01", 5, 7, 1, 1, 1, 1, 1, 2, 9)
    (tmp_path / "account").write_bytes(head + struct.pack("<I", zlib.crc32(head)))
    account = Account(tmp_path / "account")
    assert account.counts() == ONE
    account.add(Counts(expired=3))
    account.close()
    assert Account(tmp_path / "account").counts() == ONE + Counts(expired=3)
