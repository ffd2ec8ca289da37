"""A console as a store to read from: what its API answers to whoever has the token, as the store's reader would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from scorelens_client.console.line import Json, Line, MissingError
from scorelens_client.console.settings import AccessSettings
from scorelens_reading.wire import (
    read_hits,
    read_result,
    read_words,
    write_aggregation,
    write_selection,
    write_sort,
)
from scorelens_store.contract import (
    PAGE,
    Aggregation,
    AggregationResult,
    Hit,
    Hits,
    Record,
    Selection,
    SignificantWords,
    Sort,
)

_BY_RELEVANCE: Final = Sort()
_MOST: Final = 2**53


class ConsoleReader:
    """Reads what the owner of a token may see. Raises NotAllowedError for what is for another role."""

    def __init__(self, access: AccessSettings) -> None:
        """Connect when it is first used. Raises SettingError where no token is named."""
        self._line = Line(access)
        self._lock = threading.Lock()
        self._me: Json | None = None

    @property
    def purposes(self) -> tuple[str, ...]:
        """Return the purposes of the records that may be read, none where it is all of them."""
        return tuple(self.whoami()["purposes"])

    def whoami(self) -> Json:
        """Return who the token says one is: name, role, and a role for each model."""
        with self._lock:
            if self._me is None:
                self._me = self._line.get("/whoami", _me)
            return self._me

    def get(self, record_id: str) -> Record | None:
        """Return one record as far as it may be seen, or None."""
        if not record_id:
            return None
        try:
            # A path of dots would lead elsewhere.
            return self._line.get(f"/records/{quote(record_id, safe='').replace('.', '%2E')}", _record)
        except MissingError:
            return None

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = _BY_RELEVANCE,
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Return one page of hits; `after` is the `sort` of the last hit of the page before."""
        asked = _listing(selection, sort, highlight)
        found: list[Hit] = []
        total = 0
        while True:
            size = max(0, min(PAGE, limit - len(found)))
            page = self._line.post("/search", asked | {"limit": size, "after": list(after)}, read_hits)
            total = page.total if not found else total
            found += page.hits
            if len(found) >= limit or len(page.hits) < size:
                return Hits(total, found)
            after = page.hits[-1].sort

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = _BY_RELEVANCE, highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits as of the first page."""
        asked = _listing(selection, sort, highlight) | {"limit": min(max(0, limit), _MOST)}
        return self._line.lines("/pages", asked, read_hits)

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        return self._line.post("/count", write_selection(selection), lambda found: int(found["count"]))

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        if not aggregations:
            return {}
        asked = {name: write_aggregation(one) for name, one in aggregations.items()}

        def read(found: Json) -> dict[str, AggregationResult]:
            return {name: read_result(found["aggregations"][name], one) for name, one in aggregations.items()}

        return self._line.post("/aggregate", write_selection(selection) | {"aggregations": asked}, read)

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Return the words that mark a selection against others."""
        other = write_selection(against) if against else None
        asked = write_selection(selection) | {"against": other, "field": field, "limit": limit, "least": least}
        return self._line.post("/words", asked, read_words)

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Yield every match in order of `@timestamp` and record id, in constant memory, as of the first one."""
        for record in self._line.lines("/scan", write_selection(selection), _record):
            if cancelled():
                return
            yield record

    def describe(self) -> str:
        """Name the console for people."""
        return f"the console {self._line.url}"

    def close(self) -> None:
        """Close the connections."""
        self._line.close()


def _listing(selection: Selection, sort: Sort, highlight: bool) -> Json:
    return write_selection(selection) | {"sort": write_sort(sort), "highlight": highlight}


def _record(found: Json) -> Record:
    """Return a record; raises KeyError for what is none."""
    return found | {"record": found["record"]}


def _me(found: Json) -> Json:
    return found | {"purposes": list(found["purposes"]), "roles": dict(found["roles"])}
