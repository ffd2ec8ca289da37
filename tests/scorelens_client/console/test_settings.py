"""Which console is read, and by which token."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_client.console.settings import AccessSettings, from_environment, read_url
from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", ""),
        ("https://console.example", "https://console.example"),
        ("https://Console.example:8443/", "https://console.example:8443"),
        ("console.example", "https://console.example"),
        ("127.0.0.1:8585", "http://127.0.0.1:8585"),
        ("localhost:8585", "http://localhost:8585"),
        ("[::1]:8585", "http://[::1]:8585"),
        ("http://console.example", "http://console.example"),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, meant: str) -> None:
    """Nothing crosses a network in the clear unless http:// asks for it."""
    assert read_url(text) == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://ada:secret@console.example", "a name or password"),
        ("https://console.example/documents?q=a", "leads into the pages"),
        ("ftp://console.example", "is not an address"),
        ("https://", "is not an address"),
        ("https://console.example:x", "is not an address"),
        ("https://con sole", "is not an address"),
    ],
)
def test_what_is_no_address_is_refused(text: str, reason: str) -> None:
    """With what is wrong, and no password in it."""
    with pytest.raises(SettingError, match=reason) as told:
        read_url(text)
    assert "secret" not in str(told.value)


def test_a_token_is_named_or_in_a_file(tmp_path: Path) -> None:
    """The file is read when it is needed; without either there is a sentence on how to get one."""
    file = tmp_path / "token"
    file.write_text("scorelens_abc\n")
    assert AccessSettings(token_file=file).secret() == "scorelens_abc"
    assert AccessSettings(token=Secret("scorelens_own"), token_file=file).secret() == "scorelens_own"
    with pytest.raises(SettingError, match="scorelens console token create"):
        AccessSettings(url="https://console.example").secret()
    with pytest.raises(SettingError, match="this is no token") as told:
        AccessSettings(token=Secret("two words")).secret()
    assert "two words" not in str(told.value)


def test_the_environment_names_everything(tmp_path: Path) -> None:
    """By variables, whose names errors have."""
    file = tmp_path / "token"
    file.write_text("scorelens_abc")
    found = from_environment(
        {
            "SCORELENS_CONSOLE_URL": "console.example",
            "SCORELENS_CONSOLE_TOKEN_FILE": str(file),
            "SCORELENS_CONSOLE_CA_FILE": str(file),
            "SCORELENS_CONSOLE_TIMEOUT": "5s",
        }
    )
    assert (found.url, found.secret(), found.ca_file, found.timeout) == (
        "https://console.example",
        "scorelens_abc",
        file,
        5.0,
    )
    for name, text in {"URL": "ftp://a", "TOKEN_FILE": "/none", "CA_FILE": "/none", "TIMEOUT": "0s"}.items():
        with pytest.raises(SettingError, match=f"SCORELENS_CONSOLE_{name}"):
            from_environment({f"SCORELENS_CONSOLE_{name}": text})
