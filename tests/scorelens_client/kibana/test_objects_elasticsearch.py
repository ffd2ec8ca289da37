"""Every query and every chart of the saved objects runs on a real server and finds what the records hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import orjson
import pytest
import urllib3

from scorelens_client.kibana.objects import saved_objects
from scorelens_client.kibana.tags import read_view
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS, data_view_id
from scorelens_store.contract import Outcome
from scorelens_store.elasticsearch.dead_letter_index import open_dead_letters
from scorelens_store.elasticsearch.dead_letters import dead_letters_name
from scorelens_store.elasticsearch.store import open_store
from tests.scorelens_client.kibana.asking import filled, to_query, to_searches
from tests.scorelens_client.kibana.corpus import THRESHOLDS, TITLES, VIEW, letters, records
from tests.scorelens_client.kibana.test_objects_fields import SERVES
from tests.scorelens_client.kibana.walking import lenses, queries, queries_of_views, uses, view_of

Ask = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def prefix() -> str:
    """Prefix of this module's indices."""
    return f"kibana-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def ask(elasticsearch_url: str, prefix: str) -> Iterator[Ask]:
    """Post JSON to a path of the server, which holds the records of `corpus`."""
    store = open_store(elasticsearch_url, prefix=prefix, period="month", shards=1, replicas="0")
    http = urllib3.PoolManager()

    def post(path: str, body: Any) -> Any:
        lines = body if isinstance(body, bytes) else orjson.dumps(body)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        answer = http.request("POST", f"{elasticsearch_url}{path}", body=lines, headers={"Content-Type": kind})
        assert answer.status == 200, answer.data[:2000]
        return answer.json()

    try:
        results = store.put(records())
        assert {result.outcome for result in results} == {Outcome.STORED}
        with closing(open_dead_letters(f"{elasticsearch_url}#{prefix}", "one")) as shown:
            shown.mirror({})
            assert shown.mirror(letters()) == (2, 0)
        yield post
    finally:
        store.close()
        _remove(http, elasticsearch_url, prefix)


def test_the_server_takes_every_field_as_its_use_needs(ask: Ask, prefix: str) -> None:
    """What the server says of a field, as Kibana asks it, serves all of its uses."""
    found = {use for saved in saved_objects(VIEW) for use in uses(saved)}
    fields = {view: ask(f"/{index}/_field_caps?fields=*", {})["fields"] for view, index in _indices(prefix).items()}

    for use in found:
        caps = fields[use.view].get(use.field, {})
        assert set(caps) <= SERVES[use.need], use
        assert caps, use
        assert use.need == "anything" or all(one["aggregatable"] for one in caps.values()), use


def test_every_query_finds_records(ask: Ask, prefix: str) -> None:
    """Each query of a search, a panel, a column or a filter runs as it stands, and matches something."""
    found = sorted({(view, query["query"]) for saved in saved_objects(VIEW) for view, query in queries_of_views(saved)})
    asked = [(view, {"size": 0, "query": to_query({"language": "lucene", "query": query})}) for view, query in found]

    answers = _msearch(ask, prefix, asked)

    empty = [one for one, answer in zip(found, answers, strict=True) if not answer["hits"]["total"]["value"]]
    assert len(found) > 20
    assert {view for view, _ in found} == set(_indices(prefix))
    assert empty == []


def test_every_chart_has_something_to_show(ask: Ask, prefix: str) -> None:
    """Each chart's columns run as the aggregations that Lens makes of them, and give buckets and numbers."""
    charts = [(title, lens) for saved in saved_objects(VIEW) for title, lens in lenses(saved)]
    bounds = _bounds(ask, prefix, charts)
    asked = [
        (title, view_of(lens["references"]), search) for title, lens in charts for search in to_searches(lens, bounds)
    ]

    answers = _msearch(ask, prefix, [(view, search) for _, view, search in asked])

    empty = [title for (title, *_), answer in zip(asked, answers, strict=True) if not filled(answer)]
    assert len(charts) > 40
    assert empty == []


def test_the_line_of_a_distribution_stands_at_the_threshold(ask: Ask, prefix: str) -> None:
    """The number of the reference line is the threshold that the records had."""
    charts = {title: lens for saved in saved_objects(VIEW) for title, lens in lenses(saved)}
    lens = charts["Scores: complaint"]
    view = data_view_id("scorelens")
    searches = to_searches(lens, _bounds(ask, prefix, [("", lens)]))
    answers = _msearch(ask, prefix, [(view, search) for search in searches])

    assert answers[1]["aggregations"]["mark"]["values"]["50.0"] == pytest.approx(THRESHOLDS["complaint"])
    assert lens["state"]["visualization"]["layers"][1]["yConfig"][0]["axisMode"] == "bottom"


def test_near_a_threshold_are_the_scores_around_it(ask: Ask, prefix: str) -> None:
    """The search for documents near a threshold finds those, and no others, that the records say are near."""
    searches = {saved["attributes"]["title"]: saved for saved in saved_objects(VIEW)}
    saved = searches["scorelens: near the threshold of complaint"]
    query = next(query for _, query in queries(saved))
    scores = [record["score"].get("complaint") for record in records() if record.get("score")]
    near = [score for score in scores if score is not None and 0.35 <= score <= 0.45]

    found = ask(f"/{prefix}/_search", {"size": 0, "query": to_query(query), "track_total_hits": True})

    assert found["hits"]["total"]["value"] == len(near) > 0


def test_the_store_says_which_tags_there_are(ask: Ask, prefix: str, elasticsearch_url: str) -> None:
    """Tags, the most frequent first, their groups, titles and thresholds are read from the records."""
    store = open_store(elasticsearch_url, prefix=prefix)
    view = read_view(store, KibanaView(prefix=prefix))
    chosen = read_view(store, KibanaView(prefix=prefix, tags=("negative",)))
    store.close()

    assert view.tags[0] == "complaint"
    assert sorted(view.tags) == sorted(TITLES)
    assert view.of_group("brand") == ("brand_acme",)
    assert {tag: view.threshold(tag) for tag in view.tags} == pytest.approx(THRESHOLDS)
    assert (view.title("card-fraud"), chosen.tags) == ("Card fraud", ("negative",))


def _bounds(ask: Ask, prefix: str, charts: list[tuple[str, Any]]) -> dict[str, tuple[float, float]]:
    """Ask for the least and greatest values of fields with histograms, as Kibana does before it divides them."""
    columns = [
        column
        for _, lens in charts
        for layer in lens["state"]["datasourceStates"]["formBased"]["layers"].values()
        for column in layer["columns"].values()
    ]
    fields = sorted({column["sourceField"] for column in columns if column["operationType"] == "range"})
    found = ask(f"/{prefix}/_search", {"size": 0, "aggs": {one: {"stats": {"field": one}} for one in fields}})
    return {field: (one["min"], one["max"]) for field, one in found["aggregations"].items()}


def _indices(prefix: str) -> dict[str, str]:
    """Return what is read by each data view, by its id."""
    return {data_view_id("scorelens"): prefix, data_view_id("scorelens", LETTERS): dead_letters_name(prefix)}


def _msearch(ask: Ask, prefix: str, searches: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    indices = _indices(prefix)
    lines = [part for view, search in searches for part in ({"index": indices[view]}, search)]
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    answers: list[dict[str, Any]] = ask("/_msearch", body)["responses"]
    assert [answer["error"] for answer in answers if "error" in answer] == []
    return answers


def _remove(http: urllib3.PoolManager, url: str, prefix: str) -> None:
    found = http.request("GET", f"{url}/{prefix}-*?expand_wildcards=all").json()
    for index in found:
        http.request("DELETE", f"{url}/{index}")
    http.request("DELETE", f"{url}/_index_template/{prefix}")
    for part in ("mappings", "settings", "custom"):
        http.request("DELETE", f"{url}/_component_template/{prefix}@{part}")
