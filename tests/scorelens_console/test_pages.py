"""The pages about many documents, as either persona sees them."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
import pytest

from scorelens_store.query.parse import parse
from tests.scorelens_console.records import FEATURES, records
from tests.scorelens_console.running import Running

SCIENTISTS = ("/patterns", "/production", "/views", "/views/x")


def charts(page: str) -> dict[str, Any]:
    """Return the charts of a page by title, with their first data."""
    found = {}
    for spec, title in re.findall(r'<figure class="chart" data-chart="([^"]*)">\s*<figcaption><strong>([^<]*)', page):
        read = json.loads(html.unescape(spec))
        first = read["layer"][0] if "layer" in read else read
        found[html.unescape(title)] = first["data"]["values"]
    return found


def linked_queries(page: str) -> list[str]:
    """Return the queries that a page links to."""
    addresses = map(html.unescape, re.findall(r'href="(/documents\?[^"]*)"', page))
    return [query for address in addresses if (query := httpx.URL(address).params.get("q", ""))]


@pytest.mark.parametrize("path", SCIENTISTS)
def test_pages_of_scientists_are_closed_to_viewers(viewer: httpx.Client, path: str) -> None:
    """A viewer is told which role a page is for, and gets nothing of it."""
    answer = viewer.get(path)
    assert answer.status_code == 403
    assert "data scientist" in answer.text
    assert path.split("/")[1] not in re.sub(r"<main.*", "", answer.text, flags=re.DOTALL).replace("/documents", "")


def test_patterns_show_how_a_tag_is_scored(scientist: httpx.Client) -> None:
    """Every scored document is in a bin, the threshold is marked, and the reasons are those of the records."""
    page = scientist.get("/patterns", params={"of": "complaint"}).raise_for_status().text
    drawn = charts(page)
    assert sum(row["count"] for row in drawn["Scores"]) == len(records())
    tagged = [one for one in records() if "complaint" in one["tags"]]
    assert sum(row["value"] for row in drawn["Over time"]) == len(tagged)
    kinds = {row["name"]: row["value"] for row in drawn["By kind"]}
    for kind, share in kinds.items():
        own = [one for one in records() if one["document"]["kind"] == kind]
        assert share == pytest.approx(sum("complaint" in one["tags"] for one in own) / len(own))
    assert {row["series"] for row in drawn["Versions side by side"]} == {"1", "2"}
    assert "threshold 0.45" in html.unescape(page)
    assert FEATURES[0] in page


def test_every_query_that_patterns_link_to_can_be_run(scientist: httpx.Client) -> None:
    """Links lead to the documents behind a figure."""
    page = scientist.get("/patterns", params={"of": "refund"}).raise_for_status().text
    queries = linked_queries(page)
    assert len(queries) > 3
    for query in queries:
        parse(query)
        assert scientist.get("/documents", params={"q": query}).status_code == 200


def test_production_counts_what_was_scored(scientist: httpx.Client) -> None:
    """Volume, kinds, languages and lengths add up to the documents; latencies are by model and version."""
    page = scientist.get("/production").raise_for_status().text
    drawn = charts(page)
    for name in ("Volume", "Kinds", "Languages", "Sources"):
        assert sum(row["value"] for row in drawn[name]) == len(records())
    assert sum(row["count"] for row in drawn["Lengths"]) == len(records())
    assert re.search(r"media-tagger</td><td>1</td><td class=\"number\">30</td><td class=\"number\">3.25", page)
    assert "no indexer is named" in page


def test_reach_adds_up_audiences_by_brand(viewer: httpx.Client) -> None:
    """A viewer sees how many people documents of a brand reached, and how they speak of it."""
    page = viewer.get("/reach").raise_for_status().text
    about = [one for one in records() if "brand_acme" in one["tags"]]
    reach = sum(one["document"]["audience"] for one in about)
    assert f"{reach:,}" in page
    drawn = charts(page)
    assert sum(row["value"] for row in drawn["Reach over time"]) == reach
    assert sum(row["value"] for row in drawn["Reach by source"]) == reach
    bad = sum("negative" in one["tags"] for one in about)
    moods = {row["series"]: row["value"] for row in drawn["Perception"]}
    assert moods["speaks ill"] == pytest.approx(bad / len(about))
    closer = charts(viewer.get("/reach", params={"brand": "brand_acme"}).raise_for_status().text)
    assert sum(row["value"] for row in closer["Perception over time"]) == bad
    assert viewer.get("/reach", params={"brand": "nobody"}).status_code == 404


def test_suggestions_are_of_the_role(viewer: httpx.Client, scientist: httpx.Client) -> None:
    """Both get values of kinds, and only a scientist gets reasons."""
    for person, found in ((viewer, False), (scientist, True)):
        assert "kind:tweet" in person.get("/suggest", params={"q": "kind:tw"}).text
        assert ("because:" in person.get("/suggest", params={"q": "because:comp"}).text) == found


def test_a_view_is_kept_changed_shared_and_deleted(console: Running) -> None:
    """Only its owner changes it; others see it once it is shared."""
    owner, other = console.person("scientist", "ada"), console.person("scientist", "bob")
    form = {
        "title": "Mine",
        "address": "q=refund",
        "columns": "kind, score.refund",
        "charts": "kind\nscore.refund by 0.1",
    }
    made = owner.post("/views", data=form)
    assert made.status_code == 303
    address = made.headers["location"]
    page = owner.get(address).raise_for_status().text
    expected = sum("refund" in one["document"]["text"].lower() for one in records())
    assert f"<strong>{expected}</strong> document" in page
    assert set(charts(page)) == {"document.kind", "score.refund"}
    assert other.get(address).status_code == 404
    assert owner.post(address, data=form | {"title": "Ours", "shared": "on"}).status_code == 303
    assert "Ours" in other.get(address).raise_for_status().text
    assert "Ours" in other.get("/views").text
    assert other.post(address, data=form).status_code == 404
    assert other.post(address, data={"delete": ""}).status_code == 404
    wrong = owner.post(address, data=form | {"charts": "nope"})
    assert wrong.status_code == 400
    assert "charts: there is no field" in html.unescape(wrong.text)
    assert owner.post(address, data={"delete": ""}).status_code == 303
    assert owner.get(address).status_code == 404


def test_documents_are_pulled_up_by_any_name(console: Running, viewer: httpx.Client, scientist: httpx.Client) -> None:
    """Document ids, record ids, addresses and lines of a log are found; what is not is named."""
    ids = ["d-3", f"{4:032x}", "https://example.org/5", json.dumps({"document": {"id": "d-6"}}), "", "nobody"]
    for person in (viewer, scientist):
        page = person.post("/pull", data={"ids": "\n".join(ids)}).raise_for_status().text
        assert all(f">d-{number}</a>" in page for number in (3, 4, 5, 6))
        assert "nobody" in page
        lines = person.post("/pull", data={"ids": "\n".join(ids), "download": "jsonl"}).text.splitlines()
        assert [json.loads(line)["id"] for line in lines] == ["d-3", "d-4", "d-5", "d-6"]
    mixed = console.person("viewer,other=scientist", "mixed")
    assert ">d-3</a>" in mixed.post("/pull", data={"ids": "d-3"}).raise_for_status().text
    log = "\n".join(json.dumps(one) for one in records()[:10])
    sent = scientist.post("/pull", files={"log": ("calculations.jsonl", log)})
    assert "<strong>10</strong> found" in sent.raise_for_status().text
    assert viewer.post("/pull", data={"ids": "{broken"}).status_code == 400
    assert viewer.post("/pull", data={"ids": "\n".join(map(str, range(1002)))}).status_code == 400
