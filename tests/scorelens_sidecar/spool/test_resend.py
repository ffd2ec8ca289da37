"""Acknowledged segments may stay for a while, and be sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_sidecar.resend import main, resend
from scorelens_sidecar.settings import check
from scorelens_sidecar.spool.cleanup import cleanup
from scorelens_sidecar.spool.errors import SpoolError, SpoolLockedError
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.quota import bytes_on_disk
from scorelens_sidecar.spool.reader import SpoolReader
from scorelens_sidecar.spool.segments import segment_numbers
from scorelens_sidecar.spool.writer import SpoolWriter
from tests.scorelens_sidecar.spool.making import (
    DESTINATION,
    account_of,
    make_call,
    make_settings,
    number_of,
    read_all,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a sidecar's folder whose spool has forty acknowledged records in several segments."""
    writer = SpoolWriter(relay_folder(tmp_path), make_settings(segment_bytes=2000))
    for number in range(40):
        assert writer.append([make_call(number)])
    deliver(relay_folder(tmp_path))
    writer.close()
    return tmp_path


def deliver(folder: Path) -> list[int]:
    """Take what is there for the destination."""
    reader = SpoolReader(folder, DESTINATION)
    numbers = [number_of(record) for record in read_all(reader)]
    reader.close()
    return numbers


def test_acknowledged_segments_stay_for_a_while(home: Path) -> None:
    """Within their time and half the spool they stay; without time, or without room, they go."""
    spool = relay_folder(home)
    before = segment_numbers(spool)
    assert cleanup(spool, [DESTINATION], keep=3600.0, most_bytes=2**30) == 0
    size = bytes_on_disk(spool)
    assert 0 < cleanup(spool, [DESTINATION], keep=3600.0, most_bytes=size // 2) < len(before) - 1
    assert bytes_on_disk(spool) <= size // 2
    cleanup(spool, [DESTINATION])
    assert segment_numbers(spool) == before[-1:]


def test_everything_kept_is_sent_again(home: Path) -> None:
    """The destination gets all that is there once more, and its account adds up all the while."""
    spool = relay_folder(home)
    assert resend(home, DESTINATION) == 40
    account = account_of(spool)
    assert (account.seen, account.acknowledged, account.spooled, account.adds_up) == (40, 0, 40, True)
    assert deliver(spool) == list(range(40))
    writer = SpoolWriter(spool, make_settings())
    assert writer.append([make_call(40)])
    writer.close()
    assert deliver(spool) == [40]
    assert account_of(spool).adds_up


def test_after_a_partial_cleanup_the_rest_is_sent_again(home: Path) -> None:
    """What was deleted is not waited for, and the account begins where the kept segments begin."""
    spool = relay_folder(home)
    cleanup(spool, [DESTINATION], keep=3600.0, most_bytes=bytes_on_disk(spool) // 2)
    again = resend(home, DESTINATION)
    assert 0 < again < 40
    assert deliver(spool) == list(range(40 - again, 40))
    assert account_of(spool).adds_up


def test_a_time_leaves_out_what_is_older(home: Path) -> None:
    """Only segments that were live at that time or later are sent; what is not sent yet is never skipped."""
    later = datetime.now(UTC) + timedelta(hours=1)
    last = resend(home, DESTINATION, later)
    assert 0 < last < 40
    assert resend(home, DESTINATION, later - timedelta(days=1)) == 40
    assert resend(home, DESTINATION, later) == 40


def test_it_waits_for_nobody(home: Path) -> None:
    """While a shipper reads for the destination, and for one that is not known, nothing changes."""
    reader = SpoolReader(relay_folder(home), DESTINATION)
    with pytest.raises(SpoolLockedError, match="stop it"):
        resend(home, DESTINATION)
    reader.close()
    with pytest.raises(SpoolError, match=DESTINATION):
        resend(home, "http://other:1")


def test_the_command_says_what_it_did(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for people, an object for pipes, one line on standard error for what is wrong."""
    words = ["--folder", str(home), "--destination", DESTINATION]
    assert main(words) == 0
    assert "gets 40 records" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"destination": DESTINATION, "records": 40}
    assert main([*words[:-1], "nobody"]) == 1
    assert "has no destination 'nobody'" in capsys.readouterr().err


def test_segments_are_not_kept_longer_than_they_may_be_sent() -> None:
    """Keeping records that are too old to be sent is refused."""
    with pytest.raises(SettingError, match="--spool-keep"):
        check(make_settings(spool_keep=10.0, spool_age=5.0))
