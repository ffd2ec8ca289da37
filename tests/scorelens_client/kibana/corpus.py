"""Records of a small system at work, in which every panel has something to show."""

from __future__ import annotations

import random
from typing import Any

from scorelens_client.kibana.view import KibanaView
from tests.scorelens_store.records import make, record_id

TITLES = {
    "complaint": "Complaint",
    "card-fraud": "Card fraud",
    "positive": "Positive",
    "negative": "Negative",
    "brand_acme": "Acme",
    "offer_savings": "Savings account",
}
GROUPS = {"positive": "sentiment", "negative": "sentiment", "brand_acme": "brand", "offer_savings": "offer"}
THRESHOLDS = {tag: 0.4 if tag == "complaint" else 0.5 for tag in TITLES}
VIEW = KibanaView(
    tags=tuple(TITLES), console_url="https://console.example/", groups=GROUPS, titles=TITLES, thresholds=THRESHOLDS
)


def records(size: int = 240, seed: int = 5) -> list[dict[str, Any]]:
    """Return documents of two models in two versions each, and calls that failed."""
    chance = random.Random(seed)
    return [_call(number) if number % 12 == 7 else _document(number, chance) for number in range(size)]


def letters() -> dict[str, dict[str, Any]]:
    """Return dead letters as an indexer shows them: one that names its document, and one that cannot."""
    common = {"@timestamp": "2026-11-22T10:00:00Z", "bytes": 1200, "indexer": {"id": "one"}}
    ids = {name: {"id": f"{name}-1"} for name in ("record", "document", "trace", "span")}
    reason = "scorelens.tag.probability is no list of numbers"
    return {"a": {**common, **ids, "reason": reason}, "b": {**common, "reason": "the span has no start"}}


def _document(number: int, chance: random.Random) -> dict[str, Any]:
    offering = number % 4 == 0
    wanted = [tag for tag in TITLES if tag.startswith("offer_") == offering]
    scores = {tag: round(chance.random(), 4) for tag in wanted}
    scores["offer_savings" if offering else "complaint"] = (0.52, 0.42, 0.38)[number % 3]
    tags = [tag for tag, score in scores.items() if score >= THRESHOLDS[tag]] if number % 11 else []
    return make(
        number,
        document={
            "id": f"d-{number}",
            "number": number % 2,
            "kind": "activity" if offering else chance.choice(("tweet", "blog")),
            "text": "Still no refund",
            "length": 15 + number,
            "language": "en",
            "source": chance.choice(("support chat", "https://example.org/a?b=c")),
            "audience": 10 * number,
        },
        customer={"id": f"c-{number % 9}"} if offering else None,
        model={"id": "offer-ranker" if offering else "media-tagger", "version": str(1 + number % 3 // 2)},
        tags=tags,
        titles={tag: TITLES[tag] for tag in scores},
        groups={tag: GROUPS.get(tag, "topic") for tag in scores},
        score=scores,
        margin={tag: round(score - 0.5, 4) for tag, score in scores.items()},
        threshold={tag: THRESHOLDS[tag] for tag in scores},
        because=[f"{tag}:{chance.choice(('refund', 'still no'))}" for tag in tags],
        flags=["text_truncated"] if number % 10 == 1 else ["does_not_add_up"] if number % 10 == 2 else [],
        deployment={"environment": {"name": "test"}},
    )


def _call(number: int) -> dict[str, Any]:
    return make(
        number,
        record={"id": record_id(number), "type": "call"},
        rpc={"service": "scorelens.v1.Scorer", "method": "Score", "status": "UNAVAILABLE", "duration_ms": 250.0},
        call={"end": "reset_by_client", "truncated": ["request"]},
        document=None,
        model=None,
        tags=None,
        score=None,
    )
