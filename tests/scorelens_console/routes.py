"""Every address that the console answers, read off the application itself, with something to fill in for each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote

from starlette.routing import BaseRoute, Mount, Route

from scorelens_console.app import PUBLIC, make_app
from scorelens_console.web.context import Console


class _Nothing:
    """Stands in for the console's parts while nothing is served."""

    def __getattr__(self, name: str) -> Any:
        return _Nothing()


NOTHING: Final = cast("Console", _Nothing())


class Address(NamedTuple):
    """A route: its path with parameters in braces, and its methods."""

    path: str
    methods: frozenset[str]

    @property
    def is_public(self) -> bool:
        """Tell whether it needs nobody to be signed in."""
        return self.path.startswith(PUBLIC)

    def filled(self, values: dict[str, str]) -> str:
        """Return the path with values for its parameters; each parameter has to be known here."""
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: quote(values[found[1]], safe=""), self.path)


def addresses() -> list[Address]:
    """Return all addresses, those of applications within the application as well."""
    return list(_walk(make_app(NOTHING).routes, ""))


def pages() -> list[Address]:
    """Return the addresses that show something to whoever is signed in."""
    return [one for one in addresses() if "GET" in one.methods and not one.is_public]


def questions() -> list[Address]:
    """Return the addresses that may show something in answer to a body that is sent there."""
    return [one for one in addresses() if "POST" in one.methods and not one.is_public and one.path != "/signout"]


def _walk(routes: list[BaseRoute], before: str) -> Iterator[Address]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _walk(list(route.routes), before + route.path) if route.routes else _files(before + route.path)
        elif isinstance(route, Route):
            yield Address(before + route.path, frozenset(route.methods or {"GET"}))
        else:
            raise TypeError(f"a route of an unknown kind: {route!r}")


def _files(path: str) -> Iterator[Address]:
    yield Address(f"{path}/console.css", frozenset({"GET", "HEAD"}))


QUERIES: Final = (
    "",
    "q=refund",
    "q=kind:tweet AND score.complaint:>0.2",
    "q=still no&sort=relevance",
    "tag=complaint&kind=tweet",
    "sort=score.complaint:asc",
    "id=d-3",
    "tag=refund",
    "customer=c-1",
    "newest=2026-11-20T09:30:00Z",
    "query=refund&highlight=true",
    "query=kind:tweet&sort=score.complaint",
)
"""What is asked of every page, whether it knows the parameters or not."""

_SUM: Final = {"terms": {"field": "tags", "sum_of": "audience"}}
BODIES: Final[tuple[dict[str, Any], ...]] = (
    {"query": ""},
    {"query": "refund", "limit": 5, "highlight": True},
    {"query": {"exists": {"field": "title"}}, "limit": 20, "sort": "score.complaint"},
    {"query": "", "aggregations": {"a": _SUM, "b": {"histogram": {"field": "score.refund", "width": 0.1}}}},
    {"query": "tag:complaint", "least": 1},
)
FORMS: Final[tuple[dict[str, str], ...]] = ({"ids": "d-3\nd-4"}, {"ids": "d-3", "download": "1"})
"""What is sent to every address that takes something."""
