"""What programs get of the API, by a token or by the session of a page."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from scorelens_console.access.identity import Role
from scorelens_console.access.tokens import Tokens
from scorelens_console.api.endpoints import ENDPOINTS
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running

RECORDS = records()
TREE = {"all": [{"equals": {"field": "kind", "value": "tweet"}}, {"range": {"field": "score.complaint", "low": 0.2}}]}
QUERY = "kind:tweet score.complaint:>=0.2"


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the lines of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def error(answer: httpx.Response) -> dict[str, Any]:
    """Return what went wrong."""
    assert set(answer.json()) == {"error"}
    return dict(answer.json()["error"])


def test_a_program_finds_out_who_it_is(viewing: httpx.Client, exploring: httpx.Client) -> None:
    """Its name, its roles, and which purposes it may ask for."""
    assert viewing.get("/whoami").json() == {
        "name": "viewer",
        "method": "token",
        "role": "viewer",
        "roles": {"*": "viewer"},
        "purposes": ["production"],
    }
    assert exploring.get("/whoami").json()["purposes"] == []


def test_who_is_not_a_scientist_of_every_model_sees_production_alone(console: Running) -> None:
    """Asking for all purposes would leave other models out."""
    told = console.program("viewer,media-tagger=scientist").get("/whoami").json()
    assert (told["role"], told["purposes"]) == ("scientist", ["production"])


def test_a_record_is_shown_as_far_as_it_may_be_seen(viewing: httpx.Client, exploring: httpx.Client) -> None:
    """Whole to a data scientist, without how it came about to a viewer, and not at all where there is none."""
    (whole,) = [one for one in RECORDS if one["document"]["id"] == "d-3"]
    assert exploring.get(f"/records/{whole['record']['id']}").json() == whole
    seen = viewing.get(f"/records/{whole['record']['id']}").json()
    assert (seen["document"], seen["score"], seen["tags"]) == (whole["document"], whole["score"], whole["tags"])
    assert not {"margin", "threshold", "because", "calculation", "labels", "purpose"} & set(seen)
    missing = viewing.get("/records/none")
    assert (missing.status_code, error(missing)["code"]) == (404, "not_found")


def test_words_and_trees_find_the_same(viewing: httpx.Client) -> None:
    """People write a query and programs may send its tree; both count, list and scan alike."""
    count = viewing.get("/count", params={"query": QUERY}).json()["count"]
    assert 0 < count < len(RECORDS)
    assert viewing.post("/count", json={"query": TREE}).json() == {"count": count}
    page: dict[str, Any] = {"limit": 5, "sort": "audience:asc", "highlight": True}
    by_text = viewing.get("/search", params={"query": QUERY, **page}).json()
    assert by_text == viewing.post("/search", json={"query": TREE, **page}).json()
    assert by_text["total"] == count
    scanned = lines(viewing.get("/scan", params={"query": QUERY}))
    assert scanned == lines(viewing.post("/scan", json={"query": TREE}))
    assert len(scanned) == count
    assert [one["@timestamp"] for one in scanned] == sorted(one["@timestamp"] for one in scanned)


def test_pages_follow_each_other(viewing: httpx.Client) -> None:
    """Each page says where the next one begins, as an address and a body take it, and the last one that it is."""
    found: list[str] = []
    after: Any = []
    while after is not None:
        page: dict[str, Any] = {"query": "kind:*", "limit": 25, "sort": "score.complaint"}
        answer = viewing.post("/search", json={**page, "after": after}).json()
        same = viewing.get("/search", params={**page, "after": json.dumps(after)}).json()
        assert same == answer
        found += [hit["record"]["record"]["id"] for hit in answer["hits"]]
        after = answer["next"]
    assert sorted(found) == sorted(one["record"]["id"] for one in RECORDS)


def test_a_listing_of_one_moment_comes_as_lines(viewing: httpx.Client) -> None:
    """Any number of hits, with a line for each page, and one line where there is none."""
    asked = {"limit": 55, "sort": "@timestamp:desc"}
    (page,) = lines(viewing.post("/pages", json=asked))
    assert page["total"] == len(RECORDS)
    assert [hit["record"]["document"]["id"] for hit in page["hits"]] == [f"d-{at}" for at in range(59, 4, -1)]
    assert lines(viewing.post("/pages", json={"query": "id:none", "limit": 5})) == [{"total": 0, "hits": []}]


def test_every_aggregation_is_answered(viewing: httpx.Client) -> None:
    """Counts, sums and numbers, each by the name that it was given."""
    asked = {
        "kinds": {"terms": {"field": "kind", "limit": 2, "sum_of": "audience"}},
        "reach": {"histogram": {"field": "audience", "width": 1000}},
        "hours": {"date_histogram": {"field": "time", "seconds": 3600}},
        "numbers": {"statistics": {"field": "audience"}},
        "middle": {"percentiles": {"field": "audience", "percents": [50, 99.5]}},
    }
    found = viewing.post("/aggregate", json={"aggregations": asked}).json()["aggregations"]
    assert found["kinds"]["buckets"] == [
        {"key": "article", "count": 12, "sum": 100 * sum(range(3, 60, 5))},
        {"key": "blog", "count": 12, "sum": 100 * sum(range(2, 60, 5))},
    ]
    assert [one["count"] for one in found["reach"]["buckets"]] == [10] * 6
    assert found["hours"]["buckets"] == [{"key": "2026-11-20T09:00:00+00:00", "count": 60}]
    assert found["numbers"]["values"]["max"] == 5900
    assert set(found["middle"]["values"]) == {"50", "99.5"}


def test_words_that_mark_documents_are_found(viewing: httpx.Client) -> None:
    """With their counts on either side."""
    asked = {"query": "language:fr", "against": {"query": {"equals": {"field": "language", "value": "en"}}}, "limit": 3}
    found = viewing.post("/words", json=asked).json()
    assert (found["total"], found["others"], len(found["words"])) == (12, 36, 3)
    assert all(word["count"] == 12 and word["other_count"] == 0 for word in found["words"])


def test_models_and_their_tags_are_listed(viewing: httpx.Client) -> None:
    """With what people call them."""
    (model,) = viewing.get("/models").json()["models"]
    assert (model["id"], sorted(model["versions"])) == ("media-tagger", ["1", "2"])
    assert {"id": "brand_acme", "title": "Brand Acme", "group": "brand"} in model["tags"]


@pytest.mark.parametrize(
    ("path", "parameters", "told"),
    [
        ("/search", {"query": "a AND (b"}, {"code": "query", "position": 6}),
        ("/search", {"limit": "201"}, {"code": "bad_request", "field": "limit"}),
        ("/search", {"limit": "many"}, {"code": "bad_request", "field": "limit"}),
        ("/search", {"limt": "2"}, {"code": "bad_request", "field": "limt"}),
        ("/search", {"sort": "nonsense"}, {"code": "query"}),
        ("/search", {"sort": "tags"}, {"code": "query"}),
        ("/search", {"after": "[1"}, {"code": "bad_request", "field": "after"}),
        ("/search", {"after": '["\\ud800", 1, "a"]'}, {"code": "bad_request", "field": "after"}),
        ("/search", {"after": f'[{10**400}, 1, "a"]', "query": "refund"}, {"code": "bad_request", "field": "after"}),
        ("/search", {"purposes": "nonsense"}, {"code": "bad_request", "field": "purposes.0"}),
        ("/count", {"since": "yesterday"}, {"code": "bad_request", "field": "since"}),
        ("/count", {"since": "2026-13-01"}, {"code": "bad_request", "field": "since"}),
        ("/scan", {"calls": "perhaps"}, {"code": "bad_request", "field": "calls"}),
    ],
)
def test_what_is_wrong_is_named(exploring: httpx.Client, path: str, parameters: dict[str, str], told: Any) -> None:
    """The parameter, or the place in the query."""
    answer = exploring.get(path, params=parameters)
    assert answer.status_code == 400, answer.text
    found = error(answer)
    assert found.pop("message")
    assert found == told


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/search", {"query": {"equals": {"field": "nonsense", "value": 1}}}, {"code": "query"}),
        ("/search", {"query": 5}, {"code": "bad_request", "field": "query.str"}),
        ("/search", {"limit": "5"}, {"code": "bad_request", "field": "limit"}),
        ("/search", [], {"code": "bad_request"}),
        ("/pages", {}, {"code": "bad_request", "field": "limit"}),
        ("/aggregate", {"aggregations": {}}, {"code": "bad_request", "field": "aggregations"}),
        ("/aggregate", {"aggregations": {"a": {}}}, {"code": "bad_request", "field": "aggregations.a"}),
        (
            "/aggregate",
            {"aggregations": {"a": {"terms": {"field": "kind", "limit": 0}}}},
            {"code": "bad_request", "field": "aggregations.a.terms.limit"},
        ),
        ("/aggregate", {"aggregations": {"a": {"terms": {"field": "audience"}}}}, {"code": "query"}),
        ("/words", {"query": "refund", "field": "audience"}, {"code": "query"}),
    ],
)
def test_what_is_wrong_in_a_body_is_named(exploring: httpx.Client, path: str, body: Any, told: Any) -> None:
    """The member, by its path."""
    answer = exploring.post(path, json=body)
    assert answer.status_code == 400, answer.text
    found = error(answer)
    assert found.pop("message")
    assert found == told


def test_bodies_are_json_and_no_larger_than_they_need_be(exploring: httpx.Client) -> None:
    """Whatever else is sent is refused, whether it tells its length or not."""
    as_json = {"Content-Type": "application/json"}
    assert error(exploring.post("/count", content=b"{", headers=as_json))["message"].startswith("the body is no JSON")
    assert exploring.post("/count", content=b'{"query":' * 100_000, headers=as_json).status_code == 400
    assert "Content-Type" in error(exploring.post("/count", content=b"{}"))["message"]
    large = b'{"query": "' + b"a" * 5 * 2**20
    for content in (large, iter([large[:50], large[50:]])):
        answer = exploring.post("/count", content=content, headers=as_json)
        assert (answer.status_code, error(answer)["code"]) == (413, "too_large")


def test_a_viewer_is_told_which_role_it_takes(viewing: httpx.Client) -> None:
    """What is a data scientist's is named, and whose role is not enough."""
    for asked in ({"query": "margin.complaint:>0"}, {"sort": "threshold.refund"}, {"purposes": "all"}, {"calls": "1"}):
        answer = viewing.get("/search", params=asked)
        assert (answer.status_code, error(answer)["code"]) == (403, "not_allowed")
        assert "for data scientists; viewer is signed in as viewer" in error(answer)["message"]


def test_nobody_is_answered_without_a_token_that_holds(console: Running) -> None:
    """A missing, wrong or revoked one is refused, whatever is asked."""
    key, token = Tokens(console.state).create("ci", {"*": Role.VIEWER})
    Tokens(console.state).revoke(key)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {token}"}):
        for path in ("/search?limit=999", "/openapi.json", "/nonsense"):
            answer = httpx.get(f"{console.url}/api/v1{path}", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert error(answer)["code"] == "not_signed_in"
        answer = httpx.post(f"{console.url}/api/v1/search", json={}, headers=headers)
        assert (answer.status_code, error(answer)["code"]) == (401, "not_signed_in")


def test_pages_of_the_console_may_use_it_by_their_session(console: Running) -> None:
    """What changes nothing needs no more; a body has to come from a page of the console."""
    person = console.person("viewer")
    secret = person.headers.pop("X-CSRF-Token")
    assert person.get("/api/v1/count").json() == {"count": 60}
    refused = person.post("/api/v1/count", json={})
    assert (refused.status_code, error(refused)["code"]) == (403, "forged")
    assert person.post("/api/v1/count", json={}, headers={"X-CSRF-Token": secret}).json() == {"count": 60}


def test_what_was_asked_and_read_is_in_the_audit_log(console: Running, viewing: httpx.Client) -> None:
    """With the query, also one that came in a body; what shows no document leaves no line."""
    log = console.folder / "audit.jsonl"

    def new(path: str, **body: Any) -> list[dict[str, Any]]:
        before = len(log.read_text().splitlines())
        assert viewing.post(path, json=body).status_code == 200
        return [json.loads(line) for line in log.read_text().splitlines()[before:]]

    assert new("/count", query="refund") == []
    assert new("/aggregate", aggregations={"a": {"terms": {"field": "kind"}}}) == []
    assert new("/words", query="refund") == []
    assert new("/search", query="id:none") == []
    (line,) = new("/search", query="id:d-3")
    assert (line["name"], line["method"], line["query"], line["record_ids"]) == (
        "viewer",
        "token",
        "id:d-3",
        [f"{3:032x}"],
    )
    (line,) = new("/search", query={"equals": {"field": "id", "value": "d-3"}})
    assert json.loads(line["query"]) == {"equals": {"field": "id", "value": "d-3"}}
    begun = len(log.read_text().splitlines())
    viewing.post("/scan", json={})
    for _ in range(1000):  # the last line comes after the last byte
        first, *last = (json.loads(line) for line in log.read_text().splitlines()[begun:])
        if last:
            break
        time.sleep(0.01)
    assert [line["action"] for line in (first, *last)] == ["scan_by_tree"] * 2
    assert (first["documents"], last[0]["documents"]) == (1, 60)


def test_the_examples_of_the_documentation_work(viewing: httpx.Client) -> None:
    """The body that docs/console-api.md sends, and the error that it shows."""
    page = (Path(__file__).parents[3] / "docs" / "console-api.md").read_text("utf-8")
    (body,) = re.findall(r"aggregate -d '(.*?)'\n```", page, re.DOTALL)
    answer = viewing.post("/aggregate", json=json.loads(body.replace("0.7", "0.2")) | {"since": None})
    (day,) = answer.json()["aggregations"]["days"]["buckets"]
    assert day["key"] == "2026-11-20T00:00:00+00:00"
    assert day["count"] > 0
    assert day["sum"] > 0
    (told,) = re.findall(r'```json\n(\{"error".*?)\n```', page)
    assert viewing.get("/count", params={"query": "a AND (b"}).json() == json.loads(told)
    for path in {one.path for one in ENDPOINTS}:
        assert f"`{path.replace('{record_id}', 'ID')}`" in page.replace("`GET ", "`").replace("`POST ", "`")
