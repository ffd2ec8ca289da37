"""The generated corpus."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from google.protobuf.json_format import ParseDict

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.corpus import KINDS, generate
from scorelens_scorer.training.recipes import MEDIA_TAGS, OFFER_TAGS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MADE = list(generate(1500, 5, NOW))


def test_the_same_seed_makes_the_same_corpus() -> None:
    """Seed, count and time decide everything; another seed makes other documents."""
    assert list(generate(1500, 5, NOW)) == MADE
    assert [one["id"] for one in generate(20, 6, NOW)] != [one["id"] for one in MADE[:20]]


def test_documents_have_the_fields_of_the_contract() -> None:
    """Every document parses as a Document once its truth is taken off, and ids are unique."""
    for made in MADE:
        document = ParseDict({name: value for name, value in made.items() if name != "truth"}, Document())
        assert document.kind in KINDS
        assert document.text or document.events
    assert len({made["id"] for made in MADE}) == len(MADE)


def test_truth_names_tags_of_the_models() -> None:
    """Documents have tags that the models know, each of them somewhere, and some documents have none."""
    known = {tag.id for tag in (*MEDIA_TAGS, *OFFER_TAGS)}
    assert {tag for made in MADE for tag in made["truth"]} == known
    assert any(not made["truth"] for made in MADE)


def test_everything_was_published_in_the_weeks_before_now() -> None:
    """No document and no event is later than now, and the oldest document is some weeks old."""
    times = [datetime.fromisoformat(made["published_time"]) for made in MADE]
    events = [datetime.fromisoformat(event["time"]) for made in MADE for event in made.get("events", ())]
    assert max(times + events) <= NOW
    assert timedelta(weeks=3) < NOW - min(times) < timedelta(weeks=7)


def test_documents_vary() -> None:
    """There are short tweets and long articles, several languages, emoji, and audiences with a heavy tail."""
    words = [len(made.get("text", "").split()) for made in MADE]
    assert min(word for word in words if word) < 5
    assert max(words) > 350
    assert len({made.get("language") for made in MADE}) > 4
    assert any("🙄" in made.get("text", "") or "😡" in made.get("text", "") for made in MADE)
    audiences = sorted(made.get("audience", 0) for made in MADE)
    assert audiences[-1] > 100 * audiences[len(audiences) // 2] > 0


def test_events_are_in_order_and_balances_follow() -> None:
    """Events are oldest first, and each balance is the one before plus the amount."""
    for made in MADE:
        events = made.get("events", ())
        money = [event for event in events if "balance" in event]
        for before, after in pairwise(money):
            assert abs(before["balance"] + after["amount"] - after["balance"]) < 0.02


def test_the_command_writes_one_json_object_per_line() -> None:
    """`python -m scorelens_scorer.corpus` writes what `generate` yields."""
    command = [sys.executable, "-m", "scorelens_scorer.corpus", "--count", "20", "--seed", "5"]
    written = subprocess.run([*command, "--now", "2026-03-01T12:00:00+0000"], capture_output=True, check=True)
    assert [json.loads(line) for line in written.stdout.splitlines()] == list(generate(20, 5, NOW))
