"""Whom a connection comes from, with proxies in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_console.access.peers import read_peers
from scorelens_runtime.errors import SettingError

PROXIES = read_peers("10.1.0.0/16, 192.0.2.7, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy: what it says is not believed
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the caller wrote the first one itself
        ("10.1.2.3", ["198.51.100.1, 10.1.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.9, nonsense"], "10.1.2.3"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("fd12::1", ["2001:db8::5"], "2001:db8::5"),
    ],
)
def test_the_client_is_whom_trusted_proxies_name(peer: str, forwarded: list[str], client: str) -> None:
    """The last address that a trusted proxy has seen counts, and nothing that a caller can write."""
    assert PROXIES.client(peer, forwarded) == client


@given(st.lists(st.text()), st.text())
def test_nobody_without_a_proxy_is_anybody_else(forwarded: list[str], peer: str) -> None:
    """Whatever strangers send, they are who they are."""
    assert read_peers("").client(peer, forwarded) == peer


def test_wrong_addresses_are_refused() -> None:
    """A network with bits beyond its mask is likely a mistake."""
    for text in ("10.1.2.3/16", "proxy.example", "1.2.3"):
        with pytest.raises(SettingError):
            read_peers(text)
