"""How a client knows the server and shows who it is: against a local server that checks what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret
from scorelens_store.contract import Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, open_store
from scorelens_store.elasticsearch.refusals import not_allowed
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.tree import Everything
from tests.tools.answering import Asked, answering
from tests.tools.certificates import Authority, Certificate, encrypt

EVERYTHING = Selection(Everything())
COUNTED = {"count": 7, "_shards": {"total": 1, "successful": 1, "failed": 0}}
REFUSED = {"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of the tests' own."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    """A certificate of it for this machine."""
    return authority.issue("server", "IP:127.0.0.1", "DNS:localhost")


def counted(_: Asked) -> tuple[int, Any]:
    """Answer a count."""
    return 200, COUNTED


def keyed(key: str) -> Callable[[Asked], tuple[int, Any]]:
    """Answer a count to who has a key."""
    return lambda asked: (200, COUNTED) if asked.headers.get("authorization") == f"ApiKey {key}" else (401, REFUSED)


def count(url: str, **changes: Any) -> int:
    """Count by a store that is opened for it."""
    store = open_store(url, ElasticsearchSettings(), **changes)
    try:
        return store.count(EVERYTHING)
    finally:
        store.close()


def refusal(url: str, **changes: Any) -> str:
    """Return the one line that a count ends with."""
    with pytest.raises((StoreUnavailableError, SettingError)) as caught:
        count(url, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_api_key_is_sent_over_tls_and_never_shown(
    authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    """The key from a file is the header of every request; a server that refuses it brings out no word of it."""
    file = tmp_path / "key"
    file.write_text("c2VjcmV0LWtleQ==\n")
    with answering(keyed("c2VjcmV0LWtleQ=="), certificate) as server:
        assert count(server.url, api_key_file=file, ca_file=authority.certificate) == 7
        assert {asked.headers["authorization"] for asked in server.asked} == {"ApiKey c2VjcmV0LWtleQ=="}
        said = refusal(server.url, api_key=Secret("ZWFybGllcg=="), ca_file=authority.certificate)
    assert "refuses the credentials" in said
    assert "ZWFy" not in said


def test_a_new_key_in_the_file_is_taken_up_when_the_old_one_is_refused(tmp_path: Path) -> None:
    """Rotation needs no restart: all threads that meet the refusal go on with the new key."""
    file = tmp_path / "key"
    file.write_text("b2xk")
    with answering(keyed("b2xk")) as server:
        store = open_store(server.url, ElasticsearchSettings(), api_key_file=file)
        assert store.count(EVERYTHING) == 7
        server.answer = keyed("bmV3")
        with pytest.raises(StoreUnavailableError, match="refuses the credentials"):
            store.count(EVERYTHING)
        file.write_text("bmV3")
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(store.count(EVERYTHING))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == [7] * 8
        server.answer = keyed("bmV3ZXI=")
        file.unlink()
        with pytest.raises(StoreUnavailableError, match=r"API_KEY_FILE.*cannot be read"):
            store.count(EVERYTHING)
        file.write_text("bmV3ZXI=")
        assert store.count(EVERYTHING) == 7
        store.close()


def test_a_new_authority_in_the_file_is_taken_up(
    authority: Authority, certificate: Certificate, tmp_path: Path
) -> None:
    """When a server shows a certificate of another authority, and the file has that one now, reading goes on."""
    other = Authority(tmp_path / "other")
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.certificate.read_bytes())
    with answering(counted, certificate) as server:
        store = open_store(server.url, ElasticsearchSettings(), ca_file=file)
        assert store.count(EVERYTHING) == 7
        store.close()
        store = open_store(server.url, ElasticsearchSettings(), ca_file=file)
        server.show(other.issue("server", "IP:127.0.0.1"))
        with pytest.raises(StoreUnavailableError, match="authority that is not known here"):
            store.count(EVERYTHING)
        file.write_bytes(other.certificate.read_bytes())
        assert store.count(EVERYTHING) == 7
        store.close()


def test_only_a_server_that_can_be_verified_is_spoken_to(
    authority: Authority, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another authority or name and a certificate out of date are refused before anything is sent, with a reason."""
    other = Authority(tmp_path / "other")
    secret = {"username": "me", "password": Secret("hush")}
    with answering(counted, certificate) as server:
        assert "not known here" in refusal(server.url, **secret)
        assert "CA_FILE" in refusal(server.url, ca_file=other.certificate, **secret)
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        assert count(server.url, **secret) == 7
        monkeypatch.undo()
        server.show(authority.issue("elsewhere", "DNS:search.example"))
        assert "for another name than 127.0.0.1" in refusal(server.url, ca_file=authority.certificate)
        server.show(authority.issue("old", "IP:127.0.0.1", days=-1))
        assert "has expired" in refusal(server.url, ca_file=authority.certificate)
        assert len(server.asked) == 1


def test_with_an_authority_of_ones_own_no_other_is_trusted(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CA_FILE replaces the authorities that the client library brings along; so do the system's without it."""
    bundled = Authority(tmp_path / "bundled")
    monkeypatch.setattr("elastic_transport._node._http_urllib3.DEFAULT_CA_CERTS", str(bundled.certificate))
    with answering(counted, bundled.issue("server", "IP:127.0.0.1")) as server:
        assert "not known here" in refusal(server.url, ca_file=authority.certificate)
        assert "not known here" in refusal(server.url)
        assert count(server.url, ca_file=bundled.certificate) == 7


def test_a_client_certificate_is_shown(authority: Authority, certificate: Certificate, tmp_path: Path) -> None:
    """A server that wants one gets it; without one, or with one of another authority, the line says what to set."""
    ours, theirs = authority.issue("indexer"), Authority(tmp_path / "other").issue("indexer")
    with answering(counted, certificate, clients=authority.certificate) as server:
        ca = {"ca_file": authority.certificate}
        assert count(server.url, client_certificate=ours.certificate, client_key=ours.key, **ca) == 7
        assert "CLIENT_CERTIFICATE" in refusal(server.url, **ca)
        said = refusal(server.url, client_certificate=theirs.certificate, client_key=theirs.key, **ca)
        assert "refuses the client certificate" in said


def test_http_and_https_are_told_apart(certificate: Certificate, authority: Authority) -> None:
    """http to a port that speaks TLS, and the reverse, end with the advice to change the address."""
    with answering(counted, certificate) as server:
        assert "https://" in refusal(server.url.replace("https", "http"))
    with answering(counted) as server:
        assert "is it http://?" in refusal(server.url.replace("http", "https"), ca_file=authority.certificate)


def test_files_that_are_something_else_stop_the_start(authority: Authority, tmp_path: Path) -> None:
    """No certificate, another certificate's key, an encrypted key and an empty secret: the line names the setting."""
    text, empty = tmp_path / "text", tmp_path / "empty"
    text.write_text("hello\n")
    empty.write_text("\n")
    one, two = authority.issue("one"), authority.issue("two")
    encrypted = encrypt(one.key)
    url = "https://127.0.0.1:1"
    assert "CA_FILE" in refusal(url, ca_file=text)
    assert "does not belong" in refusal(url, client_certificate=one.certificate, client_key=two.key)
    assert "CLIENT_KEY" in refusal(url, client_certificate=one.key, client_key=one.certificate)
    assert "encrypted" in refusal(url, client_certificate=one.certificate, client_key=encrypted)
    assert "PASSWORD_FILE" in refusal(url, username="me", password_file=empty)
    assert "https://" in refusal("http://127.0.0.1:1", ca_file=authority.certificate)


def test_a_missing_right_is_named_with_what_to_do() -> None:
    """Who lacks what on which index is kept from the server's sentence, and the command that lists the rights named."""
    said = not_allowed(
        "action [indices:data/write/bulk[s]] is unauthorized for user [reader] with effective roles [scorelens_reader] "
        "on indices [scorelens-2026.11.22], this action is granted by the index privileges [create_doc,create,all]"
    )
    for part in ("user [reader]", "scorelens-2026.11.22", "create_doc, create, all", "scorelens elasticsearch roles"):
        assert part in said
    assert not_allowed("no") == "no"


def test_credentials_over_an_open_network_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """A password for another machine without TLS is sent, as asked, and said to be readable on the way."""
    open_store("http://me:hush@search.example:9200", ElasticsearchSettings()).close()
    open_store("http://me:hush@127.0.0.1:9200", ElasticsearchSettings()).close()
    [record] = [record for record in caplog.records if "unencrypted" in record.getMessage()]
    assert "hush" not in str(vars(record))
