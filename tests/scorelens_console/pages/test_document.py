"""The page of one document, for end users and for data scientists."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scorelens.v1 import scorer_pb2_grpc
from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_console.pages.document import link_of
from scorelens_reading.calculation import as_stored
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.serving import RunningServer, Serving
from tests.end_to_end.word_scorer import WordScorer, calculation
from tests.scorelens_console.pages.odd_records import id_of, odd_records
from tests.scorelens_console.records import record
from tests.scorelens_console.running import Running, running

NO_LINKS = (
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example/",
    "http:",
    "https://[x",
    "",
    None,
    "\tjavascript:x",
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on records that a page has to cope with."""
    with running(tmp_path_factory.mktemp("odd"), odd_records()) as found:
        yield found


def text_of(page: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    assert page.status_code == 200, page.text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page.text)).split())


def test_viewers_see_the_document_and_how_sure_its_tags_are(viewer: httpx.Client) -> None:
    """The passages that were searched for are marked, tags have their probability, and the way back is there."""
    page = viewer.get(f"/documents/{id_of(0)}", params={"q": '"no refund"', "kind": "tweet"})
    said = text_of(page)
    assert "<mark>no</mark> <mark>refund</mark> from Acme" in page.text
    assert "topic: Refund 88%" in said
    assert "1 considered and not given Complaint 39%" in said
    assert 'href="https://example.org/0"' in page.text
    assert 'href="/documents?q=%22no+refund%22&amp;kind=tweet"' in page.text


def test_viewers_see_nothing_of_the_calculation(viewer: httpx.Client, scientist: httpx.Client) -> None:
    """No margin, threshold, term or coefficient is in their page, and nothing leads to one."""
    words = ("margin", "threshold", "coefficient", "intercept", "~efun", "waterfall", "why-not", "/raw", "/trace")
    for path in (f"/documents/{id_of(0)}", "/documents"):
        page, full = viewer.get(path).text, scientist.get(path).text
        assert not [word for word in words if word in page]
        assert "margin" in full
    full = scientist.get(f"/documents/{id_of(0)}").text
    assert [word for word in words if word not in full] == ["waterfall"]


def test_data_scientists_see_what_led_to_a_tag(scientist: httpx.Client) -> None:
    """The words that carried it are marked, and the sum goes from the intercept to the threshold, as a table too."""
    page = scientist.get(f"/documents/{id_of(0)}", params={"why": "refund"})
    title = "adds +2.69\nrefund\t+1.56 (0.25 × 6.25)\n~efun\t+1.12 (0.5 × 2.25)"
    assert f'<span class="w for s4" tabindex="-1" title="{title}">refund</span>' in page.text
    said = text_of(page)
    assert "Refund was given, at 88% where 50% is enough. For it: refund +2.69, Still +0.80, no +0.80." in said
    assert "intercept −2.2500 −2.2500 still no 1 × 0.375 4.25 +1.5938 −0.6562" in said
    assert "thanks no word 0.625 0.25 +0.1562 +1.9688 12 more terms +0.0625 +2.0312 margin +2.0312" in said
    assert "probability = sigmoid(+2.0312) = 0.8840393; threshold 0.5, which is a margin of +0.0000: given." in said
    assert page.text.count("<svg") == 1
    assert 'role="img"' in page.text


def test_another_tag_is_a_link_away(scientist: httpx.Client) -> None:
    """Each tag of the model is explained on the same page, which htmx puts in place without loading it anew."""
    page = scientist.get(f"/documents/{id_of(0)}", params={"q": "refund"}).text
    (address,) = set(re.findall(r'hx-get="([^"]+why=brand_acme)"', page))
    assert address == f"/documents/{id_of(0)}?q=refund&amp;why=brand_acme"
    other = scientist.get(html.unescape(address))
    assert "How Brand Acme came to" in text_of(other)
    assert re.findall(r'href="([^"]+)" aria-current="true"', other.text) == [address]


def test_rows_hold_the_calculation_of_whoever_may_see_it(odd: Running) -> None:
    """Somebody who is a scientist for one model only sees margins in its rows and no others, and so on the pages."""
    person = odd.person("viewer,media-tagger=scientist")
    rows = re.split('<li class="row', person.get("/documents").text)[1:]
    by_name = {re.findall(r'class="id" href="[^"]+">([^<]+)<', row)[0]: row for row in rows}
    assert "margin" not in by_name["viewed"]
    assert "margin" in by_name["flagged"]
    assert "margin" not in person.get(f"/documents/{id_of(103)}").text
    assert "margin" in person.get(f"/documents/{id_of(108)}").text


def test_rows_tell_margin_threshold_and_leading_terms(scientist: httpx.Client, viewer: httpx.Client) -> None:
    """A row has a line for each tag, which leads to its explanation, and a chip for end users."""
    listing = {"q": "id:d-0"}
    (row,) = re.split('<li class="row', scientist.get("/documents", params=listing).text)[1:]
    assert 'style="--p:88.4%;--t:50.0%"' in row
    assert "margin; selected from +0.00 on" in row
    assert 'class="term for" style="--w:98.0%"><code dir="auto">refund</code> +1.56' in row
    assert 'class="term against" style="--w:13.7%"><code dir="auto">horrible</code> −0.22' in row
    assert f'href="/documents/{id_of(0)}?q=id%3Ad-0&amp;why=refund"' in row
    assert "nearest not given: <span" in row
    (chips,) = re.split('<li class="row', viewer.get("/documents", params=listing).text)[1:]
    assert '<li class="tag g-topic" style="--p:88.4%" title="topic">' in chips


def test_documents_and_records_are_found_by_what_kibana_writes(odd: Running) -> None:
    """An address with the id of a document leads to its latest record, and one of a record to its page."""
    person = odd.person("scientist")
    for name, number in (("many", 105), ("rtl%2F1%20%3F", 100)):
        answer = person.get(f"/documents/{name}?q=refund&why=refund")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/documents/{id_of(number)}?q=refund&why=refund"
    assert person.get("/document", params={"id": "many"}).headers["location"] == f"/documents/{id_of(105)}"
    assert person.get(f"/records/{id_of(105)}").headers["location"] == f"/documents/{id_of(105)}"
    assert person.get(f"/documents/{id_of(107)}").headers["location"] == f"/records/{id_of(107)}/trace"
    missing = person.get("/documents/nobody")
    assert missing.status_code == 404
    assert "no document &#39;nobody&#39; is stored" in missing.text


def test_text_of_foreign_documents_is_text(odd: Running) -> None:
    """Markup stays text, what turns directions is replaced, and an address that runs a script is no link."""
    page = odd.person("scientist").get(f"/documents/{id_of(102)}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;img onerror=x&gt;" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "javascript:" not in page


@pytest.mark.parametrize(
    ("address", "is_link"),
    [("https://example.org/1", True), ("HTTP://example.org", True), *((bad, False) for bad in NO_LINKS)],
)
def test_only_web_addresses_are_links(address: str | None, is_link: bool) -> None:
    """A source is a link only if it is of the web, so that none runs a script."""
    assert bool(link_of(address)) is is_link


def test_right_to_left_text_and_emoji_stay_whole(odd: Running) -> None:
    """Directions come from the text itself, and no family is torn apart by a mark."""
    page = odd.person("scientist").get(f"/documents/{id_of(100)}", params={"q": "refund", "why": "refund"}).text
    assert "👨‍👩‍👧" in page
    assert "👍🏽" in page
    assert re.search(r'<h1 dir="auto">شكرا <mark>refund</mark></h1>', page)
    assert re.search(
        r'<p class="words marked" dir="auto">لا يوجد <span class="w for s\d"[^>]+><mark>refund</mark>', page
    )


def test_long_texts_come_in_parts(odd: Running) -> None:
    """A page stays small; the passages that match are listed with the part that each is in."""
    person = odd.person("viewer")
    page = person.get(f"/documents/{id_of(101)}", params={"q": "refund"})
    assert len(page.content) < 60_000
    assert "part 1 of 5" in text_of(page)
    (panel,) = re.findall(r'hx-get="([^"]+passages[^"]*)" hx-trigger="load"', page.text)
    found = person.get(html.unescape(panel), headers={"HX-Request": "true"}).text
    (part,) = re.findall(r'href="([^"]+part=\d)"', found)
    assert "Still no <mark>refund</mark>!!" in found
    assert "no <mark>refund</mark>!!" in person.get(html.unescape(part)).text
    for number in ("0", "99", "x", "-1", "٣"):
        assert person.get(f"/documents/{id_of(101)}", params={"part": number}).status_code == 200


def test_flags_and_explanations_are_told_in_words(odd: Running) -> None:
    """What does not add up, is explained nearly or not at all, was not recorded or not scored, is said."""
    person = odd.person("scientist")

    def said(number: int, why: str = "") -> str:
        return text_of(person.get(f"/documents/{id_of(number)}", params={"why": why}))

    assert "does not add up: the calculation fails its own sum or link; do not trust it." in said(108)
    assert "This does not add up: the sum of its parts is" in said(108, "complaint")
    assert "The model explains this only nearly" in said(108, "refund")
    assert "The model does not explain this score." in said(108, "negative")
    assert "No calculation was recorded for this tag" in said(109)
    assert "This record has no scores, so there is nothing to explain." in said(110)


def test_customers_see_offers_and_events(odd: Running) -> None:
    """For a customer's activity, tags are offers with how sure the ranker is, and events a table."""
    page = odd.person("viewer").get(f"/documents/{id_of(111)}")
    said = text_of(page)
    assert "Offers offer offer: Refund 96%" in said
    assert "2 events: salary, page view" in said
    assert "mortgage <i>" in said
    assert ">2,100.00</td>" in page.text
    assert ">3,020.50</td>" in page.text
    assert "customer%3A%22c-%5C%224%5C%22%22" in page.text


def test_all_terms_come_from_scoring_it_again(tmp_path: Any) -> None:
    """The version that scored it is asked through the sidecar; where that is not possible, the page says why."""
    text = "bad refund but good"
    one = _scored(text)
    server = RunningServer(
        Serving(Endpoint.parse_listen("127.0.0.1:0")),
        ["scorelens.v1.Scorer"],
        lambda grpc_server: scorer_pb2_grpc.add_ScorerServicer_to_server(WordScorer(), grpc_server),
    )
    address = f"/documents/{one['record']['id']}?why=complaint&terms=all"
    try:
        with running(tmp_path / "with", [one], sidecar=server.address) as console:
            person = console.person("scientist")
            assert "good" not in re.findall(r"<code[^>]*>([^<]+)</code>", person.get(address.partition("&")[0]).text)
            said = text_of(person.get(address))
            assert "good 1 × 1 −1 −1.0000" in said
            assert "These are all terms, from scoring it again." in said
    finally:
        server.stop()
    with running(tmp_path / "gone", [one], sidecar=server.address) as console:
        assert "does not answer" in text_of(console.person("scientist").get(address))
    with running(tmp_path / "without", [one]) as console:
        assert "start it with --sidecar HOST:PORT" in text_of(console.person("scientist").get(address))


def _scored(text: str) -> dict[str, Any]:
    """Return a record of the model of words, of which only the two leading terms were recorded."""
    answer = WordScorer().Score(ScoreRequest(documents=[Document(id="d", text=text)]), _Asked())
    parts = [as_stored(tag) for tag in answer.calculations.documents[0].tags]
    for part in parts:
        part["remainder"] = sum(part["contribution"][2:])
        part["remainder_terms"] = len(part["contribution"][2:])
        for column in ("feature", "value", "coefficient", "contribution"):
            part[column] = part[column][:2]
    assert calculation("complaint", text).margin == 2.5
    one = record(1, model={"id": "words", "version": "1"}, calculation=parts)
    one["document"] |= {"text": text, "title": ""}
    return one | {
        "tags": [part["tag"] for part in parts if part["selected"]],
        **{
            name: {part["tag"]: part[key] for part in parts}
            for name, key in (("score", "probability"), ("margin",) * 2, ("threshold",) * 2)
        },
    }


class _Asked:
    """A call that asks for calculations."""

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return [("scorelens-view", "full")]
