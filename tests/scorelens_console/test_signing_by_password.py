"""Signing in by name and password, as browsers do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import Identity, Role, read_roles
from scorelens_console.access.links import make_link
from scorelens_console.access.sessions import Sessions
from scorelens_console.access.throttle import FREE
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running

PASSWORD = "correct horse battery"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Running]:
    """A console with accounts, behind a proxy that says whom it calls for."""
    with running(tmp_path, records(5), sign_in="accounts", trusted_proxies="127.0.0.1") as found:
        accounts(found).put("ada", read_roles("viewer"), PASSWORD)
        yield found


def accounts(console: Running) -> Accounts:
    """Return the accounts, as the command writes them."""
    return Accounts(console.folder / "accounts.json")


def sign_in(client: httpx.Client, name: str = "ada", password: str = PASSWORD, **more: Any) -> httpx.Response:
    """Send the form as a browser does."""
    form = {"name": name, "password": password, "next": more.pop("target", "")}
    return client.post("/signin", data=form, headers={"Origin": str(client.base_url).rstrip("/")} | more)


def test_a_name_and_a_password_sign_in(console: Running) -> None:
    """Somebody goes on where they were; wrong ones get the same words whether the name is known or not."""
    client = console.visitor()
    assert 'action="/signin"' in client.get("/documents?q=refund", follow_redirects=True).text
    for name, password in (("ada", PASSWORD + "x"), ("eve", PASSWORD), ("", ""), ("ada", "\x00")):
        refused = sign_in(console.visitor(), name, password)
        assert refused.status_code == 403
        assert "The name or the password is wrong." in refused.text
    answer = sign_in(client, target="/documents?q=refund")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents?q=refund")
    assert "ada" in client.get("/documents?q=refund").text
    assert sign_in(console.visitor(), target="//evil.example").headers["location"] == "/documents"


def test_who_tried_is_on_record_and_what_they_typed_is_not(console: Running) -> None:
    """A password that was typed as a name is not written down."""
    sign_in(console.visitor(), "ada", "wrong password here", **{"X-Forwarded-For": "192.0.2.9"})
    sign_in(console.visitor(), PASSWORD, PASSWORD)
    sign_in(console.visitor())
    text = (console.folder / "audit.jsonl").read_text()
    assert PASSWORD not in text
    found = [(line["action"], line["name"], line["client"]) for line in map(json.loads, text.splitlines())]
    assert found[0] == ("sign_in_refused", "ada", "192.0.2.9")
    assert found[1][:2] == ("sign_in_refused", "")
    assert found[2][:2] == ("sign_in", "ada")


def test_guessing_is_slowed_down_and_locks_nobody_out(console: Running) -> None:
    """An address that guesses waits; others do not, and neither does a browser that is known."""
    known = console.visitor()
    assert sign_in(known, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 303
    for _ in range(FREE):
        assert sign_in(console.visitor(), "ada", "wrong", **{"X-Forwarded-For": "192.0.2.1"}).status_code == 403
    # The first delays are short, and over before a busy machine has guessed again.
    guesses = (sign_in(console.visitor(), "ada", "wrong", **{"X-Forwarded-For": "192.0.2.1"}) for _ in range(12))
    slowed = next(answer for answer in guesses if answer.status_code != 403)
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    assert "too many wrong passwords" in slowed.text
    assert sign_in(console.visitor(), **{"X-Forwarded-For": "192.0.2.2"}).status_code == 303
    again = console.visitor()
    again.cookies.update({name: value for name, value in known.cookies.items() if "device" in name})
    assert sign_in(again, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 303


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_signs_nobody_in(console: Running, headers: dict[str, str]) -> None:
    """A form elsewhere cannot sign a browser in as somebody else (login CSRF)."""
    visitor = console.visitor()
    answer = visitor.post("/signin", data={"name": "ada", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert not visitor.cookies


def test_what_becomes_of_an_account_becomes_of_its_sessions(console: Running) -> None:
    """Other roles, another password and a removed account take effect with the next request."""
    client = console.visitor()
    sign_in(client)
    assert client.get("/documents?sort=margin.complaint").status_code == 403
    accounts(console).put("ada", read_roles("scientist"), None)
    assert client.get("/documents?sort=margin.complaint").status_code == 200
    accounts(console).put("ada", read_roles("viewer"), "another long password")
    assert client.get("/documents").status_code == 303
    sign_in(client, password="another long password")
    assert client.get("/documents").status_code == 200
    accounts(console).remove("ada")
    assert client.get("/documents").status_code == 303


def test_a_link_signs_nobody_in_here(console: Running) -> None:
    """A console with accounts takes no links, and no session that began with one."""
    visitor = console.visitor()
    answer = visitor.get("/signin", params={"code": make_link(console.state, "ada", {"*": Role.ADMIN})})
    assert "does not take links" in answer.text
    assert not visitor.cookies
    sign_in(visitor)
    name = next(name for name in visitor.cookies if "session" in name)
    secret = Sessions(console.state, 1000, 1000).begin(Identity("ada", {"*": Role.ADMIN}, "link"))
    other = console.visitor()
    other.cookies.set(name, secret)
    assert other.get("/documents").status_code == 303


def test_an_upload_is_no_sign_in(console: Running) -> None:
    """A form with files, or with very many fields, is refused."""
    visitor = console.visitor()
    headers = {"Origin": console.url}
    assert visitor.post("/signin", files={"name": b"ada", "password": b"x"}, headers=headers).status_code == 400
    many = {f"f{number}": "x" for number in range(50)}
    assert visitor.post("/signin", data=many, headers=headers).status_code == 400
