"""Records for tests: one builder, and a varied corpus that is the same in every run."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

START = datetime(2026, 11, 20, 22, 15, tzinfo=UTC)

_WORDS = """
refund mortgage still no bank wi-fi can't it’s U.S.A. 3.14 1,000 foo_bar Ärger über große Straße 😀 日本語 คำไทย
naïve CAFÉ İstanbul x² the offer card loan interest rate late again thanks great awful
"""
WORDS = _WORDS.split()
TAGS = ("complaint", "praise", "mortgage", "card-fraud", "brand_acme")


def make(number: int, **parts: Any) -> dict[str, Any]:
    """Return a whole record; `parts` replace its top-level members, None removes them."""
    record: dict[str, Any] = {
        "@timestamp": (START + timedelta(minutes=7 * number, microseconds=number)).isoformat(),
        "schema_version": 1,
        "record": {"id": record_id(number), "type": "document"},
        "purpose": "production",
        "trace": {"id": f"{number:032x}"},
        "span": {"id": f"{number:016x}"},
        "rpc": {"service": "scorelens.v1.Scorer", "method": "Score", "status": "OK", "duration_ms": 1.5 + number % 9},
        "document": {"id": f"d-{number}", "number": 0, "kind": "tweet", "text": "Still no refund", "length": 15},
        "model": {"id": "media-tagger", "version": "1"},
        "tags": [],
        "score": {},
        "labels": {},
        "sampling": {"probability": 1.0},
    }
    record.update(parts)
    return {name: part for name, part in record.items() if part is not None}


def record_id(number: int) -> str:
    """Return a record's id, shaped as the sidecar makes them and in no order."""
    return blake2b(str(number).encode(), digest_size=16).hexdigest()


def corpus(size: int = 120, seed: int = 11) -> list[dict[str, Any]]:
    """Return records of every kind and shape."""
    chance = random.Random(seed)
    return [_varied(number, chance) for number in range(size)]


def _varied(number: int, chance: random.Random) -> dict[str, Any]:
    if number % 17 == 3:
        return _call(number)
    scores = {tag: chance.choice((0.1, 0.5, 0.7, round(chance.random(), 6))) for tag in TAGS if chance.random() < 0.8}
    tags = [tag for tag, score in scores.items() if score >= 0.5]
    return make(
        number,
        **{"@timestamp": (START + timedelta(minutes=41 * (number // 3))).isoformat()},
        purpose=chance.choice(("production", "production", "production", "replay", "test")),
        document=_document(number, chance),
        customer={"id": f"c-{number % 5}"} if chance.random() < 0.4 else None,
        activity=_activity(chance) if chance.random() < 0.2 else None,
        model={"id": chance.choice(("media-tagger", "offer-ranker")), "version": str(number % 3)},
        tags=tags,
        score=scores,
        margin={tag: round(chance.uniform(-9, 9), 3) for tag in scores},
        threshold=dict.fromkeys(scores, 0.5),
        because=[f"{tag}:{chance.choice(('refund', 'still no', 'late'))}" for tag in tags],
        flags=["does_not_add_up"] if chance.random() < 0.1 else [],
        resource={"k8s.pod.name": f"pod-{number % 4}"},
        labels={"verdict": chance.choice(("right", "wrong")), "sure": True} if chance.random() < 0.2 else {},
    )


def _document(number: int, chance: random.Random) -> dict[str, Any]:
    text = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(0, 14)))
    document: dict[str, Any] = {
        "id": f"d-{number // 2}",
        "number": number % 2,
        "kind": chance.choice(("tweet", "chat", "blog", "article", "comment")),
        "title": chance.choice(("", "Refund", "Great offer", "Late again")),
        "text": text,
        "length": len(text),
        "language": chance.choice(("en", "de", "pt-BR")),
        "author": chance.choice(("Ann", "ann", "Bob: the 2nd", "Ж", "a*b")),
        "source_uri": f"https://example.org/{number}?q=a&b",
    }
    if chance.random() < 0.6:
        document["audience"] = chance.choice((0, 10, 1200, 10**12, -5))
    if chance.random() < 0.5:
        document["published_time"] = (START - timedelta(hours=chance.randrange(5000))).isoformat()
    if chance.random() < 0.5:
        document["attributes"] = {"campaign": chance.choice(("x", "xy", "y z")), "dotted.name": "v"}
    return document


def _activity(chance: random.Random) -> dict[str, Any]:
    return {
        "type": ["salary", "card_payment"],
        "amount": [2100.0, -12.5],
        "balance": [None, 3.0],
        "currency": ["EUR", "EUR"],
        "product": ["", chance.choice(("groceries", "loan"))],
        "text": [chance.choice(("loan rate", "thanks late")), "refund card"],
    }


def _call(number: int) -> dict[str, Any]:
    return make(
        number,
        record={"id": record_id(number), "type": "call"},
        rpc={"service": "other.Service", "method": "Do", "status": "UNAVAILABLE", "duration_ms": 250.0},
        call={"end": "reset_by_client", "truncated": ["request"]},
        document=None,
        model=None,
        tags=None,
        score=None,
    )
