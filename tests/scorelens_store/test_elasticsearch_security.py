"""Roles, certificates and credentials on a real server with security and TLS on.

Its roles are what `scorelens elasticsearch roles --yaml` prints, so that the command's files are what is proven.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from click.testing import CliRunner

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from scorelens_runtime.main import scorelens
from scorelens_runtime.secrets import Secret
from scorelens_store.contract import Outcome, Selection, Store, Terms
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore, open_store
from scorelens_store.elasticsearch.dead_letter_index import open_dead_letters
from scorelens_store.elasticsearch.reindexing.run import open_reindexing
from scorelens_store.elasticsearch.setup import open_setup
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.doctor.examining import Examined, examine, printed
from tests.scorelens_store.records import make, record_id
from tests.scorelens_store.reindexing import Watcher
from tests.tools.certificates import Authority
from tests.tools.elasticsearch import ElasticsearchServer, make_server
from tests.tools.missing import MissingPartError, missing

pytestmark = [pytest.mark.elasticsearch, pytest.mark.heavy]

EVERYTHING = Selection(Everything())
PREFIX, NEIGHBOUR = "vault", "vault-other"
WORD = "correct horse:ß"
# Elasticsearch keeps the name kibana for itself.
USERS = {name: name for name in ("admin", "writer", "reader", "console", "setup")} | {"kibana": "analyst"}
SALT = b"0123456789abcdef0123456789abcdef"
SETTINGS = {
    "xpack.security.enabled": "true",
    "xpack.security.http.ssl.enabled": "true",
    "xpack.security.http.ssl.key": "http.key",
    "xpack.security.http.ssl.certificate": "http.pem",
    "xpack.security.http.ssl.certificate_authorities": "authority.pem",
    "xpack.security.http.ssl.client_authentication": "optional",
    "xpack.security.authc.realms.file.file1.order": "0",
    "xpack.security.authc.realms.pki.pki1.order": "1",
    "xpack.license.self_generated.type": "trial",  # client certificates as a sign-in are part of a licence
    "http.max_content_length": "2mb",
}


class Secured:
    """The server, its authority, and stores opened as one of its users."""

    def __init__(self, server: ElasticsearchServer, authority: Authority) -> None:
        self.server, self.authority = server, authority
        self._opened: list[ElasticsearchStore] = []

    def settings(self, user: str = "", prefix: str = PREFIX, **changes: Any) -> ElasticsearchSettings:
        """Return the settings of who has a role."""
        known: dict[str, Any] = {"username": USERS[user], "password": Secret(WORD)} if user else {}
        server = {"prefix": prefix, "ca_file": self.authority.certificate}
        return ElasticsearchSettings(**{**server, **known, **changes})

    def open(self, user: str = "", prefix: str = PREFIX, **changes: Any) -> ElasticsearchStore:
        """Open a store that is closed with the module."""
        self._opened.append(open_store(self.server.url, self.settings(user, prefix, **changes)))
        return self._opened[-1]

    def close(self) -> None:
        """Close the stores and the server."""
        for store in self._opened:
            store.close()
        self.server.close()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server with the roles of two prefixes; the one that is tested is set up by who may do no more than that."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    try:
        server = make_server(SETTINGS, _files(authority))
    except MissingPartError as error:
        missing(str(error))
    found = Secured(server, authority)
    try:
        server.start()
        for who, prefix in (("setup", PREFIX), ("admin", NEIGHBOUR)):
            with open_setup(server.url, found.settings(who, prefix)) as setup:
                setup.apply(setup.plan())
                assert not setup.plan().steps
        yield found
    finally:
        found.close()


def _files(authority: Authority) -> dict[str, str]:
    certificate = authority.issue("server", "IP:127.0.0.1")
    return {
        "users": "".join(f"{user}:{_hashed(WORD)}\n" for user in USERS.values()),
        "users_roles": "superuser:admin\n"
        + "".join(f"{PREFIX}_{role}:{USERS[role]}\n" for role in USERS if role != "admin"),
        "roles.yml": _printed(PREFIX) + _printed(NEIGHBOUR),
        "role_mapping.yml": f'{PREFIX}_writer:\n  - "CN=indexer"\n',
        "http.pem": certificate.certificate.read_text(),
        "http.key": certificate.key.read_text(),
        "authority.pem": authority.certificate.read_text(),
    }


def _printed(prefix: str) -> str:
    command = ["elasticsearch", "roles", "--yaml", "--store", f"https://search.example#{prefix}"]
    return CliRunner().invoke(scorelens, command, catch_exceptions=False).stdout


def _hashed(password: str) -> str:
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), SALT, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(SALT).decode()}${base64.b64encode(found).decode()}"


def _numbers(*numbers: int) -> list[dict[str, Any]]:
    return [make(number) for number in numbers]


def test_the_writer_does_all_that_an_indexer_does(secured: Secured, caplog: pytest.LogCaptureFixture) -> None:
    """Records are put once, labelled, forgotten and kept out, merged away and expired, with the role of the writer.

    New tags become fields that are searched, and the server warns of nothing that a later version would refuse.
    """
    caplog.set_level(logging.INFO)
    writer, reader = secured.open("writer"), secured.open("reader")
    assert {result.outcome for result in writer.put(_numbers(1, 2, 3))} == {Outcome.STORED}
    assert [result.outcome for result in writer.put([make(4, score={"new-tag": 0.9})])] == [Outcome.STORED]
    assert reader.count(Selection(parse("score.new-tag:>0.8"))) == 1
    assert writer.forget(record_ids=[record_id(4)]) == 1
    assert [result.outcome for result in writer.put(_numbers(1))] == [Outcome.DUPLICATE]
    writer.annotate(record_id(1), {"verdict": "right"})
    assert writer.forget(record_ids=[record_id(2)]) == 1
    assert [result.outcome for result in writer.put(_numbers(2))] == [Outcome.FORGOTTEN]
    next(iter(writer.purge()), None)
    assert {record["record"]["id"] for record in reader.scan(EVERYTHING)} == {record_id(1), record_id(3)}
    writer.expire(datetime(2000, 1, 1, tzinfo=UTC))
    assert reader.count(EVERYTHING) == 2
    writer.expire(datetime(2040, 1, 1, tzinfo=UTC))
    assert reader.count(EVERYTHING) == 0
    assert "Elasticsearch warns" not in caplog.text


def test_dead_letters_are_shown_by_the_writer_and_seen_in_kibana(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer's role makes their index and keeps it in step; people in Kibana read it, and other readers do not."""
    for name, value in {"USERNAME": "writer", "PASSWORD": WORD, "CA_FILE": secured.authority.certificate}.items():
        monkeypatch.setenv(f"SCORELENS_ELASTICSEARCH_{name}", str(value))
    letter = {"reason": "odd", "indexer": {"id": "one"}}
    with closing(open_dead_letters(f"{secured.server.url}#{PREFIX}", "one")) as shown:
        for letters in ({}, {"a": letter, "b": letter}, {"b": letter}):
            shown.mirror(letters)
    path = f"/{PREFIX}-dead-letters/_search?filter_path=hits.hits._source"
    assert secured.open("kibana")._connection.request("GET", path) == {"hits": {"hits": [{"_source": letter}]}}
    with pytest.raises(StoreUnavailableError, match=r"user \[reader\] lacks"):
        secured.open("reader")._connection.request("GET", path)


def test_who_sets_up_indexes_anew(secured: Secured) -> None:
    """The role of setup makes an index anew, also a second time, and aborts; the writer's goes on writing to it."""
    writer, before = secured.open("writer"), _numbers(*range(60, 65))
    writer.put(before)
    with open_reindexing(secured.server.url, secured.settings("setup")) as reindexing:
        for generation in (2, 3):
            (index,) = reindexing.indices()
            with reindexing.held():
                result = reindexing.reindex(index, Watcher())
            assert (result.to, result.records) == (f"{PREFIX}-2026.11.21-{generation}", 5)
            assert [one.outcome for one in writer.put(before)] == [Outcome.DUPLICATE] * 5
            writer.annotate(record_id(60), {"verdict": f"{generation}"})
        assert reindexing.server.shortage(2**60)
        assert reindexing.abort() == []
    assert writer.forget(record_ids=[record_id(61)]) == 1
    _remove_records(secured)


_FOREIGN: dict[str, tuple[str, str, Any]] = {
    "read other indices": ("POST", "/ledger/_search", {}),
    "read all indices": ("POST", "/ledger,vault/_search", {}),
    "read another prefix": ("POST", f"/{NEIGHBOUR}-2026.11.22/_search", {}),
    "delete another prefix": ("DELETE", f"/{NEIGHBOUR}-2026.11.22", None),
    "delete other indices": ("DELETE", "/ledger", None),
    "make other indices": ("PUT", "/vault-extra", {}),
    "delete tombstones": ("DELETE", "/vault-forgotten", None),
    "delete one tombstone": ("DELETE", "/vault-forgotten/_doc/key", None),
    "overwrite a tombstone": ("PUT", "/vault-forgotten/_doc/key", {"key": ""}),
    "change security": ("PUT", "/_security/role/mine", {"cluster": ["all"]}),
    "see security": ("GET", "/_security/role", None),
    "change templates": ("PUT", "/_component_template/vault@mappings", {"template": {}}),
    "change the cluster": ("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": 1}}),
    "change settings of an index": ("PUT", "/vault-2026.11.22/_settings", {"index": {"number_of_replicas": 3}}),
}


@pytest.mark.parametrize("what", list(_FOREIGN))
def test_the_writer_may_do_nothing_else(secured: Secured, what: str) -> None:
    """What no indexer does is refused to its role, in one line that names the right and the command."""
    admin, writer = secured.open("admin"), secured.open("writer")
    for index in ("ledger", f"{NEIGHBOUR}-2026.11.22", "vault-2026.11.22", "vault-forgotten"):
        if admin._connection.request("GET", f"/{index}") is None:
            admin._connection.change("PUT", f"/{index}", {"settings": {"number_of_replicas": 0}})
    method, path, body = _FOREIGN[what]
    with pytest.raises(StoreUnavailableError, match=r"user \[writer\] lacks the (index|cluster) privilege") as caught:
        writer._connection.change(method, path, body)
    assert "scorelens elasticsearch roles" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("role", ["reader", "kibana", "console"])
def test_who_reads_finds_everything_and_changes_nothing(secured: Secured, role: str) -> None:
    """Readers search, count, page, aggregate and fetch; putting, labels, forgetting and tombstones are not theirs."""
    secured.open("writer").put(_numbers(*range(10, 20)))
    reader = secured.open(role)
    assert reader.count(EVERYTHING) == 10
    assert reader.search(EVERYTHING, limit=3).total == 10
    assert len(list(reader.scan(EVERYTHING))) == 10
    assert reader.aggregate(EVERYTHING, {"kinds": Terms("document.kind")})["kinds"]
    assert reader.get(record_id(11)) is not None
    assert reader.available()
    changes: list[Callable[[], Any]] = [
        lambda: reader.put(_numbers(21)),
        lambda: reader.annotate(record_id(11), {"verdict": "wrong"}),
        lambda: reader.forget(record_ids=[record_id(11)]),
        lambda: reader.expire(datetime(2040, 1, 1, tzinfo=UTC)),
        lambda: reader._connection.request("POST", f"/{PREFIX}-forgotten/_search", {}),
        lambda: reader._connection.request("POST", f"/{NEIGHBOUR}-2026.11.22/_search", {}),
    ]
    for change in changes:
        with pytest.raises(StoreUnavailableError, match=rf"user \[{USERS[role]}\] lacks"):
            change()
    assert reader.count(EVERYTHING) == 10


@pytest.mark.parametrize("kind", ["search", "count", "scan", "get", "pages", "forget"])
def test_who_may_not_read_is_told_so(secured: Secured, kind: str) -> None:
    """Records that somebody may not see are never taken for none: the line names the right that is missing."""
    secured.open("admin", prefix=NEIGHBOUR).put(_numbers(1))
    reader = secured.open("reader", prefix=NEIGHBOUR)
    attempts: dict[str, Callable[[], Any]] = {
        "search": lambda: reader.search(EVERYTHING),
        "count": lambda: reader.count(EVERYTHING),
        "scan": lambda: list(reader.scan(EVERYTHING)),
        "get": lambda: reader.get(record_id(1)),
        "pages": lambda: list(reader.pages(EVERYTHING, limit=5000)),
        "forget": lambda: reader.forget(record_ids=[record_id(1)]),
    }
    with pytest.raises(StoreUnavailableError, match=r"user \[reader\] lacks"):
        attempts[kind]()


def test_without_setup_the_writer_says_what_is_missing(secured: Secured) -> None:
    """A prefix that nobody set up gets no index with a mapping of chance; the line says who has to do what."""
    stranger = secured.open("writer", prefix="nowhere")
    with pytest.raises(StoreUnavailableError) as caught:
        stranger.put(_numbers(1))
    assert "scorelens elasticsearch setup" in str(caught.value)


def test_a_password_in_the_address_signs_in_and_is_never_shown(secured: Secured) -> None:
    """Name and password may stand in the address, percent-encoded; neither name nor description shows them."""
    address = secured.server.url.replace("://", f"://reader:{quote(WORD)}@")
    with closing(open_store(address, secured.settings())) as reader:
        assert reader.available()
        assert "horse" not in reader.describe() + repr(reader.settings)


@pytest.mark.parametrize(
    ("sign_in", "advice"),
    [
        ({}, "USERNAME"),
        ({"username": "writer", "password": Secret("geheim")}, "unable to authenticate user [writer]"),
        ({"api_key": Secret("Z2VoZWlt")}, "refuses the credentials"),
    ],
    ids=["none", "password", "key"],
)
def test_refused_credentials_are_unavailable(secured: Secured, sign_in: dict[str, Any], advice: str) -> None:
    """Credentials that are refused lose nothing and are not shown; the line says what is wrong with them."""
    store = secured.open(**sign_in)
    with pytest.raises(StoreUnavailableError, match="refuses the credentials") as caught:
        store.put(_numbers(1))
    assert caught.value.retry_after > 1
    assert advice in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("geheim", "Z2VoZWlt"))
    assert not store.available()


def test_a_client_certificate_signs_in(secured: Secured, tmp_path: Path) -> None:
    """A certificate that the server maps to the writer's role writes; of another authority it is refused."""
    ours = secured.authority.issue("indexer")
    writer = secured.open(client_certificate=ours.certificate, client_key=ours.key)
    assert [result.outcome for result in writer.put(_numbers(30))] == [Outcome.STORED]
    theirs = Authority(tmp_path / "other").issue("indexer")
    stranger = secured.open(client_certificate=theirs.certificate, client_key=theirs.key)
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        stranger.put(_numbers(31))
    # The files of the old one are replaced, and its next connection shows the new one.
    for old, new in zip(theirs, ours, strict=True):
        old.write_bytes(new.read_bytes())
    assert _eventually(lambda: stranger.put(_numbers(31))[0].outcome) is Outcome.STORED


def _eventually(attempt: Callable[[], Outcome]) -> Outcome:
    found: list[Outcome] = []

    def look() -> bool:
        try:
            found.append(attempt())
        except StoreUnavailableError:
            return False
        return True

    wait_until(look, "the store is open again", 20)
    return found[0]


def test_who_the_server_is_comes_first(secured: Secured, tmp_path: Path) -> None:
    """A real server of another authority, or called by a name that its certificate lacks, gets no credentials."""
    stranger = secured.open("writer", ca_file=Authority(tmp_path / "other").certificate)
    with pytest.raises(StoreUnavailableError, match="authority that is not known here"):
        stranger.put(_numbers(1))
    named = open_store(secured.server.url.replace("127.0.0.1", "localhost"), secured.settings("writer"))
    with closing(named), pytest.raises(StoreUnavailableError, match="for another name than localhost"):
        named.put(_numbers(1))
    plain = secured.server.url.replace("https", "http")
    with closing(open_store(plain, ElasticsearchSettings())) as store, pytest.raises(StoreUnavailableError) as caught:
        store.count(EVERYTHING)
    assert "https://" in str(caught.value)


def test_a_record_that_is_too_large_is_refused_alone(secured: Secured) -> None:
    """What exceeds the server's limit of a request is cut, and a single record that does is rejected."""
    writer = secured.open("writer", bulk_bytes=64 * 2**20)
    text = "word " * 80_000
    records = [
        make(40 + number, document={"id": "d", "kind": "blog", "text": text, "length": 1}) for number in range(8)
    ]
    records[3]["document"]["text"] = "word " * 500_000
    results = writer.put(records)
    assert [result.outcome is Outcome.STORED for result in results] == [number != 3 for number in range(8)]
    assert results[3].outcome is Outcome.REJECTED
    assert "larger than the server takes" in results[3].reason


def test_a_password_that_is_right_later_loses_nothing(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a wrong password the indexer keeps nothing and loses nothing; once the file is right, all of it arrives.

    Every document that was answered meanwhile is found once, without any restart, and no secret is in anything that the
    processes wrote, their logs included.
    """
    folder, secret = tmp_path / "system", tmp_path / "password"
    folder.mkdir()
    secret.write_text("wr0ng-pa55word")
    _remove_records(secured)
    environment = {"USERNAME": "writer", "PASSWORD_FILE": secret, "CA_FILE": secured.authority.certificate}
    for name, value in {**environment, "PREFIX": PREFIX}.items():
        monkeypatch.setenv(f"SCORELENS_ELASTICSEARCH_{name}", str(value))
    url = secured.server.url.replace("://", "://nobody:1n-the-url@")
    with System(folder, url).start() as system:
        answered = _score(system, "early", 30)
        wait_until(lambda: "refuses the credentials" in system.indexer.said(), "the indexer says what is wrong")
        assert system.account()["acknowledged"] == 0
        secret.write_text(f"{WORD}\n")
        answered += _score(system, "late", 30)
        system.settle()
        system.assert_each_once(answered)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(system.indexer_account).result().store_available
    signed = [base64.b64encode(f"writer:{word}".encode()) for word in ("wr0ng-pa55word", WORD)]
    for path in (path for path in folder.rglob("*") if path.is_file()):
        written = path.read_bytes()
        assert not any(word in written for word in (b"wr0ng", b"1n-the-url", WORD.encode(), *signed)), path


def _score(system: System, name: str, count: int) -> list[str]:
    ids = [f"{name}-{number}" for number in range(count)]
    with grpc.insecure_channel(system.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for one in ids:
            document = scorer_pb2.Document(id=one, kind="tweet", text="good")
            stub.Score(scorer_pb2.ScoreRequest(documents=[document]), timeout=20, wait_for_ready=True)
    return ids


def _remove_records(secured: Secured) -> None:
    store: Store = secured.open("writer")
    store.expire(datetime(2040, 1, 1, tzinfo=UTC))


def _examined(secured: Secured, home: Path, user: str, part: str = "INDEXER", **changes: str) -> Examined:
    return examine(home, _variables(secured, user, part, changes))


def _variables(secured: Secured, user: str, part: str, changes: dict[str, str]) -> dict[str, str]:
    variables = {
        f"SCORELENS_{part}_STORE": f"{secured.server.url}#{PREFIX}",
        "SCORELENS_ELASTICSEARCH_USERNAME": USERS[user],
        "SCORELENS_ELASTICSEARCH_PASSWORD": WORD,
        "SCORELENS_ELASTICSEARCH_CA_FILE": str(secured.authority.certificate),
    }
    return {**variables, **changes}


def test_the_doctor_tells_what_each_role_may(secured: Secured, tmp_path: Path) -> None:
    """The writer and the console have what they need; a reader in the place of the writer lacks rights by name."""
    for user, part in (("writer", "INDEXER"), ("console", "CONSOLE")):
        found = _examined(secured, tmp_path, user, part)
        # The server's certificate has only two days, which is no reason not to look further.
        assert [one["check"] for one in found.failed()] == ["certificate"]
        assert f"signs in as {USERS[user]}" in found.only("store", "rights")["text"]
    rights = _examined(secured, tmp_path, "reader").only("store", "rights")
    assert rights["mark"] == "FAIL"
    assert "auto_configure" in rights["text"]
    assert f"the role {PREFIX}_writer" in rights["advice"]


def test_the_doctor_tells_wrong_credentials_and_certificates(secured: Secured, tmp_path: Path) -> None:
    """A wrong password and an unknown authority fail with what to set, and no password is shown."""
    wrong = {"SCORELENS_ELASTICSEARCH_PASSWORD": "wrong-horse"}
    status, said = printed(tmp_path, _variables(secured, "writer", "INDEXER", wrong))
    assert status == 1
    assert "refuses the credentials" in said
    assert "wrong-horse" not in said
    found = _examined(secured, tmp_path, "writer", SCORELENS_ELASTICSEARCH_CA_FILE="")
    assert "SCORELENS_ELASTICSEARCH_CA_FILE" in found.only("store", "certificate")["advice"]
