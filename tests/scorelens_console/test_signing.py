"""Signing in by links, as far as every page depends on it."""

from __future__ import annotations

import httpx

from scorelens_console.access.identity import Role
from scorelens_console.access.links import make_link
from tests.scorelens_console.running import Running


def test_a_link_signs_in_once(console: Running) -> None:
    """Whoever opens it first is signed in; whoever opens it again is told to make another."""
    code = make_link(console.state, "ada", {"*": Role.VIEWER})
    first = console.visitor().get("/signin", params={"code": code}, follow_redirects=True)
    assert "ada" in first.text
    again = console.visitor().get("/signin", params={"code": code})
    assert again.status_code == 403
    assert "scorelens console link" in again.text


def test_both_personas_see_the_listing(viewer: httpx.Client, scientist: httpx.Client) -> None:
    """The documents are there for either."""
    for person in (viewer, scientist):
        page = person.get("/documents")
        assert page.status_code == 200
        assert "Still no refund from Acme" in page.text


def test_nobody_sees_anything_without_signing_in(console: Running) -> None:
    """A page leads to signing in, and knows where to go on."""
    answer = console.visitor().get("/documents?q=refund")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=%2Fdocuments%3Fq%3Drefund")
