"""The doctor on encrypted servers: whose certificate it is, for which name, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.scorelens_client.doctor.examining import Examined, examine
from tests.tools.certificates import Authority, Certificate

Look = Callable[[Certificate, str], Examined]
HOSTS = ("IP:127.0.0.1", "DNS:scorer.example")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of this module's own."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def look(authority: Authority, tmp_path: Path) -> Iterator[Look]:
    """Examine a gRPC server with a certificate, reached by a scheme, as a scorer."""
    servers: list[grpc.Server] = []

    def examined(shown: Certificate, scheme: str = "https", trusted: str = str(authority.certificate)) -> Examined:
        server = grpc.server(ThreadPoolExecutor(2))
        servers.append(server)
        servicer = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        pair = (shown.key.read_bytes(), shown.certificate.read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        server.start()
        variables = {"SCORELENS_SIDECAR_UPSTREAM": f"{scheme}://127.0.0.1:{port}"}
        return examine(tmp_path, variables | ({"SCORELENS_SIDECAR_UPSTREAM_CA": trusted} if trusted else {}))

    yield examined
    for server in servers:
        server.stop(None).wait()


def test_a_certificate_that_holds_is_well(authority: Authority, look: Look) -> None:
    """Its names and its days are told, and the server is called."""
    found = look(authority.issue("sound", *HOSTS, days=60), "https")
    assert found.failed() == []
    assert "127.0.0.1" in found.only("scorer", "certificate")["text"]
    assert "60 days" in found.only("scorer", "certificate")["text"]
    assert found.marks("scorer", "health") == ["ok"]


@pytest.mark.parametrize(
    ("days", "mark", "told"), [(20, "warn", "20 days"), (2, "FAIL", "days"), (-1, "FAIL", "expired on")]
)
def test_one_that_ends_soon_is_told(authority: Authority, look: Look, days: int, mark: str, told: str) -> None:
    """Below thirty days it is a warning, below three days and after its end a failure, with its day."""
    certificate = look(authority.issue(f"for{days}", *HOSTS, days=days), "https").only("scorer", "certificate")
    assert certificate["mark"] == mark
    assert told in certificate["text"]
    assert "renew" in certificate["advice"]


def test_one_for_another_name_is_told(authority: Authority, look: Look) -> None:
    """The names that it has are said beside the one that was asked for."""
    certificate = look(authority.issue("other", "DNS:other.example", days=60), "https").only("scorer", "certificate")
    assert certificate["mark"] == "FAIL"
    assert "other.example" in certificate["text"]
    assert "127.0.0.1" in certificate["text"]


def test_one_of_an_unknown_authority_is_told(authority: Authority, look: Look, tmp_path: Path) -> None:
    """The setting that names the authority is said."""
    stranger = Authority(tmp_path / "stranger", "Stranger").issue("strange", *HOSTS, days=60)
    certificate = look(stranger, "https").only("scorer", "certificate")
    assert certificate["mark"] == "FAIL"
    assert "SCORELENS_SIDECAR_UPSTREAM_CA" in certificate["advice"]


def test_plain_and_encrypted_are_told_apart(authority: Authority, look: Look, tmp_path: Path) -> None:
    """A plain address of an encrypted server, and an encrypted address of a plain one, say which to write."""
    found = look(authority.issue("plain", *HOSTS, days=60), "http")
    assert "http" in found.only("scorer", "health")["advice"]
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        found = examine(tmp_path, {"SCORELENS_SIDECAR_UPSTREAM": f"https://127.0.0.1:{port}"})
    finally:
        server.stop(None).wait()
    assert found.only("scorer", "certificate")["mark"] == "FAIL"


def test_a_file_that_holds_no_authority_is_named(authority: Authority, look: Look, tmp_path: Path) -> None:
    """A wrong file in the setting of the authorities is told by the setting's name."""
    (tmp_path / "none.pem").write_text("nothing")
    sound = authority.issue("unproven", *HOSTS, days=60)
    found = look(sound, "https", str(tmp_path / "none.pem"))  # type: ignore[call-arg]
    assert "SCORELENS_SIDECAR_UPSTREAM_CA" in found.only("scorer", "certificate")["text"]
