"""The query behind a page, for other tools: Lucene syntax, a command, a notebook (pure).

    snippets_of(Question('refund AND tag:complaint', since="7d"))

`templates/snippets.html` shows them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from scorelens_console.core.listing import FACETS, Listing
from scorelens_store.fields import ALIASES

_SHORT: Final = {full: short for short, full in ALIASES.items()}
_NEWEST: Final = "@timestamp"


class Snippet(NamedTuple):
    """What to use a text in, and the text."""

    title: str
    text: str


@dataclass(frozen=True)
class Question:
    """A query in the language of docs/query.md; `since` and `until` as commands take them, `sort` as well."""

    query: str
    since: str = ""
    until: str = ""
    sort: str = ""


def question_of(listing: Listing) -> Question:
    """Return what a listing asks."""
    parts = [part for part in (_bracketed(listing.query), *_filters(listing)) if part]
    sort = "" if listing.order == "relevance" else listing.order or _NEWEST
    return Question(" AND ".join(parts) or "*", listing.period or listing.since, listing.until, sort)


def snippets_of(asked: Question) -> Sequence[Snippet]:
    """Return the texts that find the same elsewhere."""
    return (
        Snippet("Lucene", lucene(asked)),
        Snippet("Command line", command(asked)),
        Snippet("Notebook", notebook(asked)),
    )


def document_snippets(document_id: str, record_id: str) -> Sequence[Snippet]:
    """Return the texts that find one score of a document elsewhere."""
    name = document_id or record_id
    lucene = term("id", document_id) if document_id else term("record.id", record_id)
    record = f", record_id={_python(record_id)}" if document_id else ""
    option = f" --record {shlex.quote(record_id)}" if document_id else ""
    return (
        Snippet("Lucene", lucene),
        Snippet("Command line", f"scorelens show{option}{_end(name)} {shlex.quote(name)}"),
        Snippet(
            "Notebook",
            "from scorelens_client import Client\n\n"
            f"client = Client()\nhistory = client.show({_python(name)}{record})\n"
            "history.calculations[0]  # in a notebook: a picture",
        ),
    )


def lucene(asked: Question) -> str:
    """Return the query with its times in it."""
    since = f"now-{asked.since}" if asked.since[:1].isdigit() and asked.since[-1:] in "mhd" else asked.since
    times = [f"time:>={_time(since)}"] if since else []
    times += [f"time:<{_time(asked.until)}"] if asked.until else []
    kept = [] if asked.query == "*" and times else [_bracketed(asked.query) if times else asked.query]
    return " AND ".join([*kept, *times])


def command(asked: Question) -> str:
    """Return the command."""
    options = [("--since", asked.since), ("--until", asked.until), ("--sort", asked.sort)]
    given = "".join(f" {name} {shlex.quote(value)}" for name, value in options if value)
    return f"scorelens search{given}{_end(asked.query)} {shlex.quote(asked.query)}"


def notebook(asked: Question) -> str:
    """Return the lines for a notebook."""
    options = [("since", asked.since), ("until", asked.until), ("sort", asked.sort)]
    given = "".join(f", {name}={_python(value)}" for name, value in options if value)
    query = _python("" if asked.query == "*" else asked.query)
    return (
        "from scorelens_client import Client\n\n"
        f"client = Client()\nrecords = client.search({query}, limit=100{given})\nrecords.to_pandas()"
    )


def term(field: str, value: str) -> str:
    """Return the query for one value of a field."""
    plain = value.replace("_", "").replace("-", "").isalnum() and value.isascii() and not value.startswith("-")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"{field}:{value}" if plain else f'{field}:"{escaped}"'


def _end(argument: str) -> str:
    """End the options before what begins with a minus and is none."""
    return " --" if argument.startswith("-") else ""


def _filters(listing: Listing) -> Iterable[str]:
    for name, values in listing.filters.items():
        field = _SHORT.get(FACETS[name], FACETS[name])
        parts = [term(field, value) for value in values]
        yield parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _bracketed(query: str) -> str:
    return f"({query})" if any(sign.isspace() for sign in query) else query


def _time(text: str) -> str:
    return f'"{text}"' if ":" in text or "+" in text else text


def _python(text: str) -> str:
    return repr(text) if '"' in text else f'"{text}"' if text.isprintable() and "\\" not in text else repr(text)
