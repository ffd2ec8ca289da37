"""The vocabulary, the table in docs/spans.md and what is really written are one."""

from __future__ import annotations

import re
from pathlib import Path

from scorelens import conventions
from scorelens_sidecar.spans import decode, encode
from scorelens_sidecar.spans.identity import identify
from tests.scorelens_sidecar.spans.calls import media_document, scored_call
from tests.scorelens_sidecar.spans.reading import LIMIT, spans_of
from tests.scorelens_sidecar.spans.test_golden import CASES, STREAM

DOCS = Path(__file__).parents[3] / "docs" / "spans.md"
NOT_ATTRIBUTES = {conventions.SCORER_SERVICE, conventions.SCOPE_NAME, conventions.CALCULATION_EVENT}
PREFIXES = ("scorelens.", "rpc.", "server.", "user_agent.")


def vocabulary() -> set[str]:
    """Return the names of all span attributes in the conventions."""
    values = {value for name, value in vars(conventions).items() if name.isupper() and isinstance(value, str)}
    return {value for value in values if value.startswith(PREFIXES)} - NOT_ATTRIBUTES


def table() -> dict[str, tuple[str, str]]:
    """Return type and place of each attribute in the document."""
    rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\w+) \| \S", DOCS.read_text(), re.MULTILINE)
    assert len(rows) == len({row[0] for row in rows})
    return {name: (kind, place) for name, kind, place in rows}


def test_the_table_has_all_attributes_and_no_other() -> None:
    """docs/spans.md lists exactly the attributes of the conventions."""
    assert set(table()) == vocabulary()


def test_what_is_written_is_what_the_table_says() -> None:
    """Every attribute is written by some call, with the type and at the place of the table."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for call in CASES.values():
        for span in spans_of(call):
            place = "document" if span["name"] == "document" else "call"
            _see(seen, span["attributes"], place)
            for event in span["events"]:
                _see(seen, event["attributes"], "event")
    rows = table()
    assert set(seen) == set(rows)
    for name, kinds in seen.items():
        kind, place = rows[name]
        for seen_kind, seen_place in kinds:
            assert seen_kind == kind or (name, seen_kind, seen_place) == ("scorelens.tag.id", "string", "event"), name
            assert place in ("all", seen_place) or name == "scorelens.tag.id", name


def _see(seen: dict[str, set[tuple[str, str]]], attributes: dict[str, object], place: str) -> None:
    for name, value in attributes.items():
        seen.setdefault(name, set()).add((_kind(value), place))


def _kind(value: object) -> str:
    if isinstance(value, list):
        return f"{_kind(value[0])}[]"
    return {"bool": "bool", "int": "int", "float": "double", "str": "string"}[type(value).__name__]


def test_identity_is_stable_and_differs_by_place() -> None:
    """The same place has the same ids in every process and release, and no two places share one."""
    trace, span = bytes(range(16)), bytes(range(8))
    assert identify(trace, span, 3, 7) == (
        "5efef61d807e58c4c72b6faa4d2f5770",
        bytes.fromhex("ddc5446c84dfee3c"),
    )
    places = [identify(trace, span, message, document) for message in range(20) for document in range(20)]
    assert len({place.record_id for place in places}) == len({place.span_id for place in places}) == 400


def test_duplicate_and_empty_document_ids_do_not_collide() -> None:
    """Documents of one call that share an id, or have none, are records of their own."""
    same, empty = media_document(), media_document()
    empty.id = ""
    spans = list(encode(decode(scored_call(1, same, same, empty, empty), LIMIT)))
    assert len({span.record_id for span in spans if span.record_id}) == 4
    assert len({span.span_id for span in spans}) == 5


def test_messages_of_a_stream_have_ids_of_their_own() -> None:
    """The same document in two messages of a call gives two records."""
    first, second = (scored_call(1, path=STREAM, message_number=number) for number in (0, 1))
    assert decode(first, LIMIT).documents[0].identity != decode(second, LIMIT).documents[0].identity
