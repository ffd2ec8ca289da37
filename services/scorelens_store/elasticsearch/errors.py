"""What the client library raises, said as the store's errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from elasticsearch import ApiError, ConnectionTimeout, TransportError, UnsupportedProductError

from scorelens_store.elasticsearch.refusals import not_allowed, unknown, unreached
from scorelens_store.errors import QueryError, StoreUnavailableError

AWAY: Final = 1.0
REFUSED: Final = 15.0
"""Seconds to wait before the next try: for a server that may be back soon, and for one that people must see to."""

_BUSY: Final = (429, 502, 503, 504)


class NotAllowedError(StoreUnavailableError):
    """The credentials are known and lack a right."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreUnavailableError or QueryError in place of what the client raises; `where` names the server."""
    try:
        yield
    except UnsupportedProductError as exc:
        raise not_elasticsearch(where) from exc
    except ApiError as exc:
        raise from_answer(where, exc.meta.status, exc.body) from exc
    except ConnectionTimeout as exc:
        raise StoreUnavailableError(f"{where} did not answer in time", AWAY) from exc
    except TransportError as exc:
        raise StoreUnavailableError(f"{where} cannot be reached: {unreached(where, exc.message)}", AWAY) from exc


def not_elasticsearch(where: str) -> StoreUnavailableError:
    """Return the error that an answer of something else means."""
    return StoreUnavailableError(f"{where} answers, but is not Elasticsearch", REFUSED)


def from_answer(where: str, status: int, body: Any) -> StoreUnavailableError | QueryError:
    """Return the error that an answer of the server means."""
    cause = reason(body)
    if status == 401:
        return StoreUnavailableError(f"{where} refuses the credentials: {unknown(cause)}", REFUSED)
    if status == 403 and "block" not in cause:
        return NotAllowedError(f"{where} does not allow it: {not_allowed(cause)}", REFUSED)
    if status == 403 or "flood" in cause or "read-only" in cause:
        return StoreUnavailableError(f"{where} is read-only: {cause}", REFUSED)
    if status in _BUSY and not _too_many_buckets(body):
        return StoreUnavailableError(f"{where} is overloaded or starting: {cause}", AWAY)
    if status == 400 or _too_many_buckets(body):
        return QueryError(cause)
    return StoreUnavailableError(f"{where} answers {status}: {cause}", AWAY)


def reason(body: Any) -> str:
    """Return why the server refused something, from the innermost cause it names, as one line."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error).strip().partition("\n")[0][:300] or "no reason given"
    roots = error.get("root_cause")
    causes = [error, *(roots if isinstance(roots, list) else ())]
    while isinstance(causes[-1].get("caused_by"), dict):
        causes.append(causes[-1]["caused_by"])
    texts = [str(cause["reason"]) for cause in causes if cause.get("reason")]
    return (texts[-1] if texts else str(error.get("type", "no reason given"))).partition("\n")[0][:500]


def _too_many_buckets(body: Any) -> bool:
    return "too_many_buckets" in json.dumps(body, default=str)
