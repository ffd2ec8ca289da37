"""Progress of long work: a bar where somebody watches, lines where a command is told to say them, else nothing."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scorelens_client import Client
from scorelens_client.sdk import progress
from scorelens_client.sdk.progress import watched
from scorelens_store.open import open_store
from tests.scorelens_store.records import make


def test_lines_say_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody watches, a line now and then has the count, the share, the rate and the time left."""
    monkeypatch.setattr(progress, "EVERY", -1)
    monkeypatch.setattr(progress, "NOTE_EVERY", -1)
    said: list[str] = []
    assert list(watched(range(4), 8, "writing", "records", said.append)) == [0, 1, 2, 3]
    assert len(said) == 4
    assert re.fullmatch(r"writing: 3 of 8 records so far \(38%, [\d,]+/s, about \d+:\d\d min left\)", said[2]), said


def test_more_than_expected_is_no_more_than_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives between counting and reading does not make a share of more than all."""
    monkeypatch.setattr(progress, "EVERY", -1)
    monkeypatch.setattr(progress, "NOTE_EVERY", -1)
    said: list[str] = []
    list(watched(range(3), 1, "writing", "records", said.append))
    assert "3 of 3 records so far (100%" in said[-1]


def test_nobody_is_told_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without somebody to tell, nothing is printed."""
    assert list(watched(range(3), 3, "scanning", "records")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let standard error be a terminal; yield what reads it."""
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w", buffering=1) as file:
        monkeypatch.setattr(sys, "stderr", file)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("TERM", "xterm")
        yield reader
    os.close(reader)


def test_a_scan_shows_a_bar_with_its_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, progress=True draws a bar with share, count and rate."""
    store = open_store(tmp_path / "store")
    store.put([make(number) for number in range(30)])
    store.close()
    with Client(store=tmp_path / "store") as client, terminal(monkeypatch) as reader:
        assert len(list(client.scan(progress=True))) == 30
        sys.stderr.flush()
        shown = os.read(reader, 100_000).decode()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "scanning" in plain
    assert re.search(r"100% 30 records [\d,]+/s", plain)
