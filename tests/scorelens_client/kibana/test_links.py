"""Addresses of pages of Kibana."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_reading.kibana.ids import dashboard_id, data_view_id
from scorelens_reading.kibana.links import Kibana, linked, prefix_of
from scorelens_reading.kibana.settings import KibanaSettings, from_environment
from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Selection
from scorelens_store.query.parse import parse
from tests.scorelens_client.kibana.rison import decode
from tests.scorelens_store.records import make

KIBANA = Kibana(KibanaSettings(url="https://kibana.example:5601/base", space="marketing"), "media")
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!&()*+,;=%]+")


def states(address: str) -> dict[str, Any]:
    """Return the states that an address keeps, by name, as Kibana reads them."""
    assert ADDRESS.fullmatch(address)
    _, _, query = urlsplit(address).fragment.partition("?")
    return {name: decode(unquote(text)) for name, _, text in (part.partition("=") for part in query.split("&"))}


@given(IDS)
def test_a_document_is_found_by_its_id(name: str) -> None:
    """Whatever signs an id has, the address asks for exactly this id, in the data view of the store."""
    found = states(KIBANA.of_document([make(1, document={"id": name})]))["_a"]
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert found["query"] == {"language": "lucene", "query": f'document.id:"{quoted}"'}
    assert found["dataSource"] == {"dataViewId": data_view_id("media"), "type": "dataView"}
    assert found["index"] == data_view_id("media")


def test_the_time_covers_all_scores_of_a_document() -> None:
    """The span of the page begins before the first score and ends after the last."""
    records = [make(number) for number in (40, 7, 19)]
    time = states(KIBANA.of_document(records))["_g"]["time"]
    first, last = (datetime.fromisoformat(time[name]) for name in ("from", "to"))
    scored = [datetime.fromisoformat(record["@timestamp"]) for record in records]
    assert first < min(scored) < max(scored) < last
    assert states(KIBANA.of_document(records, total=30))["_g"]["time"]["from"] == "now-10y"
    assert (last - first).total_seconds() < (max(scored) - min(scored)).total_seconds() + 300


def test_a_record_without_a_documents_id_is_found_by_its_own() -> None:
    """Documents without an id are asked for by the id of the record."""
    record = make(3, document={"text": "x"})
    query = states(KIBANA.of_document([record]))["_a"]["query"]["query"]
    assert query == f'record.id:"{record["record"]["id"]}"'


def test_a_selection_keeps_its_query_and_its_time() -> None:
    """A search becomes a query with full names, with what listings leave out, and the page's own span of time."""
    since = datetime(2026, 11, 1, 10, tzinfo=UTC)
    found = states(KIBANA.of_selection(Selection(parse("model:media-tagger kind:tweet"), since)))
    assert found["_g"]["time"] == {"from": "2026-11-01T10:00:00.000Z", "to": "now+1d"}
    assert found["_a"]["query"]["query"] == (
        'model.id:"media-tagger" AND document.kind:tweet AND purpose:production AND record.type:document'
    )
    everything = states(KIBANA.of_selection(Selection(parse("*"), purposes=(), calls=True)))
    assert everything["_a"]["query"]["query"] == "*:*"
    assert everything["_g"]["time"] == {"from": "now-10y", "to": "now+1d"}


def test_pages_lie_in_the_space() -> None:
    """Every address begins with the base path and the space."""
    base = "https://kibana.example:5601/base/s/marketing/app/"
    selection = Selection(parse("*"))
    for address in (KIBANA.of_selection(selection), KIBANA.dashboards(), KIBANA.dashboard("model", "tags:x")):
        assert address.startswith(base)
    assert dashboard_id("media", "model") in KIBANA.dashboard("model")
    assert states(KIBANA.dashboard("model", "tags:x"))["_a"]["query"] == {"language": "lucene", "query": "tags:x"}
    default = Kibana(from_environment({}, url="http://localhost:5601", space="default"))
    assert default.dashboards() == "http://localhost:5601/app/dashboards"


def test_links_are_for_stores_that_kibana_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Kibana, or for records in a folder, there is no link; the prefix is that of the store's address."""
    monkeypatch.delenv("SCORELENS_KIBANA_URL", raising=False)
    monkeypatch.delenv("SCORELENS_ELASTICSEARCH_PREFIX", raising=False)
    assert linked("http://es:9200") is None
    monkeypatch.setenv("SCORELENS_KIBANA_URL", "https://kibana.example")
    assert linked("/var/lib/store") is None
    found = linked("http://es:9200#media")
    assert found is not None
    assert found.prefix == "media"
    assert prefix_of("http://es:9200") == "scorelens"
    with pytest.raises(SettingError, match="migrate"):
        prefix_of("/var/lib/store")


def test_a_languages_analyzer_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where words are found by a language's analyzer, the page finds them so as well."""
    monkeypatch.setenv("SCORELENS_KIBANA_URL", "https://kibana.example")
    monkeypatch.setenv("SCORELENS_ELASTICSEARCH_ANALYZER", "english")
    found = linked("http://es:9200")
    assert found is not None
    query = states(found.of_selection(Selection(parse("text:refunds"))))["_a"]["query"]["query"]
    assert query.startswith("(document.text:refunds OR document.text.analyzed:refunds)")
