"""What listings and snippets print."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from scorelens_client.commands.status import print_status, sum_table
from scorelens_client.listing import print_hit, print_listing
from scorelens_store.contract import Hit

RECORD: dict[str, Any] = {
    "@timestamp": "2026-11-22T10:00:00.123456Z",
    "record": {"id": "5f0c", "type": "document"},
    "document": {
        "id": "d-17",
        "kind": "tweet",
        "title": "",
        "text": "Still no refund \x1b]0;title\x07" + "word " * 100,
        "audience": 1200,
    },
    "titles": {"complaint": "Complaint"},
    "tags": ["praise", "complaint"],
    "score": {"complaint": 0.91, "praise": 0.6},
}


def console(width: int) -> Console:
    """Return a console that keeps what it prints."""
    return Console(file=io.StringIO(), width=width, highlight=False, markup=False)


def printed(kept: Console) -> str:
    """Return what was printed."""
    assert isinstance(kept.file, io.StringIO)
    return kept.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_listing_fits_its_terminal(width: int) -> None:
    """A row has kind, id and tags in full, the text as far as there is room, and nothing that steers the terminal."""
    kept = console(width)
    print_listing(kept, [RECORD, RECORD])
    text = printed(kept)
    assert max(map(len, text.splitlines())) <= width
    assert "d-17" in text
    assert "Complaint 91%" in text
    assert "\x1b" not in text


def test_a_hit_shows_where_it_matched() -> None:
    """Without colours, the matching words stand between asterisks."""
    kept = console(80)
    print_hit(kept, Hit(RECORD, highlights={"document.text": ["no \x02refund\x03 [bold] for \x02me\x03"]}))
    assert "no **refund** [bold] for **me**" in printed(kept)


def test_a_sum_is_shown_as_a_sum() -> None:
    """An account reads as the sum that it is, and says when it is none."""
    kept = console(120)
    kept.print(sum_table("seen", 1003, {"acknowledged": 1000, "spooled": 3}, adds_up=True))
    kept.print(sum_table("seen", 1004, {"acknowledged": 1000, "spooled": 3}, adds_up=False))
    text = " ".join(printed(kept).split())
    assert "1,003 = 1,000 + 3 adds up" in text
    assert "DOES NOT ADD UP" in text


def test_a_status_of_nothing_is_a_status() -> None:
    """Parts that are down are named, each with the reason."""
    kept = console(80)
    status = {
        "home": "/srv/x",
        "running": False,
        "parts": [],
        "sidecar": None,
        "sidecar_error": "the folder cannot be read",
        "indexer": None,
        "indexer_error": "it does not run",
    }
    print_status(kept, status)
    assert all(part in printed(kept) for part in ("no system runs", "the folder cannot be read", "it does not run"))
