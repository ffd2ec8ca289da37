"""Several processes on one folder, and ends without warning."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scorelens_store.contract import Outcome, Selection
from scorelens_store.embedded import open_reader, open_writer
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.records import make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)

WRITER = """
    import sys
    from scorelens_store.embedded import open_writer
    from tests.scorelens_store.records import make, record_id

    store = open_writer(sys.argv[1])
    print("open", flush=True)
    for start in range(0, 1_000_000, 20):
        store.put([make(number) for number in range(start, start + 20)])
        store.annotate(record_id(start), {"seen": True})
        print(start + 20, flush=True)
"""


@contextmanager
def writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that writes and says how many records it has put."""
    code = textwrap.dedent(WRITER)
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """Read lines of a process."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("after", [1, 2, 5, 9])
def test_what_was_answered_survives_kill_9(tmp_path: Path, after: int) -> None:
    """Every record whose put returned is there after kill -9, once, and the next writer goes on at once."""
    with writer(tmp_path) as process:
        lines(process, 1 + after)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split() if process.stdout else []
    put = int(rest[-1]) if rest else 20 * after
    store = open_writer(tmp_path)
    ids = [record["record"]["id"] for record in store.scan(EVERYTHING)]
    assert len(ids) == len(set(ids))
    assert set(ids) >= {record_id(number) for number in range(put)}
    assert store.count(Selection(parse("labels.seen:true"))) >= put // 20
    results = store.put([make(number) for number in range(len(ids) + 1)])
    assert [result.outcome for result in results].count(Outcome.STORED) == 1
    assert store.count(EVERYTHING) == len(ids) + 1
    store.close()


def test_readers_see_each_commit_of_another_process(tmp_path: Path) -> None:
    """A reader that was opened before anything was stored follows what another process writes."""
    reader = open_reader(tmp_path)
    assert reader.count(EVERYTHING) == 0
    with writer(tmp_path) as process:
        for said in lines(process, 12)[1:]:
            assert reader.count(EVERYTHING) >= int(said)
            assert reader.get(record_id(int(said) - 1)) is not None
        scanned = sum(1 for _ in reader.scan(EVERYTHING))
        assert scanned >= 220
    reader.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """While one process writes, another that wants to is told so; it may read."""
    with writer(tmp_path) as process:
        lines(process, 2)
        with pytest.raises(StoreUnavailableError, match="another process"):
            open_writer(tmp_path)
        assert open_reader(tmp_path).count(EVERYTHING) >= 20
    open_writer(tmp_path).close()
