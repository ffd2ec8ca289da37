"""Stores that differ in nothing that viewers may see: whatever tells them apart for a viewer is a leak."""

from __future__ import annotations

import random
from typing import Any, Final

from tests.scorelens_console.records import FEATURES, TAGS, record

MODELS: Final = ("media-tagger", "offer-ranker", "secret-model")
SIZE: Final = 90
SECRET: Final = "sekrit"
"""Begins every word that is hidden."""


def twin(hidden: int, same: str = "") -> list[dict[str, Any]]:
    """Return records whose hidden parts are made of the seed `hidden`, and all else is the same for every seed.

    Records of the model `same` are the same for every seed as a whole.
    """
    seen = random.Random(5)
    return [_record(number, seen, hidden, same) for number in range(SIZE)]


def _record(number: int, seen: random.Random, hidden: int, same: str) -> dict[str, Any]:
    model = seen.choice(MODELS)
    unseen = random.Random(f"{number} {0 if model == same else hidden}")
    purpose = seen.choice(("production", "production", "production", "replay"))
    scores = {tag: round(seen.random(), 4) for tag in TAGS}
    made = record(
        number,
        purpose=purpose,
        model={"id": model, "version": str(number % 3), "note": _secret(unseen)},
        score=scores,
        tags=[tag for tag, score in scores.items() if score > 0.5],
        **_hidden(unseen),
    )
    made["document"]["attributes"] = {"campaign": seen.choice(("spring", "autumn"))}
    made["document"]["score"] = {"margin": _number(unseen)}  # as a newer indexer might add
    if seen.random() < 0.3:
        made["customer"] = {"id": f"c-{number % 4}", "segment": _secret(unseen)}
    if seen.random() < 0.2:
        made["activity"] = {"type": ["salary"], "amount": [100.0], "text": ["pay"], "weight": [_number(unseen)]}
    if number % 15 == 7:
        made |= {"record": {"id": made["record"]["id"], "type": "call"}, "call": {"end": _secret(unseen)}}
    return made


def _hidden(unseen: random.Random) -> dict[str, Any]:
    """Return everything that viewers may not see; some of it is not there at times."""
    parts: dict[str, Any] = {
        "trace": {"id": f"{unseen.getrandbits(128):032x}"},
        "span": {"id": f"{unseen.getrandbits(64):016x}"},
        "rpc": {"method": _secret(unseen), "status": "OK", "duration_ms": _number(unseen)},
        "margin": {tag: _number(unseen) for tag in TAGS},
        "threshold": {tag: round(unseen.random(), 6) for tag in TAGS},
        "because": [f"{tag}:{_secret(unseen)}" for tag in TAGS],
        "calculation": [_calculation(tag, unseen) for tag in TAGS],
        "flags": unseen.sample(["does_not_add_up", "not_finite", "text_truncated"], unseen.randrange(3)),
        "labels": {"verdict": unseen.choice(("right", "wrong")), "by": _secret(unseen)},
        "sampling": {"probability": round(unseen.random(), 6)},
        "service": {"name": _secret(unseen)},
        "deployment": {"environment": {"name": _secret(unseen)}},
        "resource": {"k8s.pod.name": _secret(unseen)},
        "news": {"explanation": _secret(unseen)},
    }
    return {name: None if unseen.random() < 0.1 else part for name, part in parts.items()}


def _calculation(tag: str, unseen: random.Random) -> dict[str, Any]:
    size = unseen.randrange(1, len(FEATURES))
    numbers = {name: [_number(unseen) for _ in range(size)] for name in ("value", "coefficient", "contribution")}
    return {
        "tag": tag,
        "explanation": "exact",
        "intercept": _number(unseen),
        "feature": unseen.sample(FEATURES, size),
        **numbers,
        "remainder": _number(unseen),
        "remainder_terms": unseen.randrange(90),
        "margin": _number(unseen),
        "link": "sigmoid",
        "probability": unseen.random(),
        "threshold": unseen.random(),
        "selected": unseen.random() < 0.5,
    }


def _secret(unseen: random.Random) -> str:
    return f"{SECRET}{unseen.getrandbits(40):010x}"


def _number(unseen: random.Random) -> float:
    return round(unseen.uniform(-9, 9), 5)
