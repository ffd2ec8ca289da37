"""What holds of every address, those that are added one day as well: the application itself says which there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from scorelens_console.app import PUBLIC
from tests.scorelens_console.records import record, records
from tests.scorelens_console.routes import BODIES, FORMS, QUERIES, Address, addresses, pages, questions
from tests.scorelens_console.running import Running, running
from tests.scorelens_console.twins import SECRET, twin

MARK = "wombat"
"""A word that only documents have."""
VALUES = {
    "record_id": f"{3:032x}",
    "name": f"{3:032x}",
    "view_id": "none",
    "file": "answer.json",
    "tag": "complaint",
}
"""What stands for each parameter of a path; a new one needs something here."""
ROLES = ("viewer", "scientist", "viewer,media-tagger=scientist")


def marked() -> list[dict[str, Any]]:
    """Return records whose documents have the mark in their texts."""
    found = records(40)
    for one in found:
        one["document"]["text"] += f" {MARK}"
    found.append(record(41, customer={"id": "c-1"}, document=found[1]["document"] | {"id": "d-3"}))
    return found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console whose documents can be told from everything else."""
    with running(tmp_path_factory.mktemp("console"), marked()) as found:
        yield found


@pytest.fixture(scope="module", params=ROLES)
def person(console: Running, request: pytest.FixtureRequest) -> httpx.Client:
    """Somebody of each role, whose name is ada."""
    return console.person(request.param, name="ada")


def lines(console: Running) -> list[dict[str, Any]]:
    """Return the audit log."""
    return [json.loads(line) for line in (console.folder / "audit.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("address", addresses(), ids=lambda address: f"{min(address.methods)} {address.path}")
def test_nobody_gets_in_without_signing_in(console: Running, address: Address) -> None:
    """Every address is on the short list of public ones, or leads to signing in."""
    assert PUBLIC == ("/signin", "/static/", "/health")
    path, visitor = address.filled(VALUES), console.visitor()
    for method in address.methods:
        answer = visitor.request(method, path, follow_redirects=True)
        assert MARK not in answer.text
        assert answer.status_code < 500
        if not address.is_public:
            assert answer.url.path == "/signin" or answer.status_code in (401, 403), answer


@pytest.mark.parametrize("address", pages(), ids=lambda address: address.path)
def test_documents_are_not_shown_without_an_audit_line(
    console: Running, address: Address, person: httpx.Client
) -> None:
    """Whatever address shows a document's text to whom, the log names them, the address, and the record."""
    for query in QUERIES:
        path = address.filled(VALUES)
        before = len(lines(console))
        answer = person.get(f"{path}?{query}" if query else path)
        assert answer.status_code < 500, answer.text
        _check_lines(answer, lines(console)[before:], path)


@pytest.mark.parametrize("address", questions(), ids=lambda address: address.path)
def test_an_answer_to_a_body_leaves_an_audit_line_as_well(
    console: Running, address: Address, person: httpx.Client
) -> None:
    """What is asked for by a form or by JSON is no other way around the log."""
    path = address.filled(VALUES)
    for what in (*({"json": body} for body in BODIES), *({"data": form} for form in FORMS)):
        before = len(lines(console))
        answer = person.post(path, **what)  # type: ignore[arg-type]
        assert answer.status_code < 500, answer.text
        _check_lines(answer, lines(console)[before:], path)


def _check_lines(answer: httpx.Response, new: list[dict[str, Any]], path: str) -> None:
    if MARK in answer.text:
        assert [(line["name"], line["method"]) for line in new] == [("ada", "link")] * len(new)
        assert any(line["documents"] and line["record_ids"] and line["address"].startswith(path) for line in new)


@pytest.mark.parametrize("path", sorted({address.path for address in addresses()}))
def test_every_method_is_answered(console: Running, path: str) -> None:
    """What an address does not do it refuses, and no answer is without what browsers are told of it."""
    known = {method for address in addresses() if address.path == path for method in address.methods}
    person = console.person("admin")
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "WOMBAT", "POST"):
        answer = person.request(method, Address(path, frozenset()).filled(VALUES))
        assert answer.status_code < 500, answer.text
        assert method in known or answer.status_code in (404, 405), (method, answer)
        _check_headers(answer)


def _check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    for held in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert held in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "server" not in answer.headers
    is_file = answer.request.url.path.startswith("/static/")
    assert answer.headers.get("cache-control") == (None if is_file else "no-store")


HIDDEN = (
    "q=margin.complaint:>0",
    'q=because:"complaint:refund"',
    "q=NOT threshold.refund:<0.5 OR text:refund",
    "sort=margin.complaint",
    "sort=threshold.refund:asc",
    "q=purpose:replay",
    "q=record.type:call",
    "q=flags:does_not_add_up",
    "q=label.verdict:right",
    "q=_exists_:because",
    "q=_exists_:margin.complaint",
    "q=rpc.duration_ms:>0&sort=rpc.duration_ms",
    "tag=complaint&by=because",
    "query=margin.complaint:>0",
    "query=_exists_:because",
    "sort=margin.complaint:asc&query=refund",
    "purposes=replay",
    "calls=true",
    "after=WzAuNSw1LCJhIl0&sort=margin.complaint",
)


HIDDEN_BODIES: tuple[dict[str, Any], ...] = (
    {"query": "margin.complaint:>0", "limit": 5},
    {"query": {"exists": {"field": "because"}}},
    {"query": {"not": {"range": {"field": "threshold.refund", "low": 0.5}}}},
    {"query": "", "sort": "margin.complaint", "limit": 9},
    {"query": "", "aggregations": {"a": {"terms": {"field": "because"}}}},
    {"query": "", "aggregations": {"a": {"terms": {"field": "tags", "sum_of": "margin.complaint"}}}},
    {"query": "", "aggregations": {"a": {"date_histogram": {"field": "time", "seconds": 60, "sum_of": "duration"}}}},
    {"query": "", "aggregations": {"a": {"percentiles": {"field": "threshold.refund"}}}},
    {"query": "", "field": "because", "least": 1},
    {"query": "", "against": {"query": "margin.complaint:>0"}, "least": 1},
    {"query": "", "purposes": ["all"]},
    {"query": "", "calls": True},
)


@contextmanager
def twins(folder: Path, same: str = "") -> Iterator[tuple[Running, Running]]:
    """Run two consoles whose stores differ in hidden parts alone, and in none of the model `same`."""
    with (
        running(folder / "first", twin(1, same)) as first,
        running(folder / "second", twin(2, same)) as second,
    ):
        yield first, second


@pytest.mark.parametrize(
    "roles", ["viewer", pytest.param("media-tagger=viewer,offer-ranker=viewer", marks=pytest.mark.heavy)]
)
def test_no_address_tells_a_viewer_what_is_hidden(tmp_path: Path, roles: str) -> None:
    """Two stores that differ in coefficients, terms, margins, thresholds, reasons and labels alone look the same."""
    with twins(tmp_path) as consoles:
        answers = [answer.text for answer in _compared(consoles, roles)]
    assert not [text for text in answers if SECRET in text]


@pytest.mark.heavy
def test_no_address_tells_a_scientist_what_is_hidden_of_another_model(tmp_path: Path) -> None:
    """Whoever sees all of one model is a viewer of the next, and sees nothing of a third."""
    with twins(tmp_path, "offer-ranker") as consoles:
        answers = [answer.text for answer in _compared(consoles, "viewer,offer-ranker=scientist,secret-model=none")]
    assert [text for text in answers if SECRET in text]  # of the one model
    assert not [
        text for text in answers if "secret-model" in text.replace('"secret-model":"none"', "")
    ]  # in one's roles


def _compared(consoles: tuple[Running, Running], roles: str) -> Iterator[httpx.Response]:
    """Yield what one console answers to everything, after seeing that the other one answers the same."""
    people = [one.person(roles, name="ada") for one in consoles]
    for method, path, what in _everything():
        first, second = (person.request(method, path, **what) for person in people)
        assert first.status_code == second.status_code < 500, (path, what)
        assert _comparable(first) == _comparable(second), (path, what)
        yield first


def _everything() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield all that can be asked: method, path, and what goes with it."""
    ids = [one["record"]["id"] for one in twin(1)[:12]]
    for address in pages():
        for record_id in ids if "{" in address.path else ids[:1]:
            path = address.filled(VALUES | {"record_id": record_id, "name": record_id})
            for query in (*QUERIES, *HIDDEN) if record_id == ids[0] else QUERIES[:1]:
                yield "GET", f"{path}?{query}" if query else path, {}
    for address in questions():
        for body in (*BODIES, *HIDDEN_BODIES):
            yield "POST", address.filled(VALUES), {"json": body}
        for form in FORMS:
            yield "POST", address.filled(VALUES), {"data": form}


def _comparable(answer: httpx.Response) -> str:
    """Return an answer without what differs between any two: secrets of the session, the port, and how long ago."""
    text = re.sub(r'(name="csrf" value=|X-CSRF-Token&?[^:]*: ?)"[^"]*"', "", answer.text)
    text = text.replace(answer.request.headers["X-CSRF-Token"], "")
    text = text.replace(str(answer.request.url.port), "")
    text = re.sub(rf"{datetime.now(UTC):%Y-%m-%d}T[\dA-F:.%]+(Z|(\+|%2B)00(:|%3A)00)", "now", text)
    return re.sub(r"(<time[^>]*>)[^<]*", r"\1", text)
