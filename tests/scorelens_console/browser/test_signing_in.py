"""Signing in and out as a person does, with the cookies, redirects and policies that a browser has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import Role
from tests.scorelens_console.at_provider import console_of, provider
from tests.scorelens_console.records import records
from tests.scorelens_console.running import running

PASSWORD = "correct horse battery"


@pytest.fixture
def page(chromium: Browser) -> Page:
    """A page of a browser that knows nobody yet."""
    return chromium.new_context().new_page()


def _signs_out(page: Page, url: str) -> bool:
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{url}/documents")
    return page.url.startswith(f"{url}/signin")


def test_a_password_leads_to_where_somebody_was(page: Page, tmp_path: Path) -> None:
    """A wrong one is said to be wrong and keeps the name; the right one goes on; signing out ends it."""
    with running(tmp_path, records(3), sign_in="accounts") as console:
        Accounts(console.folder / "accounts.json").put("ada", {"*": Role.VIEWER}, PASSWORD)
        page.goto(f"{console.url}/documents?q=refund")
        page.get_by_label("Name").fill("ada")
        for password in ("wrong", PASSWORD):
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()
            assert page.get_by_role("alert").count() == (password == "wrong")
        assert page.url == f"{console.url}/documents?q=refund"
        assert _signs_out(page, console.url)


def test_the_provider_leads_back_to_where_somebody_was(page: Page, tmp_path: Path) -> None:
    """The way to the provider and back passes the policies of both sites and the browser's own."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
    with provider() as at, console_of(tmp_path / "console", at.url) as console:
        page.goto(f"{console.url}/documents?q=refund")
        page.get_by_role("link", name="Go to sign in").click()
        assert page.url.startswith(at.url)
        page.locator("[name=login]").fill("u-1")
        page.locator("[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()  # to consent
        page.wait_for_url(f"{console.url}/**")
        assert page.url == f"{console.url}/documents?q=refund"
        assert page.get_by_text("ada").count()
        assert _signs_out(page, console.url)
    assert refused == []


def test_a_page_of_another_site_does_nothing(page: Page, tmp_path: Path) -> None:
    """Not even one on this machine, with which browsers share cookies, can frame the console or sign somebody out."""
    with running(tmp_path, records(3), sign_in="accounts") as console, _site() as other:
        Accounts(console.folder / "accounts.json").put("ada", {"*": Role.VIEWER}, PASSWORD)
        page.goto(f"{console.url}/signin")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.goto(other)
        page.set_content(
            f'<iframe src="{console.url}/documents"></iframe>'
            f'<form method="post" action="{console.url}/signout"><button>Win</button></form>'
        )
        page.wait_for_load_state()
        assert "Acme" not in page.frames[1].content()
        page.get_by_role("button", name="Win").click()
        assert "Nothing was changed" in page.content()
        page.goto(f"{console.url}/documents")
        assert "Acme" in page.content()


@contextmanager
def _site() -> Iterator[str]:
    """Serve a site without any policy of its own until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
