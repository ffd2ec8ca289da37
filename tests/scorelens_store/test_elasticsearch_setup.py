"""Templates and their upgrades on a real server: created, changed from one state to the next, never destroying data."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore, open_store
from scorelens_store.elasticsearch.indices import generation_name
from scorelens_store.elasticsearch.mapping import VERSION, build_mappings
from scorelens_store.elasticsearch.plan import Plan
from scorelens_store.elasticsearch.setup import open_setup
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make, record_id
from tests.scorelens_store.server import ask, reply
from tests.tools.proxy import Answer, Fault, Passing, proxied

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
INDEX = "2026.11"


@pytest.fixture
def settings(elasticsearch_url: str) -> Iterator[ElasticsearchSettings]:
    """Settings with a prefix of the test's own."""
    own = ElasticsearchSettings(prefix=f"setup-{secrets.token_hex(6)}", period="month", replicas="0", number_fields=5)
    yield own
    drop(elasticsearch_url, own.prefix)


@contextmanager
def opened(url: str, settings: ElasticsearchSettings) -> Iterator[ElasticsearchStore]:
    """Open a store and close it again."""
    store = open_store(url, settings)
    try:
        yield store
    finally:
        store.close()


def put(url: str, settings: ElasticsearchSettings, *records: dict[str, Any]) -> None:
    """Store records."""
    with opened(url, settings) as store:
        assert {result.outcome for result in store.put(records)} == {Outcome.STORED}


def found(url: str, settings: ElasticsearchSettings, query: str) -> list[str]:
    """Return the ids of the documents that match."""
    with opened(url, settings) as store:
        hits = store.search(Selection(parse(query), purposes=(), calls=True), limit=100).hits
        return sorted(hit.record["document"]["id"] for hit in hits)


def plan(url: str, settings: ElasticsearchSettings) -> Plan:
    """Return what setting up would do."""
    with open_setup(url, settings) as setup:
        return setup.plan()


def set_up(url: str, settings: ElasticsearchSettings) -> Plan:
    """Set up, and return what was done."""
    with open_setup(url, settings) as setup:
        wanted = setup.plan()
        setup.apply(wanted)
        return wanted


def changes(done: Plan) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """Return by what and name from what to what."""
    return {step.what: {one.name: (one.before, one.after) for one in step.changes} for step in done.steps}


def test_setup_creates_all_once(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Looking changes nothing; then all is made; then there is nothing to do, also once there are records."""
    prefix = settings.prefix
    everything = [
        f"component template {prefix}@settings",
        f"component template {prefix}@mappings",
        f"index template {prefix}",
        f"index {prefix}-forgotten",
    ]
    assert [step.what for step in plan(elasticsearch_url, settings).steps] == everything
    assert reply(elasticsearch_url, "GET", f"/_index_template/{prefix}")[0] == 404
    assert [step.what for step in set_up(elasticsearch_url, settings).steps] == everything
    assert plan(elasticsearch_url, settings) == Plan((), ())
    put(elasticsearch_url, settings, make(1, score={f"t{tag}": 0.5 for tag in range(9)}), make(2))
    assert plan(elasticsearch_url, settings) == Plan((), ())
    assert set_up(elasticsearch_url, settings).steps == ()


def test_the_indexer_prepares_by_itself_and_leaves_what_was_set_up(
    elasticsearch_url: str, settings: ElasticsearchSettings
) -> None:
    """A first put makes the templates; what an administrator set up with other settings stays as it is."""
    put(elasticsearch_url, settings, make(1))
    assert [
        step.what for step in set_up(elasticsearch_url, replace(settings, shards=2, codec="best_compression")).steps
    ]
    put(elasticsearch_url, settings, make(2, **{"@timestamp": "2025-01-01T00:00:00Z"}))
    made = ask(elasticsearch_url, "GET", f"/{settings.prefix}-2025.01/_settings?flat_settings=true")
    own = made[f"{settings.prefix}-2025.01"]["settings"]
    assert (own["index.number_of_shards"], own["index.codec"]) == ("2", "best_compression")


def test_settings_reach_the_indices_made_afterwards(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Shards, replicas, refresh, codec and limits are those of new indices; setup shows each from what to what."""
    set_up(elasticsearch_url, settings)
    other = replace(settings, shards=2, replicas="0-1", refresh=2.5, codec="best_compression", number_fields=9)
    shown = changes(set_up(elasticsearch_url, other))
    assert list(shown) == [f"component template {settings.prefix}@settings"]
    of_settings = shown[f"component template {settings.prefix}@settings"]
    assert of_settings["settings.number_of_shards"] == ("1", "2")
    assert of_settings["settings.number_of_replicas"] == ("0", None)
    assert of_settings["settings.auto_expand_replicas"] == (None, "0-1")
    assert of_settings["settings.refresh_interval"] == (None, "2500ms")
    assert of_settings["settings.codec"] == ("default", "best_compression")
    put(elasticsearch_url, other, make(1))
    name = f"{settings.prefix}-{INDEX}"
    index = ask(elasticsearch_url, "GET", f"/{name}?flat_settings=true")[name]
    assert index["aliases"] == {settings.prefix: {}}
    assert index["mappings"]["_meta"] == {"version": VERSION, "analyzer": "standard"}
    wanted = {"refresh_interval": "2500ms", "number_of_shards": "2", "mapping.source.mode": "stored"}
    assert wanted.items() <= {name.removeprefix("index."): value for name, value in index["settings"].items()}.items()
    assert plan(elasticsearch_url, other) == Plan((), ())


def test_what_an_administrator_adds_wins_and_stays(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """The component PREFIX@custom is composed last, is never written, and is no difference."""
    source = {"type": "keyword", "ignore_above": 20}
    custom = {
        "settings": {"index": {"refresh_interval": "7s", "highlight": {"max_analyzed_offset": 5000}}},
        "mappings": {"properties": {"team": {"type": "keyword"}, "document": {"properties": {"source": source}}}},
    }
    path = f"/_component_template/{settings.prefix}@custom"
    ask(elasticsearch_url, "PUT", path, {"template": custom})
    set_up(elasticsearch_url, settings)
    put(elasticsearch_url, settings, make(1))
    name = f"{settings.prefix}-{INDEX}"
    index = ask(elasticsearch_url, "GET", f"/{name}?flat_settings=true")[name]
    assert index["settings"]["index.refresh_interval"] == "7s"
    assert index["settings"]["index.highlight.max_analyzed_offset"] == "5000"
    assert index["mappings"]["properties"]["team"] == {"type": "keyword"}
    assert index["mappings"]["properties"]["document"]["properties"]["source"] == source
    assert plan(elasticsearch_url, settings) == Plan((), ())
    kept = ask(elasticsearch_url, "GET", path)["component_templates"][0]["component_template"]["template"]
    assert kept["mappings"] == custom["mappings"]
    with opened(elasticsearch_url, settings) as store:
        store.remove_everything()
    assert reply(elasticsearch_url, "GET", path)[0] == 200
    assert reply(elasticsearch_url, "GET", f"/_component_template/{settings.prefix}@mappings")[0] == 404
    ask(elasticsearch_url, "DELETE", path)


def _make_first_version(url: str, settings: ElasticsearchSettings, without: tuple[str, ...] = ()) -> str:
    """Make what version 1 had: one template with all in it, and an index of it that has a record."""
    mappings = {name: value for name, value in build_mappings().items() if name != "_meta"}
    mappings["properties"] = {name: each for name, each in mappings["properties"].items() if name not in without}
    mappings["properties"].pop("unindexed")
    template = {
        "aliases": {settings.prefix: {}},
        "mappings": mappings,
        "settings": {"index": {"number_of_replicas": 0, "mapping": {"total_fields": {"limit": 120}}}},
    }
    pattern = {"index_patterns": [f"{settings.prefix}-*.*"], "priority": 300, "version": 1}
    body = pattern | {"_meta": {"period": settings.period}, "template": template}
    ask(url, "PUT", f"/_index_template/{settings.prefix}", body)
    name = f"{settings.prefix}-{INDEX}"
    ask(url, "PUT", f"/{name}/_create/{record_id(1)}?refresh=true", make(1) | {"microseconds": {"time": 1}})
    return name


def test_an_older_version_is_upgraded_in_place(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Fields and limits that came later are added to existing indices, whose records stay; the second time is none."""
    name = _make_first_version(elasticsearch_url, settings, without=("flags",))
    done = set_up(elasticsearch_url, settings)
    shown = changes(done)
    assert shown[f"index template {settings.prefix}"]["version"] == ("1", str(VERSION))
    assert shown[f"index {name}"]["flags"] == (None, "keyword (ignore_above 8191)")
    assert shown[f"index {name}"]["highlight.max_analyzed_offset"] == (None, "2147483647")
    (step,) = [step for step in done.steps if step.what == f"index {name}"]
    assert step.partial == ("flags",)
    assert plan(elasticsearch_url, settings).steps == ()
    put(elasticsearch_url, settings, make(2, flags=["x"]))
    assert found(elasticsearch_url, settings, "flags:x") == ["d-2"]
    with opened(elasticsearch_url, settings) as store:
        assert [result.outcome for result in store.put([make(1)])] == [Outcome.DUPLICATE]
        assert store.count(EVERYTHING) == 2


def test_the_indexer_upgrades_an_older_template(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """A put after an upgrade replaces the templates, so that the next index is of the new version."""
    _make_first_version(elasticsearch_url, settings)
    put(elasticsearch_url, settings, make(2), make(3, **{"@timestamp": "2025-01-01T00:00:00Z"}))
    name = f"{settings.prefix}-2025.01"
    made = ask(elasticsearch_url, "GET", f"/{name}/_mapping")[name]
    assert made["mappings"]["_meta"]["version"] == VERSION


def test_what_a_newer_version_set_up_stays(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Templates of a newer scorelens are left alone, by setup and by an indexer that is still the older one."""
    set_up(elasticsearch_url, settings)
    for kind, name, member in (
        ("component", f"{settings.prefix}@settings", "component_templates"),
        ("index", settings.prefix, "index_templates"),
    ):
        (entry,) = ask(elasticsearch_url, "GET", f"/_{kind}_template/{name}")[member]
        body = {key: value for key, value in entry[f"{kind}_template"].items() if not key.endswith("_millis")}
        ask(elasticsearch_url, "PUT", f"/_{kind}_template/{name}", body | {"version": VERSION + 7})
    assert set_up(elasticsearch_url, replace(settings, shards=3)) == Plan((), (), newer=VERSION + 7)
    put(elasticsearch_url, replace(settings, shards=3), make(1))
    path = f"/_index_template/{settings.prefix}"
    assert ask(elasticsearch_url, "GET", path)["index_templates"][0]["index_template"]["version"] == VERSION + 7


def test_what_cannot_be_changed_in_place_is_named(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """A field of another type, and settings that an index has from its beginning, are left and told of."""
    name = _make_first_version(elasticsearch_url, settings, without=("flags", "call"))
    ask(
        elasticsearch_url,
        "PUT",
        f"/{name}/_mapping",
        {"properties": {"flags": {"type": "text"}, "call": {"properties": {"end": {"type": "object"}}}}},
    )
    done = set_up(elasticsearch_url, replace(settings, shards=2))
    (left,) = done.left
    assert left.needs_reindex
    assert {change.name: (change.before, change.after) for change in left.conflicts} == {
        "flags": ("text", "keyword (ignore_above 8191)"),
        "call.end": ("object", "keyword (ignore_above 8191)"),
    }
    assert [str(change) for change in left.fixed] == ["number_of_shards: 1 → 2"]
    assert "call.truncated" in left.partial
    again = plan(elasticsearch_url, replace(settings, shards=2))
    assert again.steps == ()
    assert again.left[0].needs_reindex
    put(elasticsearch_url, settings, make(2))
    with opened(elasticsearch_url, settings) as store:
        assert store.count(EVERYTHING) == 2


def test_a_full_index_still_gets_new_fields(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """The limit of fields is raised by as much as is added, though tags have filled it."""
    small = replace(settings, number_fields=2)
    put(elasticsearch_url, small, make(1, score=dict.fromkeys("abcdef", 0.5)))
    with_words = replace(small, analyzer="stop")
    set_up(elasticsearch_url, with_words)
    assert plan(elasticsearch_url, with_words).steps == ()
    put(elasticsearch_url, with_words, make(2, document={"id": "d-2", "text": "x42y"}))
    assert found(elasticsearch_url, with_words, "text:x") == ["d-2"]


def test_aliases_are_mended_but_not_of_unfinished_copies(
    elasticsearch_url: str, settings: ElasticsearchSettings
) -> None:
    """An index that came back without its alias is read again; a copy that is being made stays unread."""
    set_up(elasticsearch_url, settings)
    put(elasticsearch_url, settings, make(1))
    name = f"{settings.prefix}-{INDEX}"
    copy = generation_name(settings.prefix, name, 2)
    ask(elasticsearch_url, "PUT", f"/{copy}")
    for index in (name, copy):
        ask(elasticsearch_url, "DELETE", f"/{index}/_alias/{settings.prefix}")
    done = set_up(elasticsearch_url, settings)
    assert changes(done) == {f"index {name}": {"alias": (None, settings.prefix)}}
    assert found(elasticsearch_url, settings, "*") == ["d-1"]
    assert plan(elasticsearch_url, settings).steps == ()


def test_another_period_is_refused(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Setting up with another period than the server has is an error that names the setting."""
    set_up(elasticsearch_url, settings)
    with pytest.raises(StoreUnavailableError, match="SCORELENS_ELASTICSEARCH_PERIOD is week"):
        plan(elasticsearch_url, replace(settings, period="week"))


def test_words_match_by_an_analyzer_too(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """With an analyzer set, its words match beside the standard ones, those weigh more, and phrases stay as they are.

    The test's analyzer cuts words at digits, which the standard one does not.
    """
    with_words = replace(settings, analyzer="stop")
    records = [make(1, document={"id": "d-1", "text": "wish42card lost"})]
    records.append(make(2, document={"id": "d-2", "text": "a wish came true"}))
    put(elasticsearch_url, with_words, *records)
    assert found(elasticsearch_url, with_words, "text:wish") == ["d-1", "d-2"]
    assert found(elasticsearch_url, with_words, "wish AND NOT card") == ["d-2"]
    assert found(elasticsearch_url, with_words, "wish42card") == ["d-1"]
    assert found(elasticsearch_url, with_words, 'text:"card lost"') == []
    assert found(elasticsearch_url, settings, "text:wish") == ["d-2"]
    with opened(elasticsearch_url, with_words) as store:
        best = store.search(Selection(parse("text:wish")), limit=2).hits
    assert [hit.record["document"]["id"] for hit in best] == ["d-2", "d-1"]


def test_an_analyzer_that_came_later_is_added(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """Existing indices get the analyzer's fields; that records they have are not found by them is said until later."""
    put(elasticsearch_url, settings, make(1, document={"id": "d-1", "text": "wish42card"}))
    with_words = replace(settings, analyzer="stop")
    done = set_up(elasticsearch_url, with_words)
    fields = {"document.title.analyzed", "document.text.analyzed", "activity.text.analyzed"}
    assert set(changes(done)[f"index {settings.prefix}-{INDEX}"]) >= fields
    put(elasticsearch_url, with_words, make(2, document={"id": "d-2", "text": "wish42card"}))
    assert found(elasticsearch_url, with_words, "wish") == ["d-2"]
    (left,) = plan(elasticsearch_url, with_words).left
    assert set(left.partial) == fields
    assert left.needs_reindex


@pytest.mark.parametrize(
    ("analyzer", "reason"), [("klingon", "has no analyzer 'klingon'"), ("keyword", "longer than an index can hold")]
)
def test_an_analyzer_that_cannot_be_used(
    elasticsearch_url: str,
    settings: ElasticsearchSettings,
    analyzer: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Setup says what is wrong with it and changes nothing; the indexer logs it and goes on with the standard one."""
    wrong = replace(settings, analyzer=analyzer)
    with pytest.raises(StoreUnavailableError, match=f"SCORELENS_ELASTICSEARCH_ANALYZER.*{reason}"):
        set_up(elasticsearch_url, wrong)
    assert reply(elasticsearch_url, "GET", f"/_index_template/{settings.prefix}")[0] == 404
    put(elasticsearch_url, wrong, make(1, document={"id": "d-1", "text": "word " + "x" * 40_000}))
    assert found(elasticsearch_url, wrong, "word") == ["d-1"]
    assert "standard analyzer alone" in caplog.text


def without_rights(*methods: str) -> Fault:
    """Refuse requests about templates as a server with security does."""
    reason = "action [cluster:admin/component_template/get] is unauthorized for user [writer] with roles [w]"
    refusal = {"error": {"root_cause": [], "type": "security_exception", "reason": reason}, "status": 403}

    def fault(request: Passing) -> Answer:
        if "_template/" in request.path and request.method in methods:
            return Answer(403, json.dumps(refusal).encode(), {"content-type": "application/json"})
        return request.forward()

    return fault


@pytest.mark.parametrize("methods", [("PUT",), ("PUT", "GET")], ids=["may read templates", "may not"])
def test_a_writer_without_rights_to_templates(
    elasticsearch_url: str, settings: ElasticsearchSettings, methods: tuple[str, ...]
) -> None:
    """After the setup an indexer works that may not touch templates; before, it stores nothing and says why."""
    with proxied(elasticsearch_url) as proxy:
        proxy.fault = without_rights(*methods)
        with pytest.raises(StoreUnavailableError, match=r"user \[writer\].*run `scorelens elasticsearch setup` once"):
            put(proxy.url, settings, make(1))
        assert reply(elasticsearch_url, "GET", f"/{settings.prefix}-{INDEX}")[0] == 404
        set_up(elasticsearch_url, settings)
        put(proxy.url, settings, make(1))
        mapping = ask(elasticsearch_url, "GET", f"/{settings.prefix}-{INDEX}/_mapping")
        assert mapping[f"{settings.prefix}-{INDEX}"]["mappings"]["_meta"]["version"] == VERSION
        with pytest.raises(StoreUnavailableError, match="SCORELENS_ELASTICSEARCH_PERIOD is week"):
            put(proxy.url, replace(settings, period="week"), make(2))


def test_a_writer_without_rights_meets_old_templates(
    elasticsearch_url: str, settings: ElasticsearchSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on with them, since no record is lost to an older mapping, and logs what an administrator should run."""
    _make_first_version(elasticsearch_url, settings)
    with proxied(elasticsearch_url) as proxy:
        proxy.fault = without_rights("PUT")
        put(proxy.url, settings, make(2))
    assert "run `scorelens elasticsearch setup`" in caplog.text
    assert found(elasticsearch_url, settings, "*") == ["d-1", "d-2"]


def test_records_may_become_visible_later(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """With a refresh of its own the server shows records later; labels and forgetting find them all the same."""
    late = replace(settings, refresh=3600.0)
    put(elasticsearch_url, late, make(1), make(2))
    with opened(elasticsearch_url, late) as store:
        assert store.count(EVERYTHING) == 0
        store.annotate(record_id(1), {"verdict": "right"})
        assert store.count(Selection(parse("label.verdict:right"))) == 1
        assert [result.outcome for result in store.put([make(1), make(3)])] == [Outcome.DUPLICATE, Outcome.STORED]
        assert store.forget(document_ids=["d-3"]) == 1
        put(elasticsearch_url, late, make(4))
        assert store.expire(datetime(2026, 12, 1, tzinfo=UTC)) == 3
        assert store.count(EVERYTHING) == 0


def test_retention_takes_indices_that_were_made_anew(elasticsearch_url: str, settings: ElasticsearchSettings) -> None:
    """An index behind a writers' alias goes as a whole when it is over, and a late record makes the index again."""
    put(elasticsearch_url, settings, make(1), make(2, **{"@timestamp": "2026-12-01T00:00:00Z"}))
    name = f"{settings.prefix}-{INDEX}"
    copy = generation_name(settings.prefix, name, 2)
    ask(elasticsearch_url, "PUT", f"/{copy}/_create/{record_id(1)}", make(1) | {"microseconds": {"time": 1}})
    swap = [{"remove_index": {"index": name}}, {"add": {"index": copy, "alias": name}}]
    ask(elasticsearch_url, "POST", "/_aliases", {"actions": swap})
    with opened(elasticsearch_url, settings) as store:
        outcomes = [result.outcome for result in store.put([make(1), make(3)])]
        assert outcomes == [Outcome.DUPLICATE, Outcome.STORED]
        assert store.expire(datetime(2026, 12, 1, tzinfo=UTC)) == 2
        assert reply(elasticsearch_url, "GET", f"/{copy}")[0] == 404
        assert [hit.record["document"]["id"] for hit in store.search(EVERYTHING).hits] == ["d-2"]
        assert [result.outcome for result in store.put([make(3)])] == [Outcome.STORED]
        assert store.count(EVERYTHING) == 2
