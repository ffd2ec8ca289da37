"""Which console is read, and by which token: SCORELENS_CONSOLE_URL, _TOKEN, _TOKEN_FILE, _CA_FILE and _TIMEOUT."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from scorelens_runtime.endpoint import is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret, existing_file, read_secret
from scorelens_runtime.settings import duration, read, setting, variable_of

COMPONENT: Final = "console"

HOW_TO_GET_ONE: Final = (
    "no token is named for the console {}: set SCORELENS_CONSOLE_TOKEN_FILE to a file that holds one, or "
    "SCORELENS_CONSOLE_TOKEN; `scorelens console token create --as viewer --name NAME` makes one where the console runs"
)


def read_url(text: str) -> str:
    """Read the address of a console; none is empty. Without a scheme it is https, but on this machine.

    Raises SettingError.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not text:
        return ""
    if not host or not text.isprintable() or " " in text or parts.scheme not in ("", "http", "https"):
        raise SettingError(f"{text!r} is not an address such as https://console.example or 127.0.0.1:8585")
    if "@" in parts.netloc:
        raise SettingError("the address holds a name or password; a token is named by SCORELENS_CONSOLE_TOKEN_FILE")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingError(
            f"{text!r} leads into the pages; name the address up to them, such as https://console.example"
        )
    scheme = parts.scheme or ("http" if is_loopback(host) else "https")
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}" if port is None else f"{scheme}://{named}:{port}"


def _seconds(text: str) -> float:
    seconds = float(duration(text))
    if seconds <= 0:
        raise SettingError(f"{text!r} is no time to wait")
    return seconds


@dataclass(frozen=True)
class AccessSettings:
    """The console that `scorelens search`, `show`, `pull`, `words`, `export` and the SDK read instead of the store.

    The flags --console and --store win over the variable.
    """

    url: str = setting("", "Address of the console, such as https://console.example; none reads the store.", read_url)
    token: Secret = setting("", "Token to sign in with.", Secret)
    token_file: Path | None = setting("", "File that holds the token.", existing_file)
    ca_file: Path | None = setting(
        "", "Certificates that the console's is checked against (the system's).", existing_file
    )
    timeout: float = setting("60s", "How long one request may wait for its answer to go on.", _seconds)

    def secret(self) -> str:
        """Return the token. Raises SettingError that says how to get one."""
        token = str(self.token) or (
            read_secret(self.token_file, "SCORELENS_CONSOLE_TOKEN_FILE") if self.token_file else ""
        )
        if not token:
            raise SettingError(HOW_TO_GET_ONE.format(self.url))
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SettingError("setting SCORELENS_CONSOLE_TOKEN: this is no token; each begins with scorelens_")
        return token


def from_environment(environment: Mapping[str, str] = os.environ) -> AccessSettings:
    """Read the settings that are set. Raises SettingError that names the variable."""
    texts = {field.name: environment.get(variable_of(field, COMPONENT)) for field in dataclasses.fields(AccessSettings)}
    return read(AccessSettings, COMPONENT, texts, flags=False)
