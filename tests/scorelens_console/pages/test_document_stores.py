"""A document's page says the same from either store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from scorelens_store.elasticsearch import ElasticsearchSettings
from scorelens_store.open import open_store
from tests.scorelens_console.pages.odd_records import id_of, odd_records
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running
from tests.scorelens_store.conftest import drop

PATHS = (
    "/documents/many",
    f"/documents/{id_of(105)}?q=refund",
    f"/documents/{id_of(101)}?q=refund&part=2",
    f"/records/{id_of(101)}/passages?q=refund",
    f"/records/{id_of(105)}/versions",
    f"/records/{id_of(105)}/trace",
    f"/records/{id_of(0)}/why-not",
    f"/records/{id_of(105)}/raw",
    f"/records/{id_of(105)}/files/record.json",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, elasticsearch_url: str) -> Iterator[tuple[Running, Running]]:
    """The same records in the embedded store and in Elasticsearch, and a console on each."""
    folder, kept = tmp_path_factory.mktemp("both"), [*records(), *odd_records()]
    prefix = f"test-{secrets.token_hex(6)}"
    writer = open_store(elasticsearch_url, ElasticsearchSettings(prefix=prefix, period="month", replicas="0"))
    writer.put(kept)
    with (
        running(folder / "one", kept) as one,
        running(folder / "other", store=f"{elasticsearch_url}#{prefix}") as other,
    ):
        yield one, other
    drop(elasticsearch_url, prefix)
    writer.close()


@pytest.mark.parametrize("roles", ["viewer", "scientist"])
def test_pages_are_the_same(both: tuple[Running, Running], roles: str) -> None:
    """What is shown, refused or not found does not depend on where the records are."""
    one, other = (console.person(roles) for console in both)
    secret, same = one.headers["X-CSRF-Token"], other.headers["X-CSRF-Token"]
    for path in PATHS:
        answers = [one.get(path), other.get(path)]
        assert answers[0].status_code == answers[1].status_code, path
        assert answers[0].text.replace(secret, same) == answers[1].text, path


def test_documents_like_one_are_found_in_either(both: tuple[Running, Running]) -> None:
    """The same words lead to others; their order is each store's own."""
    pages = [console.person("viewer").get(f"/records/{id_of(105)}/like-this").text for console in both]
    words = [page.partition("With the words")[2].partition("</p>")[0] for page in pages]
    assert words[0]
    assert words[0] == words[1]
    assert all('class="row"' in page for page in pages)


def test_pages_lead_to_the_same_in_kibana(both: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a Kibana is named that reads the store, listing, patterns and document have its address; else none has."""
    monkeypatch.setenv("SCORELENS_KIBANA_URL", "https://kibana.example:5601")
    paths = ("/documents?q=refund", "/patterns?of=complaint", f"/documents/{records()[3]['record']['id']}")
    embedded, elasticsearch = (each.person("scientist") for each in both)
    for path in paths:
        assert "https://kibana.example:5601/app/discover#" in elasticsearch.get(path).raise_for_status().text
        assert "kibana.example" not in embedded.get(path).raise_for_status().text
