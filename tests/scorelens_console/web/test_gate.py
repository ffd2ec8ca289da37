"""What the gate lets through: by which host, from which page, with which secret, of which size."""

from __future__ import annotations

import json
import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from scorelens_console.access.identity import Role
from scorelens_console.access.links import make_link
from scorelens_console.access.sessions import running as running_sessions
from scorelens_console.access.tokens import Tokens
from scorelens_console.pages.signing import local
from tests.scorelens_console.records import record, records
from tests.scorelens_console.running import Running, running


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("console.localhost", 200),
        ("[::1]:{port}", 200),
        ("LOCALHOST", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:{port}", 421),
        ("evil.example:127.0.0.1", 421),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
def test_a_page_is_reached_by_its_own_name_alone(viewer: httpx.Client, host: str, status: int) -> None:
    """A name that somebody else owns may lead to this machine, and gets nothing here (DNS rebinding)."""
    cookies = "; ".join(f"{name}={value}" for name, value in viewer.cookies.items())
    headers = {"Host": host.format(port=viewer.base_url.port), "Cookie": cookies}
    answer = viewer.get("/documents", headers=headers)
    assert answer.status_code == status
    assert ("Acme" in answer.text) == (status == 200)
    assert viewer.get("/health", headers=headers).status_code == 200


def own(client: httpx.Client) -> str:
    """Return the console's origin."""
    return str(client.base_url).rstrip("/")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "own"}, 303),
        ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "own", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "made up"}, 403),
        ({"X-CSRF-Token": "\xe4"}, 403),
        ({"X-CSRF-Token": "", "Origin": "own"}, 403),
    ],
)
def test_a_change_needs_the_secret_of_the_session_and_a_page_of_the_console(
    console: Running, headers: dict[str, str], status: int
) -> None:
    """What another site has a browser send changes nothing."""
    person = console.person()
    given = {name: own(person) if value == "own" else value for name, value in headers.items()}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    if "X-CSRF-Token" in given:
        del person.headers["X-CSRF-Token"]
    answer = person.post("/signout", headers=raw)
    assert answer.status_code == status
    assert person.get("/documents").status_code == (303 if status == 303 else 200)


def test_a_form_may_carry_the_secret_itself(console: Running) -> None:
    """Pages work without scripts; a field that is there twice, or one of a large form, is none."""
    person = console.person()
    secret = person.headers.pop("X-CSRF-Token")
    form = "application/x-www-form-urlencoded"
    for body in (b"", b"csrf=x", f"csrf={secret}&csrf=x".encode(), f"csrf=x&csrf={secret}".encode()):
        assert person.post("/signout", content=body, headers={"Content-Type": form}).status_code == 403
    assert person.post("/signout", content=f"csrf={secret}", headers={"Content-Type": "text/plain"}).status_code == 403
    assert person.post("/signout", params={"csrf": secret}).status_code == 403
    assert person.post("/signout", data={"csrf": secret}).status_code == 303
    assert person.get("/documents").status_code == 303


def test_two_origins_are_none(console: Running) -> None:
    """Headers that are there twice are believed in neither form."""
    person = console.person()
    headers = [("Origin", own(person)), ("Origin", own(person))]
    assert person.post("/signout", headers=headers).status_code == 403


def test_requests_have_a_size(console: Running) -> None:
    """A body is bounded whether it says how long it is or not, and more so for strangers."""
    visitor = console.visitor()
    chunks: Iterator[bytes] = (b"x" * 10_000 for _ in range(20))
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": own(visitor)}
    assert visitor.post("/signin", content=b"x" * 100_000, headers=form).status_code == 413
    assert visitor.post("/signin", content=chunks, headers=form).status_code in (404, 413)
    long = b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx"
    assert told(console, long).startswith(b"HTTP/1.1 413 ")


def told(console: Running, request: bytes) -> bytes:
    """Return what the console answers to bytes."""
    port = httpx.URL(console.url).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=30) as connection:
        connection.sendall(request)
        with suppress(OSError):  # who has answered and hung up already
            connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)


def test_nobody_waits_for_ever(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing, or not all of it, ends; one that has been answered may go on for a while."""
    monkeypatch.setattr("scorelens_console.web.patience.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("scorelens_console.web.gate.FORM_SECONDS", 0.3)
    head = f"POST /signin HTTP/1.1\r\nHost: localhost\r\nOrigin: {console.url}\r\nContent-Length: 9\r\n\r\n"
    for text, status in (
        (b"", b""),
        (b"GET /documents HTTP/1.1\r\nHost: loc", b""),
        (head.encode() + b"name=", b" 40"),
    ):
        with socket.create_connection(("127.0.0.1", httpx.URL(console.url).port or 0), timeout=30) as connection:
            connection.sendall(text)
            answer = b""
            while part := connection.recv(65536):  # until the console ends it
                answer += part
        assert status in answer
        assert (answer == b"") == (status == b"")


def test_a_request_that_is_no_http_is_refused(console: Running) -> None:
    """What cannot be read gets a short answer, and two lengths are none."""
    for text in (
        b"GET /documents HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET /documents HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
    ):
        answer = told(console, text)
        assert answer.startswith(b"HTTP/1.1 4"), text[:60]
        assert b"Traceback" not in answer


def test_signing_in_begins_a_session_anew(console: Running) -> None:
    """A cookie that somebody had before, or was given, is worth nothing afterwards."""
    client = console.visitor()
    for role in (Role.VIEWER, Role.SCIENTIST):
        before = dict(client.cookies)
        code = make_link(console.state, role.name, {"*": role})
        assert client.get("/signin", params={"code": code}).status_code == 303
        assert dict(client.cookies) != before
        if before:
            visitor = console.visitor()
            visitor.cookies.update(before)
            assert visitor.get("/documents").status_code == 303
    (name,) = client.cookies
    fixed = console.visitor()
    fixed.cookies.set(name, "chosen-by-somebody", domain="127.0.0.1")
    fixed.get("/signin", params={"code": make_link(console.state, "ada", {"*": Role.VIEWER})})
    assert "chosen-by-somebody" not in fixed.cookies.values()


def test_a_cookie_is_for_pages_of_this_console_alone(console: Running) -> None:
    """Scripts cannot read it, other sites cannot send it with a form, other ports have another."""
    code = make_link(console.state, "ada", {"*": Role.VIEWER})
    answer = console.visitor().get("/signin", params={"code": code})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"scorelens-session-{httpx.URL(console.url).port}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/documents\\@evil.example",
        "/\t/evil.example/",
        "/\n/evil.example/",
        "javascript:alert(1)",
        "/documents\r\nSet-Cookie: x=y",
        " //evil.example",
        "documents",
        "http://[",
        "/signin?code=x",
        "/" + "x" * 3000,
        "",
    ],
)
def test_signing_in_leads_to_a_page_of_the_console_alone(console: Running, target: str) -> None:
    """Nobody is sent elsewhere by a link that begins here."""
    assert local(target) == "/documents"
    code = make_link(console.state, "ada", {"*": Role.VIEWER})
    answer = console.visitor().get("/signin", params={"code": code, "next": target})
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")


@pytest.mark.parametrize("target", ["/documents?q=a b&tag=x", "/documents/abc", "/views/ä?x=//y"])
def test_signing_in_goes_on_where_somebody_was(target: str) -> None:
    """A page of the console is gone on with as it was."""
    assert local(target) == target


def test_a_page_that_waits_is_led_to_sign_in_and_back(console: Running) -> None:
    """A part of a page that asks for its news knows which page it is on."""
    headers = {"HX-Request": "true", "HX-Current-URL": f"{console.url}/documents?q=refund"}
    answer = console.visitor().get("/documents/new?newest=x", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/signin?next=%2Fdocuments%3Fq%3Drefund"


def test_what_a_page_asks_for_by_itself_is_no_activity(console: Running, viewer: httpx.Client) -> None:
    """A listing that is left open tells that it asks by itself."""
    assert "X-Background" in viewer.get("/documents").text
    console.state.change("UPDATE sessions SET seen = seen - 600")
    before = {one.seen for one in running_sessions(console.state, 9e9, 9e9)}
    viewer.get("/documents/new", headers={"X-Background": "1"})
    assert {one.seen for one in running_sessions(console.state, 9e9, 9e9)} == before
    viewer.get("/documents/new")
    assert {one.seen for one in running_sessions(console.state, 9e9, 9e9)} != before


def test_a_token_is_for_the_api_alone(console: Running) -> None:
    """A program does not see pages, and a wrong token is refused even with a good cookie."""
    key, token = Tokens(console.state).create("ci", {"*": Role.SCIENTIST})
    bearer = {"Authorization": f"Bearer {token}"}
    assert console.visitor().get("/documents", headers=bearer).status_code == 303
    known = console.visitor().get("/api/nothing-of-that-name", headers=bearer)
    assert (known.status_code, known.json()["error"]["code"]) == (404, "not_found")
    assert console.visitor().post("/api/nothing-of-that-name", headers=bearer).status_code == 404
    person = console.person()
    for wrong in ([("Authorization", "Bearer x")], [("Authorization", f"Bearer {token}")] * 2):
        refused = person.get("/api/nothing-of-that-name", headers=wrong)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    Tokens(console.state).revoke(key)
    assert console.visitor().get("/api/nothing-of-that-name", headers=bearer).status_code == 401


def test_without_an_audit_line_nothing_is_shown(tmp_path: Path) -> None:
    """Where the log cannot be written, documents stay where they are, and the page says that it is not one's fault."""
    with running(tmp_path, records(3)) as console:
        person = console.person("scientist")
        assert "Acme" in person.get("/documents").text
        own_limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = (console.folder / "audit.jsonl").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))  # as a full disk would
        try:
            for path in ("/documents", f"/documents/{1:032x}"):
                answer = person.get(path)
                assert answer.status_code == 500
                assert "Acme" not in answer.text
                assert "content-security-policy" in answer.headers
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (own_limit, most))
        assert "Acme" in person.get("/documents").text


def test_an_error_tells_a_viewer_nothing_of_the_machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Folders and causes are for data scientists and for the log; nobody sees where in the code it happened."""
    with running(tmp_path, records(3)) as console, caplog.at_level(logging.WARNING):
        viewer, scientist = console.person(), console.person("scientist")
        (tmp_path / "store" / "index" / "meta.json").write_text("{broken")
        for person, sees in ((viewer, False), (scientist, True)):
            answer = person.get("/documents")
            assert answer.status_code in (500, 503)
            assert (str(tmp_path) in answer.text) == sees
            assert "Traceback" not in answer.text
            assert "<html" in answer.text
    assert str(tmp_path) in "".join(str(vars(line)) for line in caplog.records)


def test_an_unknown_error_has_the_headers_of_every_page(
    console: Running, viewer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected is logged, and its page tells nothing."""

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret of the code")

    monkeypatch.setattr("scorelens_console.access.archive.Archive.search", fail)
    answer = viewer.get("/documents")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "((("},
        {"q": "score.complaint:>x"},
        {"q": "a" * 30_000},
        {"q": "\ud800".encode("utf-8", "surrogatepass")},
        {"q": "\x00"},
        {"q": '"} } } {"match_all": {} "'},
        {"q": "text:/.*/"},
        {"q": "*" * 500},
        {"q": "a~2 " * 200},
        {"after": "bnVsbA"},
        {"after": "WzEsMiwzXQ"},
        {"after": "W3t9LCAxLCAiYSJd"},
        {"after": "WzFlNDAwLCAxLCAiYSJd"},
        {"after": "\xe4"},
        {"sort": "text"},
        {"sort": "tags"},
        {"sort": "score."},
        {"sort": "nothing:sideways"},
        {"since": "yesterday"},
        {"until": "0001-01-01T00:00:00+23:59"},
        {"since": "9999-12-31T23:59:59-23:59"},
        {"period": "never"},
        {"kind": "x" * 40_000},
        {"tag": ["x"] * 500},
    ],
)
def test_what_cannot_be_read_is_refused_in_words(viewer: httpx.Client, parameters: dict[str, Any]) -> None:
    """No query, order, place or time is an error of the console."""
    for path in ("/documents", "/documents/new", f"/documents/{1:032x}", "/suggest", "/reach"):
        answer = viewer.get(path, params=parameters)
        assert answer.status_code < 500, (path, answer.text)


def test_a_line_tells_who_saw_what(tmp_path: Path) -> None:
    """One line for each request that showed documents, with what was asked, and none for what showed none."""
    with running(tmp_path, [record(number) for number in range(5)]) as console:
        person = console.person("viewer", "ada")
        (console.folder / "audit.jsonl").unlink()
        person.get("/documents?q=refund")
        person.get("/documents?q=nothingofthatkind")
        person.get(f"/documents/{0:032x}")
        person.post("/signout")
        first, second, third = map(json.loads, (console.folder / "audit.jsonl").read_text().splitlines())
    assert (first["name"], first["client"], first["address"]) == ("ada", "127.0.0.1", "/documents?q=refund")
    assert first["record_ids"] == [f"{0:032x}"]
    assert (second["action"], second["record_ids"]) == ("document", [f"{0:032x}"])
    assert third["action"] == "sign_out"
