"""What either persona does with the console, step by step, in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.scorelens_console.browser.looking import Looking
from tests.scorelens_console.records import record
from tests.scorelens_console.running import Running

pytestmark = pytest.mark.heavy

LookAt = Callable[..., Looking]


def test_a_newcomer_finds_why_a_document_got_its_tag(look_at: LookAt) -> None:
    """From the listing to the sum: a scientist needs three clicks, and every step says where to go next."""
    looking = look_at("scientist")
    page = looking.go("/documents")
    page.get_by_role("searchbox").or_(page.get_by_role("combobox", name="Search documents")).first.fill("refund")
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_be_visible()
    row = page.locator(".row", has_text="Still no refund").first
    expect(row.locator(".lines").first).to_contain_text("Complaint")
    looking.picture("scientist-listing")
    row.locator("a.text").click()
    expect(page.get_by_role("heading", name=re.compile("How .* came to"))).to_be_visible()
    expect(page.locator("svg[role=img]").first).to_contain_text("intercept")
    expect(page.locator("svg[role=img]").first).to_contain_text("margin")
    expect(page.locator("svg[role=img]").first).to_contain_text("threshold")
    expect(page.locator("main")).to_contain_text(re.compile(r"was given, at .* where .* is enough"))
    looking.picture("scientist-document")


def test_a_scientist_looks_at_another_tag_of_a_document(look_at: LookAt) -> None:
    """A click on a tag shows its sum and its words, without leaving the page."""
    looking = look_at("scientist")
    page = looking.go("/documents?q=refund")
    page.locator("a.text").first.click()
    tags = page.locator("aside, .document").get_by_role("link", name=re.compile("Negative|Refund|Brand"))
    tags.or_(page.get_by_role("button", name=re.compile("Negative|Refund|Brand"))).or_(
        page.get_by_role("radio", name=re.compile("Negative|Refund|Brand"))
    ).first.click()
    expect(page.get_by_role("heading", name=re.compile("How (Negative|Refund|Brand).* came to"))).to_be_visible()


def test_the_panels_of_a_document_open_on_demand(look_at: LookAt) -> None:
    """Versions, trace, documents like this one, raw record and other tools are a click away."""
    looking = look_at("scientist")
    page = looking.go(f"/documents/{record(5)['record']['id']}")
    for name, holds in {
        "Every score and version": "media-tagger",
        "Its trace": "Score",
        "Documents like this one": "d-",
        "Raw request and record": "document",
        "This, elsewhere": "scorelens",
        "Why was it not given another tag": "",
    }.items():
        summary = page.locator("summary", has_text=name).first
        summary.click()
        panel = summary.locator("xpath=..")
        expect(panel).to_contain_text(holds)
        expect(panel).not_to_contain_text("did not work")
    page.wait_for_load_state("networkidle")
    looking.picture("scientist-document-panels")


def test_an_end_user_finds_documents_and_sees_no_calculation(look_at: LookAt) -> None:
    """Search, a filter, a document: tags and how sure they are, and not a word of margins, terms or thresholds."""
    looking = look_at("viewer")
    page = looking.go("/documents")
    page.locator("#q").fill("refund")
    page.keyboard.press("Enter")
    page.locator(".facet a", has_text="tweet").first.click()
    expect(page.locator(".filter", has_text="tweet")).to_be_visible()
    looking.picture("viewer-listing")
    seen = [page.content()]
    page.locator(".row a.text").first.click()
    expect(page.locator("mark").first).to_have_text(re.compile("refund", re.IGNORECASE))
    looking.picture("viewer-document")
    seen.append(page.content())
    for path in ("/reach", "/offers"):
        looking.go(path)
        seen.append(page.content())
        looking.picture(f"viewer{path.replace('/', '-')}")
    for content in seen:
        words = re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]*>", " ", content, flags=re.DOTALL).lower()
        assert not {"margin", "coefficient", "contribution", "threshold", "intercept"} & set(re.findall(r"\w+", words))


def test_new_documents_appear_without_reload(look_at: LookAt, shown: Running) -> None:
    """What is stored while somebody looks comes on top, and is counted."""
    looking = look_at("viewer")
    page = looking.go("/documents?q=freshly")
    expect(page.locator(".empty")).to_be_visible()
    made = record(900, **{"@timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"})
    made["document"] |= {"id": "d-fresh", "text": "Freshly stored"}
    shown.store.put([made])
    expect(page.locator(".row", has_text="Freshly stored")).to_be_visible()
    expect(page.locator("#total")).to_have_text("1")


def test_queries_are_completed_by_keyboard(look_at: LookAt) -> None:
    """A slash goes to the search box; arrows and Enter take a suggestion, Enter again searches."""
    looking = look_at("scientist")
    page = looking.go("/documents")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("kind:tw")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_have_value("kind:tweet ")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=kind"))
    expect(page.locator(".row .kind").first).to_have_text(re.compile("tweet", re.IGNORECASE))


def test_a_wrong_query_says_where_and_leaves_it_to_be_mended(look_at: LookAt) -> None:
    """The place of the mistake is shown, and the way on."""
    looking = look_at("viewer", expected=("400",))
    page = looking.go("/documents?q=mortgage+AND+kindd%3Atweet")
    expect(page.get_by_role("alert")).to_contain_text("did you mean kind?")
    page.get_by_role("link", name="All documents").click()
    expect(page.locator(".row").first).to_be_visible()


def test_a_view_is_saved_from_a_listing_and_opened_again(look_at: LookAt) -> None:
    """A scientist keeps query, columns and charts under a name."""
    looking = look_at("scientist")
    page = looking.go("/documents?q=refund")
    page.locator("summary", has_text="Save as a view").click()
    form = page.locator("form[action='/views']")
    form.get_by_label("Title").fill("Refunds by score")
    form.get_by_label("Columns").fill("kind, text, score.refund")
    form.get_by_label("Charts").fill("kind\nscore.refund by 0.1")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Refunds by score")).to_be_visible()
    expect(page.locator("figure.chart svg")).to_have_count(2)
    looking.picture("scientist-view")
    looking.go("/views")
    page.get_by_role("link", name="Refunds by score").click()
    expect(page.locator("table.grid tbody tr").first).to_contain_text(re.compile("refund", re.IGNORECASE))


def test_times_are_in_the_readers_zone(look_at: LookAt) -> None:
    """A document scored at nine in UTC was scored in the evening for a reader in Tokyo."""
    looking = look_at("viewer", zone="Asia/Tokyo")
    page = looking.go(f"/documents/{record(0)['record']['id']}")
    expect(page.locator("time").last).to_contain_text("18:00")


def test_charts_follow_the_theme(look_at: LookAt) -> None:
    """The switch turns page and charts from light to dark, and a reload keeps it."""
    looking = look_at("scientist")
    page = looking.go("/patterns?of=complaint")
    expect(page.locator("figure.chart svg").first).to_be_visible()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name=re.compile("light and dark")).click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(page.locator("figure.chart svg").first).to_be_visible()
    looking.picture("scientist-patterns-dark")


def test_signing_out_ends_the_session(look_at: LookAt) -> None:
    """After signing out, going back shows nothing any more."""
    looking = look_at("viewer")
    page = looking.go("/documents")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    looking.go("/documents")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "scientist"])
def test_a_listing_is_downloaded_as_it_is_filtered(look_at: LookAt, role: str) -> None:
    """The file has the documents of the listing, and reasons for data scientists alone."""
    looking = look_at(role)
    page = looking.go("/documents?q=refund&kind=tweet")
    total = int(page.locator("#total").inner_text())
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="JSON lines").first.click()
    lines = [json.loads(line) for line in waiting.value.path().read_text("utf-8").splitlines()]
    assert len(lines) == total
    assert any("because" in line for line in lines) == (role == "scientist")
