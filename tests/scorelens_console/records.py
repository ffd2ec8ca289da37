"""Records for the console's tests, whole ones as the indexer makes them, whose calculations add up."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TAGS = {"complaint": "topic", "refund": "topic", "negative": "sentiment", "brand_acme": "brand"}
FEATURES = ("refund", "still no", "~efun", "thanks", "horrible")
_KINDS = ("tweet", "chat", "blog", "article", "comment")
_TEXTS = (
    "Still no refund from Acme, three weeks on hold!",
    "Thanks for the quick help, I am very happy with the new card.",
    "Une horrible attente au téléphone 😭 plus jamais",
    "شكرا على المساعدة السريعة",
    "How do I change the limit of my card?",
)


def record(number: int, **parts: Any) -> dict[str, Any]:
    """Return the record of one document; `parts` replace its top-level members, None removes them."""
    text = _TEXTS[number % len(_TEXTS)]
    calculation = [_calculation(tag, number, place) for place, tag in enumerate(TAGS)]
    made: dict[str, Any] = {
        "@timestamp": (START + timedelta(minutes=number)).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "schema_version": 1,
        "record": {"id": f"{number:032x}", "type": "document"},
        "purpose": "production",
        "trace": {"id": f"{number + 7:032x}"},
        "span": {"id": f"{number + 7:016x}"},
        "rpc": {"service": "scorelens.v1.Scorer", "method": "Score", "status": "OK", "duration_ms": 3.25},
        "document": {
            "id": f"d-{number}",
            "number": 0,
            "kind": _KINDS[number % len(_KINDS)],
            "title": "" if number % 2 else f"Number {number}",
            "text": text,
            "length": len(text),
            "language": ("en", "en", "fr", "ar", "en")[number % 5],
            "author": f"author-{number % 3}",
            "source": ("twitter", "web")[number % 2],
            "source_uri": f"https://example.org/{number}",
            "audience": 100 * number,
        },
        "model": {"id": "media-tagger", "version": str(1 + number % 2)},
        "tags": [one["tag"] for one in calculation if one["selected"]],
        "titles": {tag: tag.replace("_", " ").title() for tag in TAGS},
        "groups": dict(TAGS),
        "score": {one["tag"]: one["probability"] for one in calculation},
        "margin": {one["tag"]: one["margin"] for one in calculation},
        "threshold": {one["tag"]: one["threshold"] for one in calculation},
        "because": [f"{one['tag']}:{one['feature'][0]}" for one in calculation if one["selected"]],
        "calculation": calculation,
        "flags": [],
        "labels": {},
        "sampling": {"probability": 1.0},
        "service": {"name": "scorelens-sidecar"},
    } | parts
    return {name: part for name, part in made.items() if part is not None}


def records(count: int = 60) -> list[dict[str, Any]]:
    """Return records of varied kinds, languages and scores."""
    return [record(number) for number in range(count)]


def _calculation(tag: str, number: int, place: int) -> dict[str, Any]:
    """Return a calculation whose sum and sigmoid hold."""
    values = [0.125 * (1 + (number + place + at) % 5) for at in range(len(FEATURES))]
    coefficients = [2.0 * (3 - at) + 0.25 * place for at in range(len(FEATURES))]
    contributions = [value * coefficient for value, coefficient in zip(values, coefficients, strict=True)]
    intercept, remainder = -1.75 - 0.5 * place, 0.0625
    margin = intercept + sum(contributions) + remainder
    probability = 1 / (1 + math.exp(-margin))
    threshold = 0.45 + 0.05 * place
    return {
        "tag": tag,
        "explanation": "exact",
        "intercept": intercept,
        "feature": list(FEATURES),
        "value": values,
        "coefficient": coefficients,
        "contribution": contributions,
        "remainder": remainder,
        "remainder_terms": 12,
        "margin": margin,
        "link": "sigmoid",
        "link_parameters": {},
        "probability": _single(probability),
        "threshold": threshold,
        "selected": _single(probability) >= threshold,
        "intermediates": {},
    }


def _single(number: float) -> float:
    """Return a number as 32 bits hold it."""
    return float(struct.unpack("f", struct.pack("f", number))[0])
