"""Settings of the console; docs/settings.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scorelens_console.access.peers import Peers, read_peers
from scorelens_console.access.role_map import RoleMap, read_role_map
from scorelens_console.public_url import PublicUrl
from scorelens_runtime.admin.address import Address, admin_setting, metrics_otlp_setting
from scorelens_runtime.endpoint import Endpoint, is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_runtime.secrets import existing_file
from scorelens_runtime.settings import choice, duration, setting, size
from scorelens_store.open import read_store

LINKS: Final = "links"
ACCOUNTS: Final = "accounts"
OIDC: Final = "oidc"
PROXY: Final = "proxy"

DAY: Final = 86_400.0
_HEADER: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def folder_of(text: str) -> Path:
    """Read the folder of the console's own state."""
    return Path(text).expanduser().absolute() if text else default_home() / "console"


def _other(text: str) -> Endpoint | None:
    return Endpoint.parse(text) if text else None


def _public_url(text: str) -> PublicUrl | None:
    return PublicUrl.parse(text) if text else None


def _seconds(text: str) -> float:
    seconds = float(duration(text))
    if seconds < 60:
        raise SettingError(f"{text!r} is less than a minute")
    return seconds


def _days(text: str) -> float:
    seconds = float(duration(text))
    if seconds < DAY:
        raise SettingError(f"{text!r} is less than a day")
    return seconds


def _size(text: str) -> int:
    found = size(text)
    if found < 2**16:
        raise SettingError(f"{text!r} is less than 64KiB")
    return found


def _header(text: str) -> str:
    name = text.strip().lower()
    if not set(name) <= _HEADER:
        raise SettingError(f"{text!r} is not the name of a header")
    return name


def _path(text: str) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


@dataclass(frozen=True)
class ConsoleSettings:
    """Where the console listens, what it shows, and who may sign in."""

    listen: Endpoint = setting("127.0.0.1:8585", "Address to serve on.", Endpoint.parse_listen)
    store: str = setting(
        "", "Folder of the embedded store, or the URL of an Elasticsearch (SCORELENS_HOME/store).", read_store
    )
    folder: Path = setting("", "Folder of sessions, saved views and the audit log (SCORELENS_HOME/console).", folder_of)
    indexer: Endpoint | None = setting("", "Address of the indexer, whose account is shown; none shows none.", _other)
    sidecar: Endpoint | None = setting(
        "",
        "Address of the sidecar, which is asked for all terms of a calculation; none shows the recorded ones.",
        _other,
    )

    public_url: PublicUrl | None = setting(
        "",
        "Address by which people reach the console, such as https://console.example; needed beyond this machine.",
        _public_url,
    )
    tls_cert: Path | None = setting("", "PEM file with the certificate to serve https with.", existing_file)
    tls_key: Path | None = setting("", "PEM file with the key of that certificate.", existing_file)

    sign_in: str = setting(
        LINKS,
        "How people sign in: links (made on this machine, for this machine), accounts, oidc or proxy.",
        choice(LINKS, ACCOUNTS, OIDC, PROXY),
    )
    roles: RoleMap = setting(
        "",
        "Roles that groups of oidc and proxy give: 'analysts=scientist; staff=viewer,media-tagger=scientist'. The "
        "group * is everybody who signs in.",
        read_role_map,
    )
    accounts: Path | None = setting("", "File of accounts (accounts.json in the console's folder).", _path)
    trusted_proxies: Peers = setting(
        "",
        "Addresses and networks, separated by commas, of the proxies in front of the console; only they may say who "
        "somebody is, or for whom they call.",
        read_peers,
    )
    proxy_name: str = setting("X-Forwarded-User", "Header in which the proxy names who calls.", _header)
    proxy_groups: str = setting(
        "X-Forwarded-Groups", "Header with their groups, separated by commas; empty for none.", _header
    )
    oidc_issuer: str = setting("", "Issuer of the OpenID provider, such as https://login.example/realms/staff.")
    oidc_client: str = setting("", "Id of the client that the provider knows the console as.")
    oidc_secret_file: Path | None = setting("", "File with the secret of that client.", existing_file)
    oidc_scopes: str = setting("openid profile email", "Scopes to ask for.")
    oidc_groups: str = setting("groups", "Claim that holds the groups; names within a claim follow after dots.")
    oidc_name: str = setting("preferred_username", "Claim that names people in the console and its audit log.")
    oidc_ca: Path | None = setting(
        "", "PEM file of the authorities that vouch for the provider, in place of the public ones.", existing_file
    )

    session_idle: float = setting("8h", "How long a session may rest before one has to sign in again.", _seconds)
    session_age: float = setting("7d", "How long a session lasts at most.", _seconds)
    max_upload: int = setting("64MiB", "Largest request of somebody who is signed in.", _size)

    audit_bytes: int = setting("100MiB", "Size at which the audit log goes on in a new file.", _size)
    audit_keep: float = setting("400d", "How long files of the audit log are kept.", _days)

    admin: Address | None = admin_setting()
    metrics_otlp: Endpoint | None = metrics_otlp_setting()
    log_level: str = setting("info", "Least level of log lines.", choice("debug", "info", "warning", "error"))

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingError("setting --tls-cert: a certificate and its key belong together; give --tls-key as well")
        if self.tls_cert and self.public_url and not self.public_url.is_secure:
            raise SettingError("setting --public-url: with --tls-cert it starts with https://")
        self._check_reach()
        if self.sign_in == PROXY:
            self._check_proxy()
        if self.sign_in == OIDC:
            self._check_oidc()

    @property
    def is_secure(self) -> bool:
        """Tell whether browsers reach the console over https."""
        return self.tls_cert is not None or (self.public_url is not None and self.public_url.is_secure)

    @property
    def is_local(self) -> bool:
        """Tell whether nobody reaches it from another machine."""
        return is_loopback(self.listen.host) and (self.public_url is None or self.public_url.is_loopback)

    @property
    def account_file(self) -> Path:
        """Return the file of accounts."""
        return self.accounts or self.folder / "accounts.json"

    def _check_reach(self) -> None:
        if self.sign_in == LINKS and not self.is_local:
            raise SettingError(
                "setting --sign-in (SCORELENS_CONSOLE_SIGN_IN): links are for this machine alone, and others can reach "
                f"{self.public_url or self.listen}. Take --sign-in accounts, oidc or proxy, "
                "or --listen 127.0.0.1:8585 without --public-url; docs/console-security.md tells how"
            )
        if not is_loopback(self.listen.host) and self.public_url is None:
            raise SettingError(
                "setting --public-url (SCORELENS_CONSOLE_PUBLIC_URL): say how people reach the console, such as "
                "https://console.example; requests for any other host are refused"
            )

    def _check_proxy(self) -> None:
        if not self.trusted_proxies:
            raise SettingError(
                "setting --trusted-proxies (SCORELENS_CONSOLE_TRUSTED_PROXIES): --sign-in proxy needs the addresses of "
                "the proxies that may say who calls"
            )
        if not self.proxy_name or self.proxy_name == self.proxy_groups:
            raise SettingError("setting --proxy-name: the name and the groups need a header each")
        self._check_roles()

    def _check_oidc(self) -> None:
        for name, value in (("--oidc-issuer", self.oidc_issuer), ("--oidc-client", self.oidc_client)):
            if not value:
                raise SettingError(f"setting {name}: --sign-in oidc needs it")
        issuer = PublicUrl.parse("/".join(self.oidc_issuer.split("/")[:3]))
        if not issuer.is_secure and not issuer.is_loopback:
            raise SettingError("setting --oidc-issuer: it starts with https://")
        if "openid" not in self.oidc_scopes.split():
            raise SettingError("setting --oidc-scopes: openid has to be among them")
        self._check_roles()

    def _check_roles(self) -> None:
        if not self.roles:
            raise SettingError(
                f"setting --roles (SCORELENS_CONSOLE_ROLES): with --sign-in {self.sign_in} nobody has a role unless it "
                "says which groups do, such as 'analysts=scientist; staff=viewer'"
            )
