"""Links, tokens, sessions and known browsers: secrets that are kept as hashes, and end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scorelens_console.access.devices import mark_of, remember
from scorelens_console.access.flow import Flow
from scorelens_console.access.identity import Identity, Role
from scorelens_console.access.links import make_link, use_link
from scorelens_console.access.sessions import Sessions, end_all, running
from scorelens_console.access.tokens import PREFIX, Tokens
from scorelens_console.state import State

ADA = Identity("ada", {"*": Role.VIEWER, "m": Role.SCIENTIST}, "test")


@pytest.fixture
def state(tmp_path: Path) -> State:
    """The console's own state."""
    return State(tmp_path)


def test_no_secret_is_in_the_files(state: State) -> None:
    """Whoever reads the console's folder cannot sign in with what is there."""
    secrets = [
        make_link(state, "ada", ADA.roles),
        Tokens(state).create("ci", ADA.roles)[1],
        Sessions(state, 100, 100).begin(ADA),
        remember(state, "ada"),
    ]
    content = b"".join(path.read_bytes() for path in state.path.parent.iterdir())
    for secret in secrets:
        assert secret.removeprefix(PREFIX).encode() not in content


def test_a_token_is_somebody_until_it_is_revoked(state: State) -> None:
    """It carries its roles, tells when it was used, and ends at once."""
    tokens = Tokens(state)
    key, token = tokens.create("ci", ADA.roles)
    assert token.startswith(PREFIX)
    found = tokens.find(token)
    assert found is not None
    assert (found.name, found.roles, found.method) == ("ci", ADA.roles, "token")
    (listed,) = tokens.all()
    assert listed.used >= listed.created
    revoked = tokens.revoke(key)
    assert revoked is not None
    assert revoked.name == "ci"
    assert tokens.find(token) is None
    assert tokens.revoke(key) is None


def test_a_token_ends_by_itself(state: State) -> None:
    """It lasts as long as it was made for."""
    assert Tokens(state).find(Tokens(state).create("ci", ADA.roles, -1)[1]) is None


def test_a_link_ends_by_itself(state: State) -> None:
    """One that nobody used in time signs nobody in."""
    assert use_link(state, make_link(state, "ada", ADA.roles, -1)) is None
    assert use_link(state, make_link(state, "ada", ADA.roles)) is not None


def test_a_session_ends_by_rest_and_by_age(state: State) -> None:
    """Either is a bound of its own."""
    sessions = Sessions(state, idle=1000, age=5000)
    secret = sessions.begin(ADA)
    assert sessions.find(secret) is not None
    state.change("UPDATE sessions SET seen = ?", (time.time() - 1001,))
    assert sessions.find(secret) is None
    now = time.time()
    state.change("UPDATE sessions SET seen = ?, created = ?", (now, now - 5001))
    assert sessions.find(secret) is None


def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(state: State) -> None:
    """A browser that is left open is at rest; somebody who clicks is not."""
    sessions = Sessions(state, idle=1000, age=5000)
    secret, earlier = sessions.begin(ADA), time.time() - 900
    state.change("UPDATE sessions SET seen = ?", (earlier,))
    assert sessions.find(secret, active=False) is not None
    assert running(state, 1000, 5000)[0].seen == earlier
    assert sessions.find(secret) is not None
    assert running(state, 1000, 5000)[0].seen > earlier


def test_a_person_is_signed_out_everywhere(state: State) -> None:
    """All sessions of one person end, and nobody else's."""
    sessions = Sessions(state, 1000, 5000)
    others = sessions.begin(Identity("bob", {"*": Role.VIEWER}, "test"))
    own = [sessions.begin(ADA) for _ in range(3)]
    assert end_all(state, "ada") == 3
    assert [sessions.find(secret) for secret in own] == [None] * 3
    assert sessions.find(others) is not None
    assert end_all(state) == 1
    assert sessions.find("") is None


def test_a_browser_is_known_for_one_person(state: State) -> None:
    """The cookie of one person is worth nothing for another's name."""
    secret = remember(state, "ada")
    assert mark_of(state, secret, "ada")
    assert not mark_of(state, secret, "bob")
    assert not mark_of(state, "made up", "ada")
    assert not mark_of(state, "", "ada")
    state.change("UPDATE devices SET expires = 0")
    assert not mark_of(state, secret, "ada")


def test_a_flow_comes_back_to_its_own_browser() -> None:
    """All that goes to a provider is made of a secret that stays, and differs from it."""
    flow, other = Flow.new("/documents?q=ä b"), Flow.new("/documents")
    assert Flow.read(flow.cookie) == flow
    assert flow.is_answered_by(flow.state)
    assert not flow.is_answered_by(other.state)
    assert not flow.is_answered_by("")
    assert len({flow.secret, flow.state, flow.nonce, flow.verifier, other.state}) == 5
    assert 43 <= len(flow.verifier) <= 128
    for broken in ("", "x", ".", "a.ä", "a.@@@", ".YQ=="):
        found = Flow.read(broken)
        assert found is None or not found.is_answered_by(flow.state)
