"""That everybody can read the console: by eye, keyboard and ear, on phones, in the dark, whatever documents hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Response, expect

from tests.scorelens_console.browser.looking import DESKTOP, PHONE, Looking
from tests.scorelens_console.browser.odd import odd_records
from tests.scorelens_console.records import record
from tests.tools.missing import MissingPartError, missing
from tests.tools.npm_packages import prepare

LookAt = Callable[..., Looking]
ONE = f"/documents/{record(5)['record']['id']}"
PAGES = {
    "documents": "/documents?q=refund",
    "nothing": "/documents?q=nothinglikeit",
    "document": ONE,
    "reach": "/reach",
    "offers": "/offers",
    "pull": "/pull",
    "patterns": "/patterns?of=complaint",
    "production": "/production",
    "views": "/views",
    "sign-in": "/signin",
}
OF_VIEWERS = ("documents", "document", "reach", "offers", "pull")
MOST_BYTES = 500_000


@pytest.fixture(scope="session")
def axe() -> None:
    """The checker of accessibility, or a visible skip."""
    try:
        prepare()
    except MissingPartError as error:
        missing(str(error))


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(DESKTOP, "light", marks=pytest.mark.heavy, id="desktop, light"),
        pytest.param(PHONE, "dark", id="phone, dark"),
    ],
)
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.usefixtures("axe")
def test_a_page_has_no_serious_fault(
    look_at: LookAt, name: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing serious, and the page is no wider than the window."""
    looking = look_at("" if name == "sign-in" else "scientist", size=size, scheme=scheme)
    page = looking.go(PAGES[name])
    if "chart" in page.content():
        page.wait_for_function("[...document.querySelectorAll('figure.chart .drawn')].every((one) => one.firstChild)")
    looking.picture(f"{name}-{'phone' if size == PHONE else 'desktop'}-{scheme}")
    assert looking.faults() == []
    assert not looking.is_wider_than_the_window()


@pytest.mark.parametrize("name", OF_VIEWERS)
@pytest.mark.usefixtures("axe")
def test_a_viewers_page_has_no_serious_fault(look_at: LookAt, name: str) -> None:
    """What end users see is checked as well, on a phone."""
    looking = look_at("viewer", size=PHONE)
    looking.go(PAGES[name])
    assert looking.faults() == []
    assert not looking.is_wider_than_the_window()


@pytest.mark.parametrize("name", ["documents", "document", "patterns"])
def test_a_page_stays_light(look_at: LookAt, name: str) -> None:
    """With all that it loads, a page weighs less than 500 KB."""
    looking = look_at("scientist")
    answers: list[Response] = []
    looking.page.on("response", lambda answer: answers.append(answer))
    looking.go(PAGES[name])
    looking.page.wait_for_load_state("networkidle")
    assert 0 < sum(answer.request.sizes()["responseBodySize"] for answer in answers) < MOST_BYTES


@pytest.mark.parametrize("role", ["viewer", "scientist"])
@pytest.mark.parametrize(
    "size", [pytest.param(DESKTOP, marks=pytest.mark.heavy, id="desktop"), pytest.param(PHONE, id="phone")]
)
def test_odd_documents_are_shown_whole_and_harmless(look_at: LookAt, role: str, size: tuple[int, int]) -> None:
    """Long words, other directions of writing, markup, thirty tags of fifty words: no page breaks or runs anything."""
    looking = look_at(role, size=size)
    page = looking.go("/documents?q=id:odd-*")
    expect(page.locator(".row")).to_have_count(len(odd_records()))
    assert not looking.is_wider_than_the_window()
    looking.picture(f"odd-{role}-{'phone' if size == PHONE else 'desktop'}")
    for one in odd_records():
        looking.go(f"/documents/{one['record']['id']}")
        expect(page.locator("h1")).to_be_visible()
        assert not looking.is_wider_than_the_window(), one["document"]["id"][:20]
        assert "taken" not in page.title()
        assert page.locator("a[href^='javascript']").count() == 0


def test_everything_is_reached_by_keyboard(look_at: LookAt) -> None:
    """The first Tab offers to skip to the content; every link and control shows that it has the focus."""
    looking = look_at("scientist")
    page = looking.go("/documents?q=refund")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        outlined = page.evaluate(
            "(() => { const one = document.activeElement; const style = getComputedStyle(one);"
            " return one === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()"
        )
        assert outlined, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
