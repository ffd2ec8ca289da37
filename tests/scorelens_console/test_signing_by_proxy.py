"""Signing in by what a proxy says, and only by what that proxy says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_console.access.identity import Role
from scorelens_console.access.tokens import Tokens
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running

ADA = {"X-Forwarded-User": "ada", "X-Forwarded-Groups": "staff, analysts"}
ROLES = "analysts=viewer,media-tagger=scientist; boss=admin"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console that believes a proxy on this machine."""
    folder = tmp_path_factory.mktemp("console")
    with running(folder, records(5), sign_in="proxy", trusted_proxies="127.0.0.1", roles=ROLES) as found:
        yield found


def test_the_proxy_says_who_calls(console: Running) -> None:
    """Groups give roles, for each model; the audit log has the name and where they are."""
    headers = ADA | {"X-Forwarded-For": "198.51.100.7, 192.0.2.9"}
    page = console.visitor().get("/documents?sort=margin.complaint", headers=headers)
    assert page.status_code == 200
    assert "ada" in page.text
    assert "Sign out" not in page.text
    line = json.loads((console.folder / "audit.jsonl").read_text().splitlines()[-1])
    assert (line["name"], line["method"], line["client"]) == ("ada", "proxy", "192.0.2.9")


def test_a_name_may_have_any_letters(console: Running) -> None:
    """Proxies write UTF-8 into headers, and older ones Latin-1."""
    for encoding in ("utf-8", "latin-1"):
        headers = [(b"X-Forwarded-User", "Zoë".encode(encoding)), (b"X-Forwarded-Groups", b"boss")]
        assert "Zoë" in console.visitor().get("/documents", headers=headers).text


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ([], 401, "x-forwarded-user"),
        ([("X-Forwarded-User", "")], 401, "x-forwarded-user"),
        ([("X-Forwarded-User", "eve")], 403, "no group that has a role"),
        ([("X-Forwarded-User", "eve"), ("X-Forwarded-Groups", "Analysts,analysts2,*")], 403, "no group"),
        ([("X-Forwarded-User", "eve"), ("X-Forwarded-User", "ada"), ("X-Forwarded-Groups", "boss")], 403, "twice"),
        ([("X-Forwarded-User", "ada"), ("X-Forwarded-User", "ada"), ("X-Forwarded-Groups", "boss")], 403, "twice"),
        ([("X-Forwarded-User", "e"), ("X-Forwarded-Groups", "boss"), ("x-forwarded-groups", "staff")], 403, "twice"),
        ([("X_Forwarded_User", "ada"), ("X_Forwarded_Groups", "boss")], 401, "x-forwarded-user"),
        ([("X-Forwarded-User", "a\x7f"), ("X-Forwarded-Groups", "boss")], 403, "no name"),
        ([("X-Forwarded-User", "a" * 300), ("X-Forwarded-Groups", "boss")], 403, "no name"),
    ],
)
def test_nothing_else_signs_anybody_in(
    console: Running, headers: list[tuple[str, str]], status: int, says: str
) -> None:
    """Headers that are missing, there twice, or called nearly the same are no name, on any page."""
    for path in ("/documents", "/signin", "/"):
        answer = console.visitor().get(path, headers=headers)
        assert answer.status_code == status
        assert says in answer.text
        assert "Acme" not in answer.text


def test_only_the_proxy_is_believed(tmp_path: Path) -> None:
    """Whoever comes past the proxy gets nothing, whatever they send, but for a health check."""
    with running(tmp_path, records(2), sign_in="proxy", trusted_proxies="192.0.2.0/24", roles=ROLES) as console:
        for more in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}):
            answer = console.visitor().get("/documents", headers=ADA | more)
            assert answer.status_code == 403
            assert "through its proxy" in answer.text
        assert console.visitor().get("/health").status_code == 200
        token = Tokens(console.state).create("ci", {"*": Role.VIEWER})[1]
        known = console.visitor().get("/api/none", headers={"Authorization": f"Bearer {token}"})
        assert known.status_code == 404


def test_forms_are_safe_behind_a_proxy_as_well(console: Running) -> None:
    """The secret of forms is made of the name, so that one person's is not another's."""
    visitor = console.visitor()
    boss = {"X-Forwarded-User": "boss", "X-Forwarded-Groups": "boss"}
    (secret,) = set(
        re.findall(r'X-CSRF-Token(?:"|&#34;): (?:"|&#34;)([\w-]+)', visitor.get("/views", headers=boss).text)
    )
    assert visitor.post("/signout", headers=boss).status_code == 403
    assert visitor.post("/signout", headers=boss | {"X-CSRF-Token": secret}).status_code == 303
    assert visitor.post("/signout", headers=ADA | {"X-CSRF-Token": secret}).status_code == 403
