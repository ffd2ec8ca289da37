"""Who asks: by a token, by what a trusted proxy says, or by the cookie of a session."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from starlette.requests import Request

from scorelens_console.access import accounts, links, oidc, proxied, tokens
from scorelens_console.access.sessions import Session
from scorelens_console.errors import NotSignedInError
from scorelens_console.settings import ACCOUNTS, LINKS, OIDC, PROXY
from scorelens_console.web.context import Console, console_of, is_of_api, peer_of
from scorelens_console.web.cookies import SESSION, read_cookie
from scorelens_runtime.errors import ScorelensError

METHODS: Final = {LINKS: links.METHOD, ACCOUNTS: accounts.METHOD, OIDC: oidc.METHOD, PROXY: proxied.METHOD}
"""What identities have as their method, by the setting."""
MARK: Final = "mark"
"""What a session keeps of the password that it began with."""
BACKGROUND: Final = "x-background"
"""Header of requests that a page makes by itself."""


def find_session(request: Request) -> Session | None:
    """Return the session of a request, None for nobody. Raises NotSignedInError, NotAllowedError."""
    console = console_of(request)
    if is_of_api(request) and (token := _bearer(request)):
        with _counted(console, tokens.METHOD):
            return _of_token(console, token)
    if console.settings.sign_in == PROXY:
        with _counted(console, proxied.METHOD):
            return _of_proxy(request, console)
    found = console.sessions.find(read_cookie(request, SESSION), active=BACKGROUND not in request.headers)
    return _confirmed(console, found) if found else None


@contextmanager
def _counted(console: Console, method: str) -> Iterator[None]:
    """Count a failure to sign in."""
    try:
        yield
    except ScorelensError:
        console.measures.sign_in_refused(method)
        raise


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise NotSignedInError("the header Authorization is there twice")
    scheme, _, token = (values[0] if values else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _of_token(console: Console, token: str) -> Session:
    identity = console.tokens.find(token)
    if identity is None:
        raise NotSignedInError("this token is unknown, revoked or too old; scorelens console token create makes one")
    return Session(identity, "", {})


def _of_proxy(request: Request, console: Console) -> Session:
    proxy = console.proxy
    names = [_text(value) for value in request.headers.getlist(proxy.name)]
    groups = [_text(value) for value in request.headers.getlist(proxy.groups)] if proxy.groups else []
    identity = proxy.identity(peer_of(request), names, groups)
    # There is no session whose secret forms could send back; one is made of the name.
    secret = hmac.new(console.form_key.encode(), identity.name.encode(), hashlib.sha256).hexdigest()
    return Session(identity, secret, {})


def _text(value: str) -> str:
    """Read a header as UTF-8, which proxies write, where it is."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _confirmed(console: Console, session: Session) -> Session | None:
    """Return a session as far as it still holds: of today's way to sign in, and of an account that is as it was."""
    if session.identity.method != METHODS[console.settings.sign_in]:
        return None
    if session.identity.method != accounts.METHOD:
        return session
    account = console.accounts.find(session.identity.name)
    if account is None or account.mark != session.extra.get(MARK):
        return None
    return replace(session, identity=account.identity)
