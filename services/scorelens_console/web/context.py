"""What every page needs of the console, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from starlette.requests import Request

from scorelens_console.access.accounts import Accounts
from scorelens_console.access.archive import Archive
from scorelens_console.access.identity import Identity
from scorelens_console.access.oidc import Provider
from scorelens_console.access.proxied import ProxyHeaders
from scorelens_console.access.sessions import Session, Sessions
from scorelens_console.access.throttle import Throttle
from scorelens_console.access.tokens import Tokens
from scorelens_console.access.trail import Trail
from scorelens_console.audit import Audit
from scorelens_console.core.tagbook import Tagbook, read_tagbook
from scorelens_console.errors import NotSignedInError
from scorelens_console.measures import Measures
from scorelens_console.settings import ConsoleSettings
from scorelens_console.state import State, new_secret
from scorelens_console.web.remembered import Remembered
from scorelens_console.web.streaming import Streams
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_store.contract import Reader

API: Final = "/api/"
"""Begins the addresses that programs use, who may sign in by a token."""
_LONGEST_ADDRESS: Final = 2000
TAGBOOK_SECONDS: Final = 20.0

Found = TypeVar("Found")


@dataclass(frozen=True)
class Console:
    """The console's parts; `reader` sees everything and is for `Archive` alone."""

    settings: ConsoleSettings
    reader: Reader
    state: State
    sessions: Sessions
    audit: Audit
    tokens: Tokens
    accounts: Accounts
    proxy: ProxyHeaders
    provider: Provider | None
    throttle: Throttle = field(default_factory=Throttle)
    remembered: Remembered = field(default_factory=Remembered)
    streams: Streams = field(default_factory=Streams)
    measures: Measures = field(default_factory=lambda: Measures(Instruments()))
    form_key: str = field(default_factory=new_secret)
    """Makes the secrets of forms where there are no sessions."""


def console_of(request: Request) -> Console:
    """Return the console that a request came to."""
    console: Console = request.app.state.console
    return console


def session_of(request: Request) -> Session | None:
    """Return the session of a request, None where nobody is signed in."""
    session: Session | None = getattr(request.state, "session", None)
    return session


def identity_of(request: Request) -> Identity:
    """Return who asks. Raises NotSignedInError."""
    session = session_of(request)
    if session is None:
        raise NotSignedInError("sign in first")
    return session.identity


def archive_of(request: Request) -> Archive:
    """Return the store as the one who asks may see it. Raises NotSignedInError.

    What is read of documents gets an audit line before the answer goes; `archive_of(request).outline` reads none.
    """
    return Archive(console_of(request).reader, identity_of(request), trail_of(request))


def remembered(request: Request, what: Hashable, seconds: float, find: Callable[[], Found]) -> Found:
    """Return what was found a short time ago for somebody of the same roles, or find it."""
    roles = tuple(sorted(identity_of(request).roles.items()))
    return console_of(request).remembered.get((roles, what), seconds, find)


def tagbook_of(request: Request) -> Tagbook:
    """Return the tags and models that the one who asks may see, as they were some seconds ago at most."""
    archive = archive_of(request).outline
    return remembered(request, "tagbook", TAGBOOK_SECONDS, lambda: read_tagbook(archive))


def trail_of(request: Request) -> Trail:
    """Return what this request has read so far."""
    trail: Trail = request.state.trail
    return trail


def note(request: Request, action: str, **what: Any) -> None:
    """Say in this request's audit line what is done; the line has the records that were read in any case."""
    trail_of(request).note(action, **what)


def is_of_api(request: Request) -> bool:
    """Tell whether a program asks, or a page's script in its place."""
    return request.url.path.startswith(API)


def peer_of(request: Request) -> str:
    """Return the address at the other end of the connection."""
    return request.client.host if request.client else ""


def client_of(request: Request) -> str:
    """Return the address that a request came from, which only trusted proxies may say of others."""
    forwarded = request.headers.getlist("x-forwarded-for")
    return console_of(request).settings.trusted_proxies.client(peer_of(request), forwarded)


def write_line(request: Request) -> None:
    """Write the audit line of what a request has read so far. Raises AuditError."""
    trail = trail_of(request)
    action = trail.action or getattr(request.scope.get("endpoint"), "__name__", "read")
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    console_of(request).audit.write(
        identity_of(request), action, client_of(request), address=address[:_LONGEST_ADDRESS], **trail.line()
    )
