"""How the Elasticsearch store signs in, and what of it is never shown."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch import open_store
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, Secret, from_environment
from scorelens_store.errors import StoreUnavailableError
from scorelens_store.query.tree import Everything
from tests.scorelens_store.records import make, record_id
from tests.tools.elasticsearch import ElasticsearchServer, make_server
from tests.tools.missing import MissingPartError, missing

EVERYTHING = Selection(Everything())
WORD = "correct horse:ß"
SALT = b"0123456789abcdef0123456789abcdef"


def _hashed(password: str) -> str:
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), SALT, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(SALT).decode()}${base64.b64encode(found).decode()}"


# The rights that docs/elasticsearch.md asks for, and no more.
ROLES = """
scorelens_writer:
  cluster: [manage_index_templates]
  indices:
    - names: ['scorelens*']
      privileges: [create_index, index, delete, read, view_index_metadata, maintenance, delete_index]
scorelens_reader:
  indices: [{names: ['scorelens*'], privileges: [read]}]
"""


@pytest.fixture(scope="module")
def secured() -> Iterator[ElasticsearchServer]:
    """A server that asks who is there, and takes no request above 2 MB."""
    files = {
        "users": f"writer:{_hashed(WORD)}\nreader:{_hashed(WORD)}\n",
        "users_roles": "scorelens_writer:writer\nscorelens_reader:reader\n",
        "roles.yml": ROLES,
    }
    settings = {"xpack.security.enabled": "true", "http.max_content_length": "2mb"}
    try:
        server = make_server(settings, files)
    except MissingPartError as error:
        missing(str(error))
    try:
        server.start()
        yield server
    finally:
        server.close()


def _prefix() -> str:
    return f"scorelens-{secrets.token_hex(6)}"


@pytest.mark.elasticsearch
def test_name_and_password_open_the_store(secured: ElasticsearchServer, tmp_path: Path) -> None:
    """A writer writes with a password from a file; a reader reads with one in the address, and cannot write."""
    file = tmp_path / "password"
    file.write_text(f"{WORD}\n")
    prefix = _prefix()
    writer = open_store(secured.url, prefix=prefix, username="writer", password_file=file)
    assert [result.outcome for result in writer.put([make(1)])] == [Outcome.STORED]
    assert writer.forget(record_ids=[record_id(9)]) == 0
    writer.annotate(record_id(1), {"verdict": "right"})

    address = secured.url.replace("://", "://reader:correct%20horse%3A%C3%9F@")
    reader = open_store(address, prefix=prefix)
    assert reader.count(EVERYTHING) == 1
    assert [record["labels"] for record in reader.scan(EVERYTHING)] == [{"verdict": "right"}]
    with pytest.raises(StoreUnavailableError, match="refuses the credentials"):
        reader.put([make(2)])
    writer.expire(datetime(2000, 1, 1, tzinfo=UTC))
    writer.expire(datetime(2040, 1, 1, tzinfo=UTC))
    assert reader.count(EVERYTHING) == 0
    for store in (writer, reader):
        assert "horse" not in store.describe() + repr(store.settings)
        store.close()


@pytest.mark.elasticsearch
@pytest.mark.parametrize(
    "sign_in", [{}, {"username": "writer", "password": Secret("wrong")}, {"api_key": Secret("eA==")}]
)
def test_refused_credentials_are_unavailable(secured: ElasticsearchServer, sign_in: dict[str, Any]) -> None:
    """Credentials that are refused lose nothing: the same call succeeds once they are right. They are not shown."""
    store = open_store(secured.url, prefix=_prefix(), **sign_in)
    with pytest.raises(StoreUnavailableError, match="refuses the credentials") as caught:
        store.put([make(1)])
    assert caught.value.retry_after > 1
    assert not any(secret in str(caught.value) for secret in ("wrong", "eA=="))
    assert not store.available()
    store.close()


@pytest.mark.elasticsearch
def test_a_record_that_is_too_large_is_refused_alone(secured: ElasticsearchServer) -> None:
    """What exceeds the server's limit of a request is cut, and a single record that does is rejected."""
    store = open_store(secured.url, prefix=_prefix(), username="writer", password=Secret(WORD), bulk_bytes=64 * 2**20)
    text = "word " * 80_000
    records = [make(number, document={"id": "d", "kind": "blog", "text": text, "length": 1}) for number in range(8)]
    records[3]["document"]["text"] = "word " * 500_000
    results = store.put(records)
    assert [result.outcome is Outcome.STORED for result in results] == [number != 3 for number in range(8)]
    assert results[3].outcome is Outcome.REJECTED
    assert "larger than the server takes" in results[3].reason
    assert store.count(EVERYTHING) == 7
    store.close()


def test_an_unknown_certificate_is_unavailable() -> None:
    """TLS is verified unless nothing can be done about it: a server that does not even speak it is not talked to."""
    store = open_store("https://127.0.0.1:1", prefix="scorelens")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.count(EVERYTHING)
    store.close()


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    """Every setting has a variable; secrets show themselves in no representation."""
    key = tmp_path / "key"
    key.write_text("from-a-file\n")
    settings = from_environment(
        {
            "SCORELENS_ELASTICSEARCH_PREFIX": "bank",
            "SCORELENS_ELASTICSEARCH_PERIOD": "month",
            "SCORELENS_ELASTICSEARCH_API_KEY_FILE": str(key),
            "SCORELENS_ELASTICSEARCH_BULK_BYTES": "1MiB",
        }
    )
    assert (settings.prefix, settings.period, settings.bulk_bytes) == ("bank", "month", 2**20)
    assert settings.secret("api_key") == "from-a-file"
    assert "hush" not in repr(ElasticsearchSettings(username="me", password=Secret("hush")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFIX", "With Capitals"),
        ("PREFIX", "a*"),
        ("PERIOD", "hour"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("REPLICAS", "many"),
        ("PASSWORD", "without a name"),
        ("API_KEY", "schlüssel"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    """What cannot be right stops the start with a line that names the variable, or the one that is missing."""
    with pytest.raises(SettingError, match="SCORELENS_ELASTICSEARCH_"):
        from_environment({f"SCORELENS_ELASTICSEARCH_{name}": value})


@pytest.mark.parametrize("url", ["http://", "ftp://host:9200", "http://host:0x1", "http://host:9200/?pretty"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """An address without host or with a port that is no number stops the start."""
    with pytest.raises(SettingError, match="address of Elasticsearch"):
        open_store(url)
