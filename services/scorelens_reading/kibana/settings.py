"""Where Kibana is and how one signs in, read from SCORELENS_KIBANA_* by every command that speaks of it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret, existing_file, read_secret
from scorelens_runtime.settings import duration, flag_of, read, setting, variable_of

COMPONENT: Final = "kibana"

_SPACE: Final = re.compile(r"[a-z0-9_-]{1,100}")


def read_url(text: str) -> str:
    """Read an address that people open, without a slash at its end; none is empty. Raises SettingError."""
    try:
        parts = urlsplit(text.strip())
        valid = not text or (parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0)
    except ValueError:
        valid = False
    if not valid or not text.isprintable() or " " in text.strip():
        raise SettingError(f"{text!r} is not an address such as https://kibana.example:5601")
    if "@" in parts.netloc:
        raise SettingError("the address holds a name or password; set them by the variables of their own")
    if parts.query or parts.fragment or re.search(r"/(app|s)(/|$)", parts.path):
        raise SettingError(f"{text!r} leads into the pages; name the address up to them, before /app and /s")
    return text.strip().rstrip("/")


def read_space(text: str) -> str:
    """Read the id of a space; the default one is empty. Raises SettingError."""
    if text and not _SPACE.fullmatch(text):
        raise SettingError(f"{text!r} is not the id of a space: 1 to 100 of a-z, 0-9, _ and -")
    return "" if text == "default" else text


@dataclass(frozen=True)
class KibanaSettings:
    """Where Kibana is, for `scorelens kibana` and for the links of `scorelens show`, `scorelens search` and the SDK.

    Flags of `scorelens kibana import` and `open` win over the variables of the same name.
    """

    url: str = setting("", "Address of Kibana, with its base path where it has one; none shows no links.", read_url)
    space: str = setting("", "Id of the space that the views are in; none is the default space.", read_space)
    console_url: str = setting(
        "", "Address of the console, which ids in Kibana lead to; none makes no links.", read_url
    )

    username: str = setting("", "Name to sign in with.")
    password: Secret = setting("", "Password to sign in with.", Secret)
    password_file: Path | None = setting("", "File that holds the password.", existing_file)
    api_key: Secret = setting("", "API key to sign in with instead of a name, encoded as Kibana shows it.", Secret)
    api_key_file: Path | None = setting("", "File that holds the API key.", existing_file)
    ca_file: Path | None = setting(
        "", "Certificates that the server's is checked against (the system's).", existing_file
    )

    timeout: float = setting("30s", "How long one request may take.", duration)
    wait: float = setting("60s", "How long to wait for a Kibana that is starting; 0s does not wait.", duration)

    def __post_init__(self) -> None:
        if (self.password or self.password_file) and not self.username:
            raise SettingError("setting SCORELENS_KIBANA_USERNAME: a password needs a name")
        if self.username and (self.api_key or self.api_key_file):
            raise SettingError("setting SCORELENS_KIBANA_API_KEY: give a name or an API key, not both")

    def secret(self, name: str) -> str:
        """Return `password` or `api_key`, from its file where one is named. Raises SettingError."""
        path: Path | None = getattr(self, f"{name}_file")
        if path is None:
            return str(getattr(self, name))
        return read_secret(path, f"SCORELENS_KIBANA_{name.upper()}_FILE")

    def require_url(self) -> str:
        """Return the address. Raises SettingError that says how to name one."""
        if not self.url:
            raise SettingError(
                "no Kibana is named: give --url https://kibana.example:5601, or set SCORELENS_KIBANA_URL"
            )
        return self.url

    @property
    def base(self) -> str:
        """Address of the space: what all paths of its pages and requests begin with."""
        return f"{self.url}/s/{self.space}" if self.space else self.url


def from_environment(environment: Mapping[str, str] = os.environ, **given: str | None) -> KibanaSettings:
    """Read the settings that are set; `given` ones, of flags, win. Raises SettingError that names flag or variable."""
    fields = dataclasses.fields(KibanaSettings)
    texts = {field.name: environment.get(variable_of(field, COMPONENT)) for field in fields}
    for field in fields:
        if (text := given.get(field.name)) is not None:
            texts[field.name] = text
            _check_flag(field, text)
    return read(KibanaSettings, COMPONENT, texts, flags=False)


def _check_flag(field: dataclasses.Field[Any], text: str) -> None:
    try:
        field.metadata["parse"](text)
    except SettingError as error:
        raise SettingError(f"{flag_of(field)}: {error}") from error
