"""Where the parts of a system listen, and what their logs say."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from scorelens_client.addresses import DEFAULT_PORTS, UpSettings, choose_addresses, reachable
from scorelens_client.system import rotate
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import read


def test_a_usual_port_that_is_in_use_is_passed_over() -> None:
    """Two systems on one machine get ports of their own."""
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", DEFAULT_PORTS["sidecar"]))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which serves as well
        addresses = choose_addresses(UpSettings())
    assert addresses["sidecar"] != f"127.0.0.1:{DEFAULT_PORTS['sidecar']}"
    assert len(set(addresses.values())) == len(DEFAULT_PORTS)


def test_a_system_goes_without_a_console_where_it_is_off() -> None:
    """`--console off` names no address for it."""
    assert "console" not in choose_addresses(read(UpSettings, "up", {"console": "off"}))


def test_an_address_that_was_asked_for_is_taken() -> None:
    """A fixed address stays as it is, and port 0 becomes a free one."""
    addresses = choose_addresses(UpSettings(sidecar=Endpoint("localhost", 6000), scorer=Endpoint("127.0.0.1", 0)))
    assert addresses["sidecar"] == "localhost:6000"
    assert Endpoint.parse(addresses["scorer"]).port > 0


def test_an_elasticsearch_without_a_url_is_refused() -> None:
    """What is no URL would otherwise become the name of a folder."""
    with pytest.raises(SettingError, match=r"--elasticsearch.*'localhost:9200' is not a URL"):
        read(UpSettings, "up", {"elasticsearch": "localhost:9200"})


@pytest.mark.parametrize(
    ("listening", "reached"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("[::]:1", "[::1]:1"),
        ("10.0.0.5:1", "http://10.0.0.5:1"),
    ],
)
def test_commands_reach_a_part_wherever_it_listens(listening: str, reached: str) -> None:
    """An address to listen on becomes one to call."""
    assert reachable(listening) == reached


def test_logs_stay_small_while_others_append(tmp_path: Path) -> None:
    """A large log is copied aside and emptied in place, so that its writer goes on at its beginning."""
    path = tmp_path / "scorer.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        rotate(path, most=50)
        writer.write(b"y")
    assert path.read_bytes() == b"y"
    assert path.with_suffix(".log.1").read_bytes() == b"x" * 100
