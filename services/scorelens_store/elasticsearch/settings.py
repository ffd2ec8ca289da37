"""Settings of the Elasticsearch store, read from SCORELENS_ELASTICSEARCH_* by every component that opens it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret, existing_file, read_secret
from scorelens_runtime.settings import choice, duration, read, setting, size, variable_of, whole

COMPONENT = "elasticsearch"

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def read_prefix(text: str) -> str:
    """Read the beginning of the names of indices. Raises SettingError."""
    if not _PREFIX.fullmatch(text):
        raise SettingError(f"{text!r} is not 1 to 100 of a-z, 0-9, _ and -, beginning with a letter or digit")
    return text


def _replicas(text: str) -> str:
    if not re.fullmatch(r"\d{1,2}|\d{1,2}-(\d{1,2}|all)", text):
        raise SettingError(f"{text!r} is neither a number of replicas nor a range such as 0-1")
    return text


def _source_mode(text: str) -> str:
    if text == "synthetic":
        raise SettingError(
            "'synthetic' would change records: the server makes each anew from its fields, which sorts lists, leaves "
            "out what occurs twice, rounds numbers to 32 bits and makes text of an attribute's number; take stored"
        )
    return str(choice("stored")(text))


def _analyzer(text: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,100}", text):
        raise SettingError(f"{text!r} is not the name of an analyzer, such as standard, english or german")
    return text


@dataclass(frozen=True)
class ElasticsearchSettings:
    """How records lie in Elasticsearch, and how its server is spoken to."""

    prefix: str = setting(
        "scorelens", "Beginning of the names of all indices, and the alias to read them by.", read_prefix
    )
    period: str = setting("day", "Span of one index: day, week or month.", choice("day", "week", "month"))
    shards: int = setting("1", "Shards of an index.", whole(1, 1024))
    replicas: str = setting("0-1", "Copies of an index, or a range that follows the number of servers.", _replicas)
    refresh: float = setting(
        "0s",
        "How long after its put a record may become visible to searches; 0s: visible when it is acknowledged.",
        duration,
    )
    codec: str = setting(
        "default",
        "How stored fields are compressed: default, or best_compression, which is smaller and slower.",
        choice("default", "best_compression"),
    )
    source_mode: str = setting(
        "stored",
        "How records are kept: stored, as they came; synthetic would change them and is refused.",
        _source_mode,
    )
    analyzer: str = setting(
        "standard", "Analyzer by which words are found, too, such as english, where the server has it.", _analyzer
    )
    number_fields: int = setting(
        "1536", "Most names of scores, margins and thresholds that one index searches.", whole(0, 10_000)
    )

    username: str = setting("", "Name to sign in with.")
    password: Secret = setting("", "Password to sign in with.", Secret)
    password_file: Path | None = setting("", "File that holds the password.", existing_file)
    api_key: Secret = setting(
        "", "API key to sign in with instead of a name, encoded as Elasticsearch shows it.", Secret
    )
    api_key_file: Path | None = setting("", "File that holds the API key.", existing_file)
    ca_file: Path | None = setting(
        "", "Certificates that the server's is checked against (the system's).", existing_file
    )
    client_certificate: Path | None = setting("", "Certificate to sign in with, PEM.", existing_file)
    client_key: Path | None = setting("", "Key of the certificate, PEM.", existing_file)

    timeout: float = setting("30s", "How long one request may take.", duration)
    bulk_bytes: int = setting("8MiB", "Most bytes of records in one request; a larger record goes alone.", size)
    retries: int = setting(
        "4", "How often records that the server had no room for are sent again at once.", whole(0, 20)
    )

    def __post_init__(self) -> None:
        if self.secret("password") and not self.username:
            raise SettingError("setting SCORELENS_ELASTICSEARCH_USERNAME: a password needs a name")
        if self.username and self.secret("api_key"):
            raise SettingError("setting SCORELENS_ELASTICSEARCH_API_KEY: give a name or an API key, not both")
        if not self.secret("api_key").isascii():
            raise SettingError("setting SCORELENS_ELASTICSEARCH_API_KEY: it has characters that no encoded key has")
        if bool(self.client_certificate) != bool(self.client_key):
            raise SettingError("setting SCORELENS_ELASTICSEARCH_CLIENT_KEY: a certificate and its key belong together")

    def secret(self, name: str) -> str:
        """Return `password` or `api_key`, from its file where one is named. Raises SettingError."""
        path: Path | None = getattr(self, f"{name}_file")
        if path is None:
            return str(getattr(self, name))
        return read_secret(path, f"SCORELENS_ELASTICSEARCH_{name.upper()}_FILE")


def from_environment(environment: Mapping[str, str] = os.environ) -> ElasticsearchSettings:
    """Read the settings that are set. Raises SettingError that names the variable."""
    fields = dataclasses.fields(ElasticsearchSettings)
    return read(
        ElasticsearchSettings,
        COMPONENT,
        {field.name: environment.get(variable_of(field, COMPONENT)) for field in fields},
        flags=False,
    )
