"""Settings of the console: what stops the start, and what people read then."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_console.public_url import PublicUrl
from scorelens_console.server import serving
from scorelens_console.settings import ConsoleSettings
from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import read
from tests.tools.certificates import Authority, encrypt

BEYOND = {"listen": "0.0.0.0:0", "public_url": "https://console.example"}
ROLES = {"roles": "analysts=scientist"}
OIDC = {"sign_in": "oidc", "oidc_issuer": "https://login.example", "oidc_client": "console"}
PROXY = {"sign_in": "proxy", "trusted_proxies": "10.0.0.0/8"}


def settings(**texts: str) -> ConsoleSettings:
    """Return settings as flags give them."""
    return read(ConsoleSettings, "console", texts)


@pytest.mark.parametrize(
    "texts",
    [
        {"listen": "0.0.0.0:0"},
        {"listen": "[::]:0"},
        {"listen": "192.0.2.1:0"},
        {"listen": "console.example:0"},
        BEYOND,
        {"public_url": "https://console.example"},
    ],
)
def test_beyond_this_machine_nobody_comes_in_by_links(texts: dict[str, str]) -> None:
    """Whoever can reach the console has to say who they are; the start says how that is set up."""
    with pytest.raises(SettingError, match="--sign-in accounts, oidc or proxy"):
        settings(**texts)


def test_beyond_this_machine_the_console_knows_its_name() -> None:
    """Without it every host would do, and pages would lead nowhere."""
    with pytest.raises(SettingError, match="--public-url"):
        settings(listen="0.0.0.0:0", sign_in="accounts")


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"listen": "[::1]:0"},
        {"listen": "localhost:0", "public_url": "http://localhost:9000"},
        BEYOND | {"sign_in": "accounts"},
        BEYOND | OIDC | ROLES,
        BEYOND | PROXY | ROLES,
        {"public_url": "https://console.example", "sign_in": "accounts"},
    ],
)
def test_each_way_to_sign_in_can_be_set_up(texts: dict[str, str]) -> None:
    """What the documentation shows is taken."""
    found = settings(**texts)
    assert found.is_secure == ("https" in texts.get("public_url", ""))


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (OIDC, "--roles"),
        (PROXY, "--roles"),
        (PROXY | ROLES | {"trusted_proxies": ""}, "--trusted-proxies"),
        (PROXY | ROLES | {"proxy_name": ""}, "--proxy-name"),
        (PROXY | ROLES | {"proxy_name": "X-A", "proxy_groups": "x-a"}, "--proxy-name"),
        (PROXY | ROLES | {"proxy_name": "X A:"}, "--proxy-name"),
        (OIDC | ROLES | {"oidc_client": ""}, "--oidc-client"),
        (OIDC | ROLES | {"oidc_issuer": ""}, "--oidc-issuer"),
        (OIDC | ROLES | {"oidc_issuer": "http://login.example"}, "--oidc-issuer"),
        (OIDC | ROLES | {"oidc_issuer": "login.example"}, "is not an address"),
        (OIDC | ROLES | {"oidc_scopes": "profile"}, "--oidc-scopes"),
        (OIDC | ROLES | {"oidc_secret_file": "/nonexistent"}, "--oidc-secret-file"),
        ({"sign_in": "nobody"}, "--sign-in"),
        ({"tls_cert": __file__}, "--tls-cert"),
        ({"tls_key": __file__}, "--tls-cert"),
        ({"tls_cert": __file__, "tls_key": __file__, "public_url": "http://localhost"}, "--public-url"),
        ({"session_idle": "5s"}, "--session-idle"),
        ({"audit_keep": "1h"}, "--audit-keep"),
        ({"max_upload": "1KB"}, "--max-upload"),
    ],
)
def test_half_a_setting_stops_the_start(texts: dict[str, str], names: str) -> None:
    """The one line that people read names what is missing."""
    with pytest.raises(SettingError, match=names):
        settings(**texts)


@pytest.mark.parametrize(
    ("text", "origin", "host"),
    [
        ("https://console.example", "https://console.example", "console.example"),
        ("https://Console.Example:443/", "https://console.example", "console.example"),
        ("http://console.example:8585", "http://console.example:8585", "console.example"),
        ("http://[::1]:8585", "http://[::1]:8585", "::1"),
    ],
)
def test_an_address_is_read_as_browsers_write_it(text: str, origin: str, host: str) -> None:
    """What browsers send as Origin is compared with it."""
    found = PublicUrl.parse(text)
    assert (found.origin, found.host) == (origin, host)


@pytest.mark.parametrize(
    "text",
    [
        "console.example",
        "ftp://a",
        "https://",
        "https://a/path",
        "https://u:p@a",
        "https://a?x",
        "https://a b",
        "https://a:x",
    ],
)
def test_a_wrong_address_is_refused(text: str) -> None:
    """A path or a name cannot be part of it."""
    with pytest.raises(SettingError):
        PublicUrl.parse(text)


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """Nothing asks the terminal for a pass phrase, and a key of another certificate is noticed."""
    authority = Authority(tmp_path / "ca")
    own, other = authority.issue("own", "DNS:localhost"), authority.issue("other", "DNS:localhost")
    for key in (other.key, encrypt(own.key), own.certificate):
        given = settings(
            listen="127.0.0.1:0",
            store=str(tmp_path / "store"),
            folder=str(tmp_path / "console"),
            tls_cert=str(own.certificate),
            tls_key=str(key),
        )
        with pytest.raises(SettingError, match="--tls-cert"), serving(given):
            pass
