"""Signing in at an OpenID provider: the code flow with PKCE, and what is believed of its answers."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from scorelens_console.access.flow import Flow
from scorelens_console.access.identity import Identity
from scorelens_console.access.role_map import RoleMap, roles_of
from scorelens_console.errors import NotAllowedError, ProviderError
from scorelens_runtime.endpoint import is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import read_secret

METHOD: Final = "oidc"
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that only the provider can make; none is no signature, and HS256 would be one by a shared secret."""
LEEWAY: Final = 60
"""Seconds by which clocks may differ."""

_TIMEOUT: Final = 10.0
_METADATA_KEPT: Final = 3600.0
_KEYS_KEPT: Final = 30.0
"""Seconds within which keys are not fetched again for a signature by one that is not known."""
_MOST_BYTES: Final = 2**20
_MOST_NAME: Final = 256
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Client:
    """What the console is to its provider, and which claims say who somebody is."""

    issuer: str
    id: str
    secret_file: Path | None
    scopes: str
    groups: str
    name: str
    roles: RoleMap
    ca: Path | None = None


class Provider:
    """The provider. Raises ProviderError where it does not answer, or not as it should."""

    def __init__(self, client: Client) -> None:
        """Read authorities and secret. Raises SettingError."""
        self._client = client
        self._tls = _tls(client.ca)
        self._secret()
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._fetched = self._keys_fetched = 0.0
        self._keys: KeySet | None = None

    def begin(self, flow: Flow, redirect: str) -> str:
        """Return the address of the provider's page where somebody signs in, who comes back to `redirect`."""
        return str(
            prepare_grant_uri(
                self._about()["authorization_endpoint"],
                self._client.id,
                "code",
                redirect_uri=redirect,
                scope=self._client.scopes,
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
            )
        )

    def finish(self, flow: Flow, redirect: str, answer: Mapping[str, str]) -> Identity:
        """Return who has signed in, by the parameters with which they came back. Raises NotAllowedError."""
        about = self._about()
        _check_issuer(about, answer)
        if "error" in answer:
            raise NotAllowedError(f"the provider has not signed you in; it says {answer['error'][:100]!r}")
        with self._http() as http:
            tokens = self._tokens(http, about, flow, redirect, answer.get("code", ""))
            claims = self._claims(http, about, flow, tokens)
            if self._client.groups.split(".")[0] not in claims and "userinfo_endpoint" in about:
                claims = self._more(http, about, tokens, claims)
        return self._identity(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        name = next((value for claim in (self._client.name, "email", "sub") if (value := _text(claims.get(claim)))), "")
        roles = roles_of(_groups(claims, self._client.groups), self._client.roles)
        if not roles:
            raise NotAllowedError(
                f"you are signed in as {name}, who is in no group that has a role here; "
                "ask whoever runs this console for one"
            )
        return Identity(name, roles, METHOD)

    def _tokens(
        self, http: httpx.Client, about: Mapping[str, Any], flow: Flow, redirect: str, code: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": flow.verifier,
        }
        secret, methods = self._secret(), about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if secret and "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote_plus(self._client.id), quote_plus(secret))
        else:
            form |= {"client_id": self._client.id} | ({"client_secret": secret} if secret else {})
        found = _asked(http, "POST", about["token_endpoint"], data=form, auth=auth)
        if not isinstance(found.get("id_token"), str) or not isinstance(found.get("access_token"), str):
            raise _wrong("the token endpoint gave no id_token or no access_token")
        return found

    def _claims(
        self, http: httpx.Client, about: Mapping[str, Any], flow: Flow, tokens: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what an id_token says, after all that has to hold of it does."""
        registry = JWSRegistry(algorithms=_algorithms(about), strict_check_header=False)
        try:
            try:
                token = jwt.decode(tokens["id_token"], self._key_set(http, about), registry=registry)
            except InvalidKeyIdError:  # a key that is newer than what is known
                token = jwt.decode(tokens["id_token"], self._key_set(http, about, anew=True), registry=registry)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._client.issuer},
                    "aud": {"essential": True, "value": self._client.id},
                },
                {"nonce": flow.nonce, "client_id": self._client.id, "access_token": tokens["access_token"]},
            )
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _wrong(f"the id_token does not hold: {type(error).__name__}: {error}") from error
        if not _text(claims.get("sub")):
            raise _wrong("the id_token does not say whose it is")
        return dict(claims)

    def _more(
        self, http: httpx.Client, about: Mapping[str, Any], tokens: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what only the provider's userinfo says."""
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        found = _asked(http, "GET", about["userinfo_endpoint"], headers=headers)
        if found.get("sub") != claims["sub"]:
            raise _wrong("its userinfo is about somebody else")
        return found | claims

    def _about(self) -> dict[str, Any]:
        """Return what the provider says of itself."""
        with self._lock:
            if not self._metadata or self._fetched < time.monotonic() - _METADATA_KEPT:
                with self._http() as http:
                    found = _asked(http, "GET", get_well_known_url(self._client.issuer, external=True))
                self._check(found)
                self._metadata, self._fetched, self._keys = found, time.monotonic(), None
            return self._metadata

    def _check(self, about: Mapping[str, Any]) -> None:
        if about.get("issuer") != self._client.issuer:
            raise _wrong(f"--oidc-issuer is {self._client.issuer!r}, and it calls itself {about.get('issuer')!r}")
        may_be_plain = is_loopback(urlsplit(self._client.issuer).hostname or "")
        for name in _ENDPOINTS:
            address = urlsplit(str(about.get(name, "")))
            if address.scheme != "https" and not (may_be_plain and is_loopback(address.hostname or "")):
                raise _wrong(f"its {name} is missing or does not start with https://")

    def _key_set(self, http: httpx.Client, about: Mapping[str, Any], *, anew: bool = False) -> KeySet:
        with self._lock:
            if self._keys is None or (anew and self._keys_fetched < time.monotonic() - _KEYS_KEPT):
                self._keys = KeySet.import_key_set(_asked(http, "GET", about["jwks_uri"]))  # type: ignore[arg-type]
                self._keys_fetched = time.monotonic()
            return self._keys

    def _secret(self) -> str:
        """Read the secret, which may be another one than it was before."""
        file = self._client.secret_file
        return read_secret(file, "SCORELENS_CONSOLE_OIDC_SECRET_FILE") if file else ""

    def _http(self) -> httpx.Client:
        return httpx.Client(verify=self._tls, timeout=_TIMEOUT, follow_redirects=False)


def _asked(http: httpx.Client, method: str, address: str, **what: Any) -> dict[str, Any]:
    """Return the object that an endpoint answers with."""
    try:
        with http.stream(method, address, **what) as answer:
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise _wrong(f"{address} answers with more than a megabyte")
            found = answer.status_code
    except httpx.HTTPError as error:
        _log.warning("the provider does not answer", extra={"address": address, "cause": str(error)})
        raise ProviderError("the provider that signs people in does not answer; try again in a moment") from error
    if found != 200:
        raise _wrong(f"{address} answers with status {found}: {body[:500]!r}")
    try:
        content = httpx.Response(200, content=body).json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _wrong(f"{address} does not answer with a JSON object")
    return content


def _wrong(cause: str) -> ProviderError:
    """Log what is wrong with an answer, which is not for whoever tries to sign in."""
    _log.warning("an answer of the provider is not believed", extra={"cause": cause})
    return ProviderError(
        "the provider's answer is not as it should be; begin again, and tell whoever runs this console"
    )


def _check_issuer(about: Mapping[str, Any], answer: Mapping[str, str]) -> None:
    """Refuse an answer of another provider (RFC 9207)."""
    named = answer.get("iss")
    if named is None and not about.get("authorization_response_iss_parameter_supported"):
        return
    if named != about["issuer"]:
        raise _wrong(f"the answer is of the issuer {named!r}")


def _algorithms(about: Mapping[str, Any]) -> list[str]:
    offered = about.get("id_token_signing_alg_values_supported") or ["RS256"]
    return [name for name in offered if name in ALGORITHMS]


def _groups(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a claim, whose name may have dots of its own or lead into another."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if name == "email" and claims.get("email_verified") not in (True, "true"):
        return []  # anybody can say that an address is theirs
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in values if isinstance(each, str)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _MOST_NAME else ""


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca)) if ca else httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"setting --oidc-ca: {ca} holds no certificates") from error
