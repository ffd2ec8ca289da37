"""Faults of a server, to be brought about by a proxy in front of a real one (proxy.py)."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from tests.tools.proxy import Answer, Fault, Passing

JSON = {"Content-Type": "application/json"}
REJECTED = {"type": "es_rejected_execution_exception", "reason": "rejected execution: the queue is full"}


def refusal(status: int, error: dict[str, str], **headers: str) -> Answer:
    """Return how Elasticsearch refuses a whole request."""
    body = json.dumps({"error": {**error, "root_cause": [error]}, "status": status}).encode()
    return Answer(status, body, JSON | {name.replace("_", "-"): value for name, value in headers.items()})


def sometimes(fault: Fault, every: int) -> Fault:
    """Spoil one bulk request of so many, beginning with the first, and nothing else."""
    numbers = itertools.count()
    return lambda request: fault(request) if request.is_bulk and next(numbers) % every == 0 else request.forward()


def bulk(fault: Fault) -> Fault:
    """Spoil every bulk request and nothing else."""
    return sometimes(fault, 1)


def overloaded(_: Passing) -> Answer:
    """Have no room for a request."""
    return refusal(429, REJECTED)


def cut_off(request: Passing) -> Answer:
    """Do everything, and break off midway through saying so."""
    return replace(request.forward(), share=0.5)


def unanswered(request: Passing) -> Answer:
    """Do everything, and close the connection."""
    request.forward()
    return Answer(0, share=0)


def signed_out(_: Passing) -> Answer:
    """Know no credentials."""
    return refusal(401, {"type": "security_exception", "reason": "unable to authenticate user [writer]"})


def spoiled_items(status: int, error: dict[str, str], every: int = 3) -> Fault:
    """Refuse one creation of so many, counted over all requests, and have the server do the others."""
    numbers = itertools.count()

    def fault(request: Passing) -> Answer:
        lines = request.body.splitlines(keepends=True)
        pairs = [b"".join(lines[start : start + 2]) for start in range(0, len(lines), 2)]
        refused = [next(numbers) % every == 0 for _ in pairs]
        kept = b"".join(pair for pair, was in zip(pairs, refused, strict=True) if not was)
        answer = request.forward(kept) if kept else Answer(200, b'{"items": []}', JSON)
        items = iter(json.loads(answer.body)["items"])
        mixed = [{"create": {"status": status, "error": error}} if was else next(items) for was in refused]
        return replace(answer, body=json.dumps({"items": mixed}).encode())

    return fault


def changed(change: Any) -> Fault:
    """Have the server do everything, and change the JSON of its answer."""

    def fault(request: Passing) -> Answer:
        answer = request.forward()
        return replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())

    return fault
