"""Addresses in settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_runtime.endpoint import Endpoint, is_loopback
from scorelens_runtime.errors import SettingError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:50051", Endpoint("127.0.0.1", 50051, tls=False)),
        ("localhost:1", Endpoint("localhost", 1, tls=False)),
        ("[::1]:4317", Endpoint("::1", 4317, tls=False)),
        ("collector.example:4317", Endpoint("collector.example", 4317, tls=True)),
        ("10.0.0.1:4317", Endpoint("10.0.0.1", 4317, tls=True)),
        ("http://collector.example:4317", Endpoint("collector.example", 4317, tls=False)),
        ("https://127.0.0.1:4317/", Endpoint("127.0.0.1", 4317, tls=True)),
    ],
)
def test_nothing_leaves_the_machine_in_the_clear_unasked(text: str, expected: Endpoint) -> None:
    """Addresses of this machine are plain, others encrypted, and a scheme decides for itself."""
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "host", ":1", "host:", "host:x", "host:65536", "host:-1", "host:٣", "ftp://host:1", "http://host"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """A text that is no address is shown in the error."""
    with pytest.raises(SettingError) as error:
        Endpoint.parse(text)
    assert repr(text) in str(error.value)


@given(st.sampled_from(["127.0.0.1", "::1", "a.example", "2001:db8::7"]), st.integers(0, 65535), st.booleans())
def test_an_endpoint_reads_what_it_writes(host: str, port: int, tls: bool) -> None:
    """The text of an endpoint gives the same endpoint again."""
    endpoint = Endpoint(host, port, tls)
    assert Endpoint.parse(str(endpoint)) == endpoint
    assert Endpoint.parse_listen(endpoint.address) == Endpoint(host, port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.9.9.9", True), ("::1", True), ("a.localhost", True), ("0.0.0.0", False), ("localhost.example", False)],
)
def test_what_counts_as_this_machine(host: str, expected: bool) -> None:
    """Only loopback addresses and names do."""
    assert is_loopback(host) is expected
