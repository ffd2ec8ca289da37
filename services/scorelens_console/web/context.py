"""What every page needs of the console, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from scorelens_console.access.archive import Archive
from scorelens_console.access.identity import Identity
from scorelens_console.access.sessions import Session, Sessions
from scorelens_console.audit import Audit
from scorelens_console.errors import NotSignedInError
from scorelens_console.settings import ConsoleSettings
from scorelens_console.state import State
from scorelens_store.contract import Reader


@dataclass(frozen=True)
class Console:
    """The console's parts; `reader` sees everything and is for `Archive` alone."""

    settings: ConsoleSettings
    reader: Reader
    state: State
    sessions: Sessions
    audit: Audit


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
    """Return the store as the one who asks may see it. Raises NotSignedInError."""
    return Archive(console_of(request).reader, identity_of(request))


def note(request: Request, action: str, **what: Any) -> None:
    """Leave an audit line of an access to documents."""
    client = request.client.host if request.client else ""
    console_of(request).audit.write(identity_of(request), action, client, **what)
