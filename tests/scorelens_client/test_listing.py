"""What listings and snippets print."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from scorelens_client.commands.status import print_status
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


def account(**changes: Any) -> dict[str, Any]:
    """Return an account of the sidecar's."""
    one: dict[str, Any] = {
        "destination": "http://127.0.0.1:4317",
        "configured": True,
        "seen": 1010,
        "acknowledged": 1000,
        "rejected": 0,
        "dead_letters": 2,
        "spooled": 3,
        "dropped": {"quota": 6, "memory": 0},
        "sampled_out": 1,
        "oldest_spooled_age": 0.8,
        "adds_up": True,
    }
    return {"adds_up": True, "relays": [{"destinations": [one | changes]}]}


def status(**changes: Any) -> dict[str, Any]:
    """Return what the status command collects."""
    indexer: dict[str, Any] = dict.fromkeys(
        ("duplicates", "forgotten", "dead_letters", "ignored", "refused", "unmapped_fields", "expired"), 0
    )
    indexer |= {"received": 1_000_000, "stored": 1_000_000, "store": "embedded, /srv/x", "store_available": True}
    return {
        "home": "/srv/x",
        "running": True,
        "parts": [{"name": "scorer", "address": "127.0.0.1:50052", "serving": False}],
        "sidecar": account(),
        "sidecar_error": "",
        "indexer": indexer | {"adds_up": True},
        "indexer_error": "",
    } | changes


@pytest.mark.parametrize("width", [80, 120])
def test_an_account_reads_as_the_sum_that_it_is(width: int) -> None:
    """All parts of both sums are there in full, with the reasons for what was dropped."""
    kept = console(width)
    print_status(kept, status())
    text = " ".join(printed(kept).split())
    assert "1,010 = 1,000 + 3 + 6 + 1" in text
    assert "dropped because of quota: 6" in text
    assert "1,000,000 = 1,000,000 + 0 + 0 + 0 + 0 + 0" in text
    assert "scorer 127.0.0.1:50052 does not answer" in text
    assert "…" not in text
    assert "DOES NOT" not in text


def test_what_retention_removed_is_told_beside_the_sum() -> None:
    """Records that were stored and have gone by age or size since do not look lost."""
    kept, told = console(100), status()
    told["indexer"]["expired"] = 1234
    print_status(kept, told)
    assert "of the stored, removed by age or size since: 1,234" in printed(kept)


def test_an_account_that_does_not_add_up_says_so() -> None:
    """A sum that is wrong is not shown as if it were right."""
    kept = console(100)
    print_status(kept, status(sidecar=account(seen=1011, adds_up=False)))
    assert "http://127.0.0.1:4317: DOES NOT ADD UP" in printed(kept)


def test_a_status_of_nothing_is_a_status() -> None:
    """Parts that are down are named, each with the reason."""
    kept = console(80)
    nothing = {"running": False, "parts": [], "sidecar": None, "indexer": None}
    reasons = {"sidecar_error": "the folder cannot be read", "indexer_error": "it does not run"}
    print_status(kept, status(**nothing, **reasons))
    assert all(part in printed(kept) for part in ("no system runs", "the folder cannot be read", "it does not run"))
