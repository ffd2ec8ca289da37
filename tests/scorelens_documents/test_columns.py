"""Columns of one's own names."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_documents.columns import Columns
from scorelens_documents.errors import DocumentError, FileError
from scorelens_documents.rows import open_rows
from scorelens_runtime.errors import SettingError


def test_a_mapping_fills_fields_and_everything_else_is_kept() -> None:
    """A mapped column fills its field; a column whose field another one fills becomes an attribute, like any other."""
    columns = Columns.parse(("text=body", "id=url", "source_uri=url"))
    document = columns.document({"body": "hello", "url": "http://x", "text": "shadowed", "kind": "tweet", "mood": 1})
    assert (document.text, document.id, document.source_uri, document.kind) == (
        "hello",
        "http://x",
        "http://x",
        "tweet",
    )
    assert dict(document.attributes) == {"text": "shadowed", "mood": "1"}


def test_a_field_may_be_filled_by_no_column() -> None:
    """What a column has in a form that its field does not take stays an attribute."""
    values = {"text": "hello", "published_time": "11/22/2026", "-": "x"}
    document = Columns.parse(("published_time=-",)).document(values)
    assert (document.text, dict(document.attributes)) == ("hello", {"published_time": "11/22/2026", "-": "x"})
    assert not document.HasField("published_time")


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("text", "FIELD=COLUMN"),
        ("text=", "FIELD=COLUMN"),
        ("txt=body", "'txt' is not a field"),
        ("id=b", "id is filled"),
    ],
)
def test_a_mapping_that_is_none_is_named(pair: str, told: str) -> None:
    """Each wrong pair has an error that says what is wrong with it."""
    with pytest.raises(SettingError, match=told):
        Columns.parse(("id=a", pair))


def test_errors_name_the_column() -> None:
    """Who wrote the file knows its columns, not the contract's fields."""
    columns = Columns.parse(("audience=reach", "events=history"))
    with pytest.raises(DocumentError) as caught:
        columns.document({"reach": "many"})
    assert caught.value.field == "reach"
    with pytest.raises(DocumentError) as caught:
        columns.document({"history": [{"amount": "x"}]})
    assert caught.value.field == "history[0].amount"


@pytest.mark.parametrize("content", ['{"id": "1", "body": "x"}\n{"id": "2", "tags": []}\n', "id,body,tags\n1,x,\n"])
def test_a_column_that_the_file_lacks_is_told_with_those_it_has(content: str, tmp_path: Path) -> None:
    """A name mistyped in a mapping does not score a file of empty texts."""
    path = tmp_path / ("x.jsonl" if content.startswith("{") else "x.csv")
    path.write_text(content)
    there = "no column 'boddy'; it has: id, body, tags"
    with open_rows(str(path), reject=lambda *_: None) as rows, pytest.raises(FileError, match=there):
        list(Columns.parse(("text=boddy",)).checked(rows))
    with open_rows(str(path), reject=lambda *_: None) as rows:
        assert next(iter(Columns.parse(("text=body", "title=-")).checked(rows))).values["body"] == "x"
