"""The admin port on real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scorelens_runtime.admin.address import bound, listen, read_admin, shown
from scorelens_runtime.admin.asking import ask
from scorelens_runtime.admin.private import private_folder
from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.admin.server import AdminServer
from scorelens_runtime.errors import SettingError
from tests.scraping import get, is_ready, objection


@contextmanager
def serving(readiness: Readiness, metrics: bytes = b"m 1\n") -> Iterator[str]:
    """Serve on a free port; yield the address."""
    where = read_admin("127.0.0.1:0")
    assert where
    listening = listen(where)
    with closing(AdminServer(listening, readiness, lambda: metrics)):
        yield shown(bound(where, listening))


def test_it_tells_life_and_metrics() -> None:
    """/livez says yes from the start, /metrics gives the text, and anything else is named as missing."""
    with serving(Readiness()) as admin:
        assert get(admin, "/livez") == (200, b"ok\n")
        assert get(admin, "/metrics?name=x") == (200, b"m 1\n")
        assert get(admin, "/") == (404, b"there is /livez, /readyz and /metrics\n")


def test_readiness_follows_the_process() -> None:
    """Not ready while it starts, nor with an objection, nor for ever once it drains; each with its reason."""
    objections = [""]
    readiness = Readiness(lambda: objections[0])
    with serving(readiness) as admin:
        assert objection(admin) == "starting"
        readiness.start()
        assert is_ready(admin)
        objections[0] = "the disk is gone"
        assert get(admin, "/readyz") == (503, b'{"ready": false, "reason": "the disk is gone"}\n')
        objections[0] = ""
        assert is_ready(admin)
        readiness.drain()
        assert objection(admin) == "draining"
        assert get(admin, "/livez")[0] == 200


def test_what_cannot_be_told_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """An exception becomes status 500 without its text, and the next request is answered."""

    def fail() -> bytes:
        raise ValueError("a secret")

    listening = socket.create_server(("127.0.0.1", 0))
    with closing(AdminServer(listening, Readiness(), fail)):
        admin = f"127.0.0.1:{listening.getsockname()[1]}"
        assert get(admin, "/metrics") == (500, b"see the log\n")
        assert get(admin, "/livez")[0] == 200
    assert "cannot answer" in caplog.text


def test_callers_that_say_nothing_do_not_keep_others_out() -> None:
    """Connections without a request leave room for probes."""
    with serving(Readiness()) as admin:
        host, _, port = admin.rpartition(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(8)]
        assert get(admin, "/livez")[0] == 200
        for each in silent:
            each.close()


def test_a_socket_in_the_file_system_serves_one_machine() -> None:
    """unix:PATH is listened on, and again after a process left its socket behind."""
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        where = read_admin(f"unix:{folder / 'admin'}")
        assert where == folder / "admin"
        for _ in range(2):
            server = AdminServer(listen(where), Readiness(), lambda: b"m 1\n")
            assert ask(where, "/metrics") == (200, b"m 1\n")
            status, body = ask(where, "/readyz")
            assert (status, json.loads(body)["ready"]) == (503, False)
            server.close()
        with pytest.raises(ConnectionRefusedError):
            ask(where, "/metrics")
    assert not folder.exists()


def test_an_address_that_is_taken_is_named() -> None:
    """A port in use stops the start with one line that names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        where = read_admin(address)
        assert where
        with pytest.raises(SettingError, match=rf"setting --admin: cannot listen on {address}: Address already in use"):
            listen(where)


def test_addresses_read_as_written(tmp_path: Path) -> None:
    """HOST:PORT, unix:PATH and nothing are read; anything else is refused."""
    assert read_admin("") is None
    assert shown(None) == ""
    for text in ("127.0.0.1:9461", "[::1]:9461", f"unix:{tmp_path}/admin"):
        assert shown(read_admin(text)) == text
    with pytest.raises(SettingError):
        read_admin("9461")
