"""Searching and counting in indices of which one may be replaced or removed in that moment."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any, Final

from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.errors import QueryError, StoreUnavailableError

_PAUSES: Final = (0.1, 0.2, 0.4, 0.8)
"""Seconds between the tries."""

_GONE: Final = "index_not_found_exception"


def search(connection: Connection, index: str, body: dict[str, Any], *, kind: str = "query_then_fetch") -> Any:
    """Return the answer to a search; None where no index has the name. Raises StoreUnavailableError, QueryError."""
    options = f"ignore_unavailable=true&search_type={kind}&allow_partial_search_results=false"
    for last in _tries():
        status, found = connection.ask("POST", f"/{index}/_search?{options}", body)
        if status == 200:
            return found
        if status == 413:
            raise QueryError("it is larger than the server takes (http.max_content_length)")
        if _kind(found) == _GONE:
            return None
        # An index that was removed after the search had begun is a 404, too, which says nothing of the others.
        if last:
            raise StoreUnavailableError(f"{connection.where} could not search all indices of {index}: try again")
    raise AssertionError("the last try ends it")


def count(connection: Connection, index: str, query: dict[str, Any]) -> int:
    """Return how many documents match, 0 where no index has the name. Raises as `search` does."""
    for last in _tries():
        found = connection.request("POST", f"/{index}/_count?ignore_unavailable=true", {"query": query})
        if not found or not found["_shards"]["failed"]:
            return int(found["count"]) if found else 0
        if last:
            raise StoreUnavailableError(f"{connection.where} could not count in all indices of {index}: try again")
    raise AssertionError("the last try ends it")


def _tries() -> Iterator[bool]:
    """Yield for each try whether it is the last, and pause in between."""
    for pause in _PAUSES:
        yield False
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
    yield True


def _kind(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""
