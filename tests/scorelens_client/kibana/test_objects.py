"""The saved objects fit Kibana's forms, hold together, and are the same every time."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema  # type: ignore[import-untyped]
import pytest

from scorelens_client.kibana import columns, lens
from scorelens_client.kibana.contents import contents
from scorelens_client.kibana.controls import Control
from scorelens_client.kibana.dashboard import Dashboard
from scorelens_client.kibana.dataview import data_view, formats
from scorelens_client.kibana.objects import saved_objects, to_ndjson
from scorelens_client.kibana.panels import WIDTH, Listing, Panel, Words, places
from scorelens_client.kibana.searches import Search
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import dashboard_id, data_view_id, search_id
from tests.scorelens_client.kibana.corpus import VIEW
from tests.scorelens_client.kibana.shape import SHAPES
from tests.scorelens_client.kibana.walking import decoded, lenses, nodes
from tests.scorelens_console.routes import addresses

GOLDEN = Path(__file__).parent / "golden.ndjson"
FIFTY = KibanaView("other", tuple(f"tag_{number}" for number in range(50)))
VIEWS = {"no tags": KibanaView(), "tags": VIEW, "fifty tags": FIFTY}
every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
OVERVIEW, MODEL, TAGS = (dashboard_id("scorelens", name) for name in ("overview", "model", "tags"))


@every_view
def test_each_object_has_the_shape_that_kibana_imports(view: KibanaView) -> None:
    """No member is missing, and none is there that Kibana does not know."""
    for saved in saved_objects(view):
        jsonschema.validate(decoded(saved), SHAPES[saved["type"]])


@every_view
def test_references_and_names_agree(view: KibanaView) -> None:
    """What an object refers to is in the file, and each name that attributes use is among its references."""
    objects = saved_objects(view)
    there = {(saved["type"], saved["id"]) for saved in objects}

    for saved in objects:
        names = [one["name"] for one in saved["references"]]
        assert {(one["type"], one["id"]) for one in saved["references"]} <= there
        assert sorted(names) == sorted(set(names)) == sorted(_used(saved))


@every_view
def test_charts_draw_columns_that_they_have(view: KibanaView) -> None:
    """Every accessor of a visualization is a column of its layer, and every layer reads the data view."""
    for saved in saved_objects(view):
        for _, chart in lenses(saved):
            layers = chart["state"]["datasourceStates"]["formBased"]["layers"]
            drawn = chart["state"]["visualization"]
            for part in drawn.get("layers", [drawn]):
                assert _accessors(part) == set(layers[part["layerId"]]["columns"])
            assert [one["name"].rpartition("-")[2] for one in chart["references"]] == list(layers)
            assert all(set(layer["columnOrder"]) == set(layer["columns"]) for layer in layers.values())
            assert all(_buckets_first(layer) for layer in layers.values())


@every_view
def test_panels_fill_the_grid_without_overlapping(view: KibanaView) -> None:
    """Panels lie within 48 columns, each in a place of its own."""
    for saved in saved_objects(view):
        if saved["type"] == "dashboard":
            grids = [panel["gridData"] for panel in decoded(saved)["attributes"]["panelsJSON"]]
            cells = [cell for grid in grids for cell in _cells(grid)]
            assert len(cells) == len(set(cells))
            assert all(grid["x"] + grid["w"] <= WIDTH and grid["w"] and grid["h"] for grid in grids)


@every_view
def test_ids_and_titles_are_unique(view: KibanaView) -> None:
    """No two objects, panels or controls share an id, nor two objects of a kind a title."""
    objects = saved_objects(view)
    panels = [one for saved in objects for _, node in nodes(decoded(saved)) for one in [node.get("panelIndex")] if one]
    controls = [node["explicitInput"]["id"] for saved in objects for _, node in _controls(saved)]
    titles = [(saved["type"], saved["attributes"]["title"]) for saved in objects]
    ids = [*(saved["id"] for saved in objects), *panels, *controls]

    assert len(ids) == len(set(ids))
    assert len(titles) == len(set(titles))


def test_equal_views_give_equal_bytes() -> None:
    """The file is the same every time, one object per line, with the ids that links are made of."""
    lines = to_ndjson(saved_objects(VIEW)).splitlines()
    objects = [json.loads(line) for line in lines]

    assert to_ndjson(saved_objects(VIEW)).splitlines() == lines
    assert objects == saved_objects(VIEW)
    assert objects[0]["id"] == data_view_id("scorelens") == "f969d733-97e4-5c63-aad0-306dcd71b1b8"
    assert [one["id"] for one in objects[-3:]] == [OVERVIEW, MODEL, TAGS]
    assert search_id("scorelens", "near-threshold-complaint") in {one["id"] for one in objects}


def test_stores_side_by_side_do_not_meet() -> None:
    """Objects of another prefix have other ids throughout, and read the other alias."""
    ours, theirs = saved_objects(KibanaView()), saved_objects(KibanaView("other"))

    assert not {one["id"] for one in ours} & {one["id"] for one in theirs}
    assert theirs[0]["attributes"]["title"] == "other"


def test_an_object_comes_after_those_it_refers_to() -> None:
    """A data view comes first and dashboards last, but for the links between dashboards."""
    kinds = [saved["type"] for saved in saved_objects(VIEW)]

    assert [kind for kind, _ in itertools.groupby(kinds)] == ["index-pattern", "search", "dashboard"]


def test_ids_of_documents_and_records_lead_to_the_console() -> None:
    """Where a console is named, Kibana makes links of ids and encodes them; elsewhere there are none."""
    with_console = json.loads(data_view(VIEW)["attributes"]["fieldFormatMap"])
    without = json.loads(data_view(KibanaView())["attributes"]["fieldFormatMap"])

    assert with_console["document.id"]["params"]["urlTemplate"] == "https://console.example/document?id={{value}}"
    assert with_console["record.id"]["params"]["urlTemplate"] == "https://console.example/records/{{value}}"
    assert with_console["score.card-fraud"]["id"] == "percent"
    assert "document.id" not in without


def test_the_console_answers_where_ids_lead() -> None:
    """The addresses that Kibana makes of ids are pages of the console."""
    templates = [formats(VIEW)[field]["params"]["urlTemplate"] for field in ("document.id", "record.id")]
    paths = {urlsplit(one.replace("{{value}}", "{record_id}")).path for one in templates}

    assert len(paths) == 2
    assert paths <= {address.path for address in addresses() if "GET" in address.methods}


def test_tags_of_a_group_are_named_and_else_guessed() -> None:
    """Charts of brands take the tags that are brands; where none are known, those named as the reference model's."""
    named, guessed = _terms(VIEW, "Sentiment by brand"), _terms(KibanaView(), "Sentiment by brand")

    assert (named["include"], named["includeIsRegex"]) == (["brand_acme"], False)
    assert (guessed["include"], guessed["includeIsRegex"]) == (["brand_.*"], True)


def test_the_list_names_everything() -> None:
    """The list has a row for each object and each panel of a dashboard."""
    rows = list(contents(VIEW))
    objects = saved_objects(VIEW)
    panels = [panel for saved in objects for panel in decoded(saved)["attributes"].get("panelsJSON", [])]

    assert {row.id for row in rows if row.id} == {saved["id"] for saved in objects}
    assert [row.title for row in rows if row.dashboard and row.kind != "control"] == [one["title"] for one in panels]


def test_a_full_line_is_followed_by_the_next_below_its_highest() -> None:
    """Panels are set from left to right."""
    panels = [
        Panel(str(number), width, height, Words(""))
        for number, (width, height) in enumerate([(24, 4), (24, 9), (30, 2)])
    ]

    assert [tuple(place) for place in places(panels)] == [(0, 0, 24, 4), (24, 0, 24, 9), (0, 9, 30, 2)]


def test_a_small_view_is_written_as_the_golden_file() -> None:
    """The JSON that Kibana gets changes only on purpose."""
    made = to_ndjson(_small())

    assert made == GOLDEN.read_bytes()


def _small() -> list[dict[str, Any]]:
    """Return a data view, a search and a dashboard with one of everything."""
    view = KibanaView("small", ("complaint",), "https://console.example", "Small")
    search = Search("all", "all", "Everything.", "record.type:document", ("document.text",))
    line = columns.median("threshold.complaint", "Threshold")
    scores = columns.histogram("score.complaint", "Score", 20)
    kinds = columns.terms("document.kind", "Kind", 3)
    negative = columns.count("Negative").within('tags:"negative"', lens.BAD)
    panels = (
        Panel("Scores", 24, 10, lens.chart(lens.BARS, scores, [columns.count()], split=kinds, line=line)),
        Panel("Kinds", 24, 10, lens.table([kinds], [negative], across=columns.filters("Side", {"a": "flags:*"}))),
        Panel("Durations", 12, 6, lens.figure(columns.percentile("rpc.duration_ms", 95, "95th"))),
        Panel("Words", 36, 6, Words("**Words**")),
        Panel("All", 48, 10, Listing("all")),
    )
    dashboard = Dashboard("one", "one", "All kinds of panels.", panels, (Control("document.kind", "Kind"),))
    return [data_view(view), search.to_saved(view), dashboard.to_saved(view)]


def _used(saved: dict[str, Any]) -> list[str]:
    """Return the names of references that the attributes of an object speak of."""
    attributes = decoded(saved)["attributes"]
    if saved["type"] == "search":
        return [attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]["indexRefName"]]
    found = [f"controlGroup_{one['explicitInput']['id']}:optionsListDataView" for _, one in _controls(saved)]
    for panel in attributes.get("panelsJSON", []):
        config, name = panel["embeddableConfig"], panel["panelIndex"]
        if "panelRefName" in panel:
            found.append(f"{name}:{panel['panelRefName']}")
        found += [f"{name}:{one['name']}" for one in config.get("attributes", {}).get("references", [])]
        found += [f"{name}:{one['destinationRefName']}" for one in config.get("attributes", {}).get("links", [])]
    return found


def _controls(saved: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(where, node) for where, node in nodes(decoded(saved)) if "explicitInput" in node]


def _accessors(part: dict[str, Any]) -> set[str]:
    singles = (part.get(name) for name in ("xAccessor", "splitAccessor", "metricAccessor"))
    columns_of_table = (column["columnId"] for column in part.get("columns", []))
    return {*(one for one in singles if one), *part.get("accessors", []), *columns_of_table}


def _buckets_first(layer: dict[str, Any]) -> bool:
    bucketed = [layer["columns"][name]["isBucketed"] for name in layer["columnOrder"]]
    return bucketed == sorted(bucketed, reverse=True)


def _cells(grid: dict[str, Any]) -> list[tuple[int, int]]:
    columns_, rows = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
    return list(itertools.product(columns_, rows))


def _terms(view: KibanaView, title: str) -> dict[str, Any]:
    charts = {name: chart for saved in saved_objects(view) for name, chart in lenses(saved)}
    layer = charts[title]["state"]["datasourceStates"]["formBased"]["layers"]["data"]
    params: dict[str, Any] = layer["columns"]["x"]["params"]
    return params
