"""What the client library raises, said as the store's errors."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

from elasticsearch import ApiError, SerializationError, TransportError, UnsupportedProductError

from scorelens_store.elasticsearch.nodes import address_of, was_sent, was_slow
from scorelens_store.elasticsearch.refusals import not_allowed, unknown, unreached
from scorelens_store.errors import QueryError, StoreUnavailableError

AWAY: Final = 1.0
REFUSED: Final = 15.0
"""Seconds to wait before the next try: for a server that may be back soon, and for one that people must see to."""

LONGEST: Final = 300.0
"""Most seconds that a server's wish to be left alone is followed."""

_WRITE_BLOCK: Final = "[FORBIDDEN/8/"
"""What an index says that has `index.blocks.write`, and no full disk and no administrator's read-only mode."""

_BUSY: Final = (429, 502, 503, 504)
_FIELD: Final = re.compile(r"failed to parse field \[[^]]*\] of type \[[^]]*\]")


class NoAnswerError(StoreUnavailableError):
    """A request got no whole answer.

    `sent` tells whether a server may have done what it asks, `slow` whether one took it and did not answer in time.
    """

    def __init__(self, message: str, *, sent: bool, slow: bool = False) -> None:
        super().__init__(message, AWAY)
        self.sent, self.slow = sent, slow


class NotAllowedError(StoreUnavailableError):
    """The credentials are known and lack a right."""


class WritesBlockedError(StoreUnavailableError):
    """An index takes no writes, as for a moment when a copy is put in its place."""


def is_blocked(error: StoreUnavailableError) -> bool:
    """Tell whether something failed, as a whole or in part, since an index takes no writes for a moment."""
    return any(isinstance(each, WritesBlockedError) for each in (error, error.__cause__))


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreUnavailableError or QueryError in place of what the client raises; `where` names the server."""
    try:
        yield
    except UnsupportedProductError as exc:
        raise not_elasticsearch(where) from exc
    except ApiError as exc:
        where = at(where, exc)
        raise after(from_answer(where, exc.meta.status, exc.body), asked_pause(exc.meta.headers)) from exc
    except SerializationError as exc:
        raise NoAnswerError(f"{where} answers with something that is no JSON or was cut off", sent=True) from exc
    except TransportError as exc:
        where = at(where, exc)
        if was_slow(exc):
            raise NoAnswerError(f"{where} did not answer in time", sent=True, slow=True) from exc
        text = f"{where} cannot be reached: {unreached(where, exc.message)}"
        raise NoAnswerError(text, sent=was_sent(exc)) from exc


def at(where: str, error: BaseException) -> str:
    """Return the name of the one server that an error comes from, or of all of them."""
    address = address_of(error)
    return f"elasticsearch, {address}" if address else where


def asked_pause(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server's Retry-After asks for, at most LONGEST; 0 where it asks for none."""
    value = headers.get("retry-after") or ""
    try:
        seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), LONGEST)


def after(error: StoreUnavailableError | QueryError, seconds: float) -> StoreUnavailableError | QueryError:
    """Return an error that asks for at least so long a pause."""
    if isinstance(error, StoreUnavailableError):
        error.retry_after = max(error.retry_after, seconds)
    return error


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
    if _WRITE_BLOCK in cause:
        return WritesBlockedError(
            f"{where} takes no writes: {cause} `scorelens elasticsearch reindex` has it so for moments; where none "
            "runs, one was killed: run it again, or with --abort",
            AWAY,
        )
    if status == 403 or "flood" in cause or "read-only" in cause:
        return StoreUnavailableError(f"{where} is read-only: {cause}", REFUSED)
    if status in _BUSY and not _too_many_buckets(body):
        return StoreUnavailableError(f"{where} is overloaded or starting: {cause}", AWAY)
    if status == 400 or _too_many_buckets(body):
        return QueryError(cause)
    return StoreUnavailableError(f"{where} answers {status}: {cause}", AWAY)


def reason(body: Any) -> str:
    """Return why the server refused something, from the innermost cause it names, with the field, as one line."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error).strip().partition("\n")[0][:300] or "no reason given"
    roots = error.get("root_cause")
    causes = [error, *(roots if isinstance(roots, list) else ())]
    while isinstance(causes[-1].get("caused_by"), dict):
        causes.append(causes[-1]["caused_by"])
    texts = [str(cause["reason"]) for cause in causes if cause.get("reason")]
    text = texts[-1] if texts else str(error.get("type", "no reason given"))
    field = next((found[0] for each in texts[:-1] if (found := _FIELD.search(each))), "")
    return (f"{field}: {text}" if field not in text else text).partition("\n")[0][:500]


def _too_many_buckets(body: Any) -> bool:
    return "too_many_buckets" in json.dumps(body, default=str)
