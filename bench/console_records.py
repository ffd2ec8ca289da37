"""Records as a console shows them: a million small ones over two months up to now, the ones that are seen whole.

Seen are the newest, and here and there one further back: they have a text of their kind's length, a title where their
kind has one, and the calculation of every tag. The others are those of bench/records.py.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from bench.records import COMMON, TAGS, TOPICS, make

SPAN: Final = timedelta(days=60)
NEWEST: Final = 10_000
"""Records that are whole, the newest; listings begin with them."""
EVERY: Final = 100
"""One of so many of the others is whole as well."""
TERMS: Final = 16
ALL_TAGS: Final = (*TAGS, "delay", "loan", "branch", "login")
WORDS: Final = {"tweet": 25, "comment": 40, "chat": 90, "blog": 250, "article": 500}
SOURCES: Final = ("social", "news", "forum", "app store", "branch chat")


def make_record(number: int, records: int, now: datetime) -> dict[str, Any]:
    """Return a record of so many; the last one was scored now."""
    record = make(number)
    moment = now - SPAN * ((records - 1 - number) / records)
    record["@timestamp"] = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record["model"]["version"] = str(1 + 3 * number // records)
    record["document"] |= {"source": SOURCES[number % 7 % len(SOURCES)], "language": "en" if number % 9 else "de"}
    return _whole(record, random.Random(number)) if is_whole(number, records) else record


def is_whole(number: int, records: int) -> bool:
    """Tell whether a record has its calculations."""
    return number >= records - NEWEST or number % EVERY == 0


def _whole(record: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    document = record["document"]
    words = [chance.choice(TOPICS if chance.random() < 0.4 else COMMON) for _ in range(WORDS[document["kind"]])]
    document["text"] = f"{document['text']} {' '.join(words)}"
    document["length"] = len(document["text"])
    if document["kind"] in ("article", "blog"):
        document["title"] = " ".join(words[:9])
    found = [_calculation(tag, words, chance) for tag in ALL_TAGS]
    chosen = [one["tag"] for one in found if one["selected"]]
    return record | {
        "tags": chosen,
        "titles": {tag: tag.title() for tag in ALL_TAGS},
        "groups": {tag: "sentiment" if tag in ("complaint", "praise") else "topic" for tag in ALL_TAGS},
        "score": {one["tag"]: one["probability"] for one in found},
        "margin": {one["tag"]: one["margin"] for one in found},
        "threshold": dict.fromkeys(ALL_TAGS, 0.5),
        "because": [f"{one['tag']}:{feature}" for one in found if one["selected"] for feature in one["feature"][:3]],
        "calculation": found,
    }


def _calculation(tag: str, words: list[str], chance: random.Random) -> dict[str, Any]:
    names = [*words, *(f"{one} {two}" for one, two in pairwise(words))]
    features = list(dict.fromkeys(chance.choices(names, k=TERMS)))
    parts = sorted((chance.gauss(0, 0.6) for _ in features), key=abs, reverse=True)
    values = [chance.uniform(0.02, 0.4) for _ in features]
    margin = math.fsum((-1.0, 0.1, *parts))
    probability = 1 / (1 + math.exp(-margin))
    return {
        "tag": tag,
        "explanation": "exact",
        "intercept": -1.0,
        "feature": features,
        "value": values,
        "coefficient": [part / value for part, value in zip(parts, values, strict=True)],
        "contribution": parts,
        "remainder": 0.1,
        "remainder_terms": 61,
        "margin": margin,
        "link": "sigmoid",
        "probability": probability,
        "threshold": 0.5,
        "selected": probability >= 0.5,
    }
