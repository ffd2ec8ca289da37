"""Labelled files that are made at once: short texts whose tags follow from their words, with some noise."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

SAID = {"refund": "refund money back cancelled return", "login": "password login account locked code"}
OTHER = ["the", "my", "is", "not", "please", "today", "a", "still", "again", "and", "it", "was", "for", "you", "they"]


def rows(count: int = 400, seed: int = 1) -> list[dict[str, Any]]:
    """Return rows with an id, a body, topics and stars."""
    rng = Random(seed)
    return [_row(number, rng) for number in range(count)]


def _row(number: int, rng: Random) -> dict[str, Any]:
    topics = [name for name in SAID if rng.random() < 0.4]
    words = [rng.choice(OTHER) for _ in range(rng.randint(4, 12))] + [f"n{number}"]
    for name in topics:
        words += rng.sample(SAID[name].split(), 2)
    rng.shuffle(words)
    kept = [name for name in topics if rng.random() < 0.95]
    return {"id": str(number), "body": " ".join(words), "topics": kept, "stars": 5 - 2 * len(topics)}


def jsonl(path: Path, values: Sequence[Mapping[str, Any]]) -> Path:
    """Write JSONL."""
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


def table(path: Path, values: Sequence[Mapping[str, Any]], separator: str = ";") -> Path:
    """Write CSV with the topics in one cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(values[0]))
        writer.writeheader()
        writer.writerows({**value, "topics": separator.join(value["topics"])} for value in values)
    return path
