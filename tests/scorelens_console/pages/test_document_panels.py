"""What a document's page loads when it is opened, and who gets it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.scorelens_console.pages.odd_records import TRACE, id_of, odd_records
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running

FOR_SCIENTISTS = (
    "versions",
    "trace",
    "raw",
    "why-not",
    "files/record.json",
    "files/request.json",
    "files/document.jsonl",
)
HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on usual records and odd ones."""
    with running(tmp_path_factory.mktemp("panels"), [*records(), *odd_records()]) as found:
        yield found


@pytest.fixture(scope="module")
def person(odd: Running) -> httpx.Client:
    """A data scientist."""
    return odd.person("scientist")


def said(client: httpx.Client, number: int, panel: str, **parameters: str) -> str:
    """Return what a panel says, without its markup."""
    answer = client.get(f"/records/{id_of(number)}/{panel}", params=parameters, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


@pytest.mark.parametrize("panel", FOR_SCIENTISTS)
def test_viewers_get_no_panel_of_data_scientists(odd: Running, panel: str) -> None:
    """Neither a viewer of everything nor a scientist for another model gets what is behind a score."""
    for roles in ("viewer", "viewer,offer-ranker=scientist"):
        answer = odd.person(roles).get(f"/records/{id_of(105)}/{panel}")
        assert answer.status_code in (403, 404)
        assert "margin" not in answer.text
    assert odd.person("viewer,media-tagger=scientist").get(f"/records/{id_of(105)}/{panel}").status_code == 200


def test_panels_are_pages_as_well(person: httpx.Client) -> None:
    """Without scripts a panel's address shows it on a page of its own, with the way back."""
    page = person.get(f"/records/{id_of(105)}/versions", params={"q": "refund"}).text
    assert "<title>many · scorelens</title>" in page
    assert f'href="/documents/{id_of(105)}?q=refund"' in page
    assert "<title>" not in person.get(f"/records/{id_of(105)}/versions", headers=HTMX).text


def test_every_version_stands_side_by_side(person: httpx.Client) -> None:
    """Versions of every purpose are there, with what differs from the page's own, and where they disagree."""
    text = said(person, 105, "versions")
    assert "tag 2 this page 3 2026-11-20 10:46:00 UTC · replay 1 2026-11-20 10:44:00 UTC" in text
    assert "Refund they disagree 88% ✓ given margin +2.03 · threshold 50%" in text
    assert "▼ −49.91 points, margin −2.50" in text
    assert "3 scores" in text


def test_whoever_is_no_scientist_for_a_model_sees_its_production_alone(odd: Running) -> None:
    """The scores of a document by several models are those that somebody may see of each."""
    both = odd.person("viewer,media-tagger=scientist")
    assert "replay" in said(both, 105, "versions")
    assert "1 score" in said(odd.person("scientist"), 103, "versions")


def test_a_trace_has_its_calls_and_documents(person: httpx.Client) -> None:
    """Calls that scored nothing are among them, and such a record leads there itself."""
    text = said(person, 105, "trace")
    assert f"trace {TRACE}" in text
    assert "status UNAVAILABLE · reset by client duration 250 ms" in text
    assert "no connection <b> It scored no document." in text
    assert text.count("many") == 3
    page = person.get(f"/documents/{id_of(107)}", follow_redirects=True)
    assert page.url.path == f"/records/{id_of(107)}/trace"
    assert f'href="/records/{id_of(107)}/raw"' in page.text


def test_why_not_another_tag(person: httpx.Client) -> None:
    """What the margin lacks, what speaks against it and what others have are there for any tag that was not given."""
    text = said(person, 0, "why-not")
    assert "39% threshold 45% is below the threshold of 45%. Its margin of −0.44 lacks +0.24 ." in text
    assert "It starts at −1.75. horrible −1.25" in text
    assert re.search(r"Reasons of \d+ documents that were given it, and how many of them. refund \d+% ✓ here", text)
    assert "is none of the tags that it was not given" in said(person, 0, "why-not", **{"not": "refund"})
    assert "It was given every tag of its model." in said(person, 1, "why-not")
    unexplained = said(person, 114, "why-not")
    assert "only what others have can be told" in unexplained
    assert "not among the terms recorded here" in unexplained


def test_raw_data_can_be_taken_along(person: httpx.Client, odd: Running) -> None:
    """The record as it is stored, the request and the document are files, whose reading is audited."""
    record = person.get(f"/records/{id_of(105)}/files/record.json")
    assert record.json() == odd.store.get(id_of(105))
    assert record.headers["content-disposition"] == f'attachment; filename="{id_of(105)}.record.json"'
    line = person.get(f"/records/{id_of(105)}/files/document.jsonl").text
    assert json.loads(line)["text"] == "Still no refund and thanks, horrible"
    assert line.count("\n") == 1
    assert person.get(f"/records/{id_of(105)}/files/request.json").json()["model_version"] == "2"
    assert person.get(f"/records/{id_of(105)}/files/passwd").status_code == 400
    assert person.get(f"/records/{id_of(107)}/files/document.jsonl").status_code == 404
    assert person.get(f"/records/{id_of(107)}/files/record.json").json()["rpc"]["status"] == "UNAVAILABLE"
    assert '"file": "record.json"' in (odd.folder / "audit.jsonl").read_text()


def test_long_raw_data_is_cut_on_the_page(person: httpx.Client) -> None:
    """A page shows the beginning, the file has all."""
    page = person.get(f"/records/{id_of(101)}/raw", headers=HTMX)
    assert len(page.content) < 250_000
    assert "the file has all" in page.text


@pytest.mark.parametrize("roles", ["viewer", "scientist"])
def test_documents_like_this_one(odd: Running, roles: str) -> None:
    """Others with its telling words are found, the document itself is not, and everybody sees what their role may."""
    answer = odd.person(roles).get(f"/records/{id_of(0)}/like-this", headers=HTMX).text
    found = re.findall(r'class="id" href="/documents/([0-9a-f]{32})', answer)
    assert id_of(0) not in found
    assert set(found) <= {id_of(number) for number in range(5, 60, 5)} | {id_of(number) for number in range(100, 120)}
    assert found
    assert ("margin" in answer) is (roles == "scientist")
    assert "So and so on" not in said(odd.person(roles), 111, "like-this")


def test_what_is_not_there_is_not_found(person: httpx.Client) -> None:
    """Panels of records that are unknown, or of calls that have no document, are not found."""
    for path in ("f" * 32 + "/raw", "x/versions", id_of(107) + "/like-this", id_of(107) + "/versions"):
        assert person.get(f"/records/{path}").status_code == 404
