"""Old records go, by age and by size, a day at a time, and what arrives too old or from the future is put aside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scorelens_indexer.account import Account, Counts
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.retention import Retention
from scorelens_indexer.time_bounds import TimeBounds
from scorelens_indexer.writer import Writer
from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Selection, Store
from scorelens_store.embedded import open_reader, open_writer
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_indexer.running import running, settings_for
from tests.scorelens_indexer.spans import document, export
from tests.scorelens_indexer.waiting import until
from tests.scorelens_store.records import make

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
EVERYTHING = Selection(Everything(), purposes=(), calls=True)
DAY = 86_400.0


class Parts:
    """A store with its writer and account."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_writer(folder / "store")
        self.writer = Writer(self.store, batch_bytes=10**9, batch_records=10**9)
        self.account = Account(folder / "account")

    def retention(self, keep: float = 0.0, keep_bytes: int = 0) -> Retention:
        """Return the retention of this store."""
        return Retention(self.store, self.writer, self.account, keep, keep_bytes)

    def fill(self, days: int, a_day: int, text: str = "refund") -> None:
        """Put records of the last days."""
        for day in range(days):
            time = NOW.replace(hour=3) - timedelta(days=day)
            self.store.put([_record(day * a_day + number, time, text) for number in range(a_day)])


def _record(number: int, time: datetime, text: str) -> dict[str, object]:
    return make(number, **{"@timestamp": time.isoformat()}, document={"id": f"d-{number}", "text": f"{text} {number}"})


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """Return the parts of an indexer."""
    parts = Parts(tmp_path)
    yield parts
    parts.writer.close()
    parts.store.close()
    parts.account.close()


def test_records_go_by_whole_days(parts: Parts) -> None:
    """What is older than the beginning of the first day that is kept goes, is counted, and nothing goes twice."""
    parts.fill(days=10, a_day=7)
    assert parts.retention(keep=4 * DAY).run(NOW) == 5 * 7
    assert parts.store.count(EVERYTHING) == 5 * 7
    assert parts.store.count(Selection(parse("@timestamp:[* TO 2026-11-17]"))) == 0
    assert parts.retention(keep=4 * DAY).run(NOW) == 0
    assert parts.account.counts() == Counts(expired=5 * 7)


def test_a_removed_record_may_come_again(parts: Parts) -> None:
    """Retention leaves no tombstones and no trace among the known ids."""
    parts.fill(days=3, a_day=2)
    parts.retention(keep=DAY).run(NOW)
    again = _record(5, NOW, "again")
    assert [str(result.outcome) for result in parts.store.put([again])] == ["stored"]


def test_a_store_that_is_too_large_shrinks_on_disk(parts: Parts, tmp_path: Path) -> None:
    """The oldest days go until the folder is within its size, and its files really take less, for readers too."""
    long = " ".join(f"word{number}" for number in range(300))
    parts.fill(days=12, a_day=60, text=long)
    reader = open_reader(tmp_path / "store")
    assert reader.count(EVERYTHING) == 720
    before = parts.store.bytes_on_disk()
    gone = parts.retention(keep_bytes=before // 2).run(NOW)
    assert gone % 60 == 0
    assert 0 < gone < 720
    assert parts.store.bytes_on_disk() <= before // 2
    assert reader.count(EVERYTHING) == 720 - gone
    newest = next(iter(reader.scan(EVERYTHING)))["@timestamp"]
    assert newest == (NOW.replace(hour=3) - timedelta(days=11 - gone // 60)).isoformat()
    reader.close()


def test_a_running_indexer_removes_what_is_old(tmp_path: Path) -> None:
    """Retention runs at the start, and the account tells."""
    store = open_writer(tmp_path / "store")
    old = datetime.now(UTC) - timedelta(days=40)
    store.put([_record(1, old, "old"), _record(2, datetime.now(UTC), "new")])
    with running(tmp_path / "indexer", store, keep="30d") as client:
        until(lambda: client.account().expired == 1)
        until(lambda: store.count(EVERYTHING) == 1)


def test_times_without_a_place_become_dead_letters(tmp_path: Path) -> None:
    """Spans of a wrong clock, and those older than what is kept, are answered for and put aside with the reason."""
    with running(tmp_path / "indexer", open_writer(tmp_path / "store"), keep="30d") as client:
        now = int(datetime.now(UTC).timestamp())
        spans = [document(number) for number in range(1, 6)]
        for span, days in zip(spans, (0, 31, 20 * 365, -3, 0.5), strict=True):
            span.start_time_unix_nano = int((now - days * DAY) * 1e9)
        answer = client.export(export(*spans))
        assert answer.partial_success.rejected_spans == 3
        account = client.account()
        assert (account.received, account.stored, account.dead_letters) == (5, 2, 3)
        client.export(export(*spans))
        assert client.account().duplicates == 5


@pytest.mark.parametrize(("keep", "days", "reason"), [(0, 3700, "ten years"), (0, -2, "ahead"), (90, 92, "--keep")])
def test_the_reason_names_what_is_wrong(keep: float, days: float, reason: str) -> None:
    """Each bound says which it is."""
    now = int(NOW.timestamp() * 1e9)
    bounds = TimeBounds(keep * DAY)
    bounds.check(now, now)
    with pytest.raises(PermanentError, match=reason):
        bounds.check(int(now - days * DAY * 1e9), now)


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        ({"keep": "1h"}, "--keep"),
        ({"keep": "x"}, "--keep"),
        ({"keep_bytes": "1KiB"}, "--keep-bytes"),
        ({"keep_bytes": "1GiB", "store": "http://127.0.0.1:9"}, "--keep-bytes"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(tmp_path: Path, texts: dict[str, str], named: str) -> None:
    """A wrong bound stops the start."""
    with pytest.raises(SettingError, match=named):
        settings_for(tmp_path, **texts)
