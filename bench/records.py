"""Small made-up records, about 1 KB each as JSON; a number names its record, the same one every time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: Final = ("tweet", "chat", "comment", "article", "blog")
TAGS: Final = ("complaint", "praise", "mortgage", "refund", "fraud", "app", "card", "savings")
_COMMON: Final = "the a to and of in is for on my was with it not at this be have from they we still again when what"
_TOPICS: Final = (
    "refund mortgage rate late helpful branch queue fee card app transfer loan insurance account balance waiting hold "
    "call agent login password blocked fraud phishing savings interest offer letter appointment statement error"
)
COMMON: Final = tuple(_COMMON.split())
TOPICS: Final = tuple(_TOPICS.split())


def record_id(number: int) -> str:
    """Return the id of a record, as spread out as those of the sidecar."""
    return blake2b(number.to_bytes(8, "big"), digest_size=16).hexdigest()


def make(number: int) -> dict[str, Any]:
    """Return a record; records follow each other in time."""
    chance = random.Random(number)
    words = [chance.choice(TOPICS if chance.random() < 0.4 else COMMON) for _ in range(18)]
    words.append(f"case{chance.randrange(2_000_000)}")  # a long tail of rare words, as real text has
    tags = chance.sample(TAGS, 3)
    scores = {tag: round(chance.random(), 6) for tag in tags}
    selected = [tag for tag in tags if scores[tag] >= 0.5]
    text = " ".join(words)
    return {
        "@timestamp": (START + timedelta(milliseconds=250 * number)).isoformat(timespec="milliseconds"),
        "schema_version": 1,
        "record": {"id": record_id(number), "type": "document"},
        "purpose": "production",
        "trace": {"id": f"{number // 20:032x}"},
        "span": {"id": f"{number:016x}"},
        "rpc": {
            "service": "scorelens.v1.Scorer",
            "method": "Score",
            "status": "OK",
            "duration_ms": chance.random() * 9,
        },
        "document": {
            "id": f"d-{number}",
            "kind": KINDS[number % len(KINDS)],
            "text": text,
            "length": len(text),
            "audience": chance.randrange(10_000),
        },
        "customer": {"id": f"c-{chance.randrange(1_000_000)}"},
        "model": {"id": "media-tagger", "version": str(1 + number // 1_000_000)},
        "tags": selected,
        "score": scores,
        "threshold": dict.fromkeys(tags, 0.5),
        "because": [f"{tag}:{word}" for tag in selected for word in chance.sample(TOPICS, 2)],
        "flags": [],
        "labels": {},
        "sampling": {"probability": 1.0},
    }
