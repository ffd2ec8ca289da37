"""The query behind a page, in words that other tools read."""

from __future__ import annotations

import ast
import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_client.commands.search import command as search_command
from scorelens_client.commands.show import command as show_command
from scorelens_console.core.listing import FACETS, Listing
from scorelens_console.core.snippets import document_snippets, question_of, snippets_of, term
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Equals

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEYWORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def texts(listing: Listing) -> dict[str, str]:
    """Return the snippets of a listing by title."""
    return {snippet.title: snippet.text for snippet in snippets_of(question_of(listing))}


def test_a_listing_reads_the_same_elsewhere() -> None:
    """Query, filters, time and order go into each tool's own words."""
    listing = Listing("refund OR late", {"kind": ("tweet", "blog"), "source": ("support chat",)}, period="7d")
    query = '(refund OR late) AND (kind:tweet OR kind:blog) AND source:"support chat"'
    assert texts(listing) == {
        "Lucene": f"({query}) AND time:>=now-7d",
        "Command line": f"scorelens search --since 7d --sort @timestamp {shlex.quote(query)}",
        "Notebook": "from scorelens_client import Client\n\nclient = Client()\n"
        f'records = client.search({query!r}, limit=100, since="7d", sort="@timestamp")\nrecords.to_pandas()',
    }


def test_everything_and_a_query_that_begins_with_a_minus() -> None:
    """No query is a star on the command line, and a minus is not taken for an option."""
    assert texts(Listing(order="relevance"))["Command line"] == "scorelens search '*'"
    assert texts(Listing("-refund", order="relevance"))["Command line"] == "scorelens search -- -refund"
    assert texts(Listing(since="2026-11-22T10:00:00+01:00"))["Lucene"] == 'time:>="2026-11-22T10:00:00+01:00"'


@given(st.sampled_from(sorted(FACETS)), KEYWORDS)
def test_any_value_of_a_filter_keeps_its_meaning(facet: str, value: str) -> None:
    """Quotes, operators, backslashes and line ends in a value are part of it, in the shell and in Python as well."""
    written = texts(Listing(filters={facet: (value,)}, order="relevance"))
    node = parse(written["Lucene"], NOW)
    assert isinstance(node, Equals)
    assert (node.field.name, node.value) == (FACETS[facet], value)
    arguments = shlex.split(written["Command line"])
    parsed = search_command.make_context("search", arguments[2:], resilient_parsing=False)
    assert parsed.params["query"] == (written["Lucene"],)
    calls = [one for one in ast.walk(ast.parse(written["Notebook"])) if isinstance(one, ast.Call)]
    assert any(
        isinstance(one.args[0], ast.Constant) and one.args[0].value == written["Lucene"] for one in calls if one.args
    )


@given(KEYWORDS)
def test_a_document_of_any_name_is_found_elsewhere(name: str) -> None:
    """The id goes into the query, the command and the call as it is."""
    lucene, command, notebook = (snippet.text for snippet in document_snippets(name, "ab" * 16))
    node = parse(lucene, NOW)
    assert isinstance(node, Equals)
    assert node.value == name
    ast.parse(notebook)
    arguments = shlex.split(command)
    assert name in arguments
    context = show_command.make_context("show", arguments[2:])
    assert (context.params["document_id"], context.params["record_id"]) == (name, "ab" * 16)


def test_a_document_without_an_id_is_found_by_its_record() -> None:
    """The record's id stands in."""
    lucene, command, _ = (snippet.text for snippet in document_snippets("", "0a" * 16))
    assert (lucene, command) == (f"record.id:{'0a' * 16}", f"scorelens show {'0a' * 16}")


@pytest.mark.parametrize("value", ["AND", "TO", "a b", 'x"y', "a\\", "*", "-a", "ü", ""])
def test_terms_are_values_and_no_operators(value: str) -> None:
    """What looks like a sign of the language is quoted."""
    node = parse(term("source", value), NOW)
    assert isinstance(node, Equals)
    assert node.value == value
