"""Signing in and out, in each of the ways that settings allow."""

from __future__ import annotations

from typing import Final

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from scorelens_console.access import accounts, devices, links, oidc
from scorelens_console.access.accounts import MOST_NAME, Account, normal
from scorelens_console.access.flow import LIFETIME, Flow
from scorelens_console.access.identity import Identity
from scorelens_console.errors import BadRequestError, NotFoundError, TooManyError
from scorelens_console.measures import THROTTLED
from scorelens_console.settings import ACCOUNTS, LINKS, OIDC
from scorelens_console.web.context import Console, client_of, console_of, session_of
from scorelens_console.web.cookies import DEVICE, FLOW, SESSION, drop_cookie, read_cookie, set_cookie
from scorelens_console.web.rendering import page
from scorelens_console.web.who import MARK
from scorelens_runtime.errors import ScorelensError

CHECKS_AT_ONCE: Final = 2
"""Passwords that are checked at the same time; each takes 64 MiB of memory for a moment."""
CHECKS_WAITING: Final = 50

USED: Final = "This link was used already, or is too old. Each signs in once."
NO_LINKS: Final = "This console does not take links."
WRONG: Final = "The name or the password is wrong."
BACK: Final = "/signin/oidc/back"
_LONGEST_TARGET: Final = 2000


def sign_in(request: Request) -> Response:
    """Show how to sign in, or sign in by a link's code."""
    target = local(request.query_params.get("next", ""))
    code, way = request.query_params.get("code", ""), console_of(request).settings.sign_in
    if code and way == LINKS:
        identity = links.use_link(console_of(request).state, code)
        if identity:
            return signed_in(request, identity, target)
        console_of(request).measures.sign_in_refused(links.METHOD)
        return _shown(request, target, USED)
    if session_of(request):
        return RedirectResponse(target, 303)
    return _shown(request, target, NO_LINKS if code else "")


async def by_password(request: Request) -> Response:
    """Sign in by the form with a name and a password."""
    console = console_of(request)
    if console.settings.sign_in != ACCOUNTS:
        raise NotFoundError("people do not sign in by password here")
    async with request.form(max_files=0, max_fields=10) as form:
        name, password, target = (str(form.get(field, "")) for field in ("name", "password", "next"))
    name, target = normal(name)[:MOST_NAME], local(target)
    limiter = _limiter(request)
    if limiter.statistics().tasks_waiting >= CHECKS_WAITING:
        raise TooManyError("very many people are signing in at this moment; try again", 5)
    account, device = await anyio.to_thread.run_sync(_checked, request, console, name, password, limiter=limiter)
    if account is None:
        return _shown(request, target, WRONG, name)
    answer = signed_in(request, account.identity, target, **{MARK: account.mark})
    if not device:
        secret = devices.remember(console.state, account.name)
        set_cookie(request, answer, DEVICE, secret, devices.LIFETIME, "strict")
    return answer


def to_provider(request: Request) -> Response:
    """Lead to the page of the OpenID provider."""
    flow = Flow.new(local(request.query_params.get("next", "")))
    answer = RedirectResponse(_provider(request).begin(flow, _redirect(request)), 303)
    set_cookie(request, answer, FLOW, flow.cookie, LIFETIME)
    return answer


def from_provider(request: Request) -> Response:
    """Sign in whom the provider has sent back."""
    provider, flow = _provider(request), Flow.read(read_cookie(request, FLOW))
    if flow is None or not flow.is_answered_by(request.query_params.get("state", "")):
        raise BadRequestError("signing in was not begun in this browser, or took too long; begin again")
    try:
        identity = provider.finish(flow, _redirect(request), request.query_params)
    except ScorelensError:
        console_of(request).measures.sign_in_refused(oidc.METHOD)
        raise
    answer = signed_in(request, identity, local(flow.target))
    drop_cookie(request, answer, FLOW)
    return answer


def signed_in(request: Request, identity: Identity, target: str, **kept: str) -> Response:
    """Begin a session, in place of the one before, and go on."""
    console = console_of(request)
    console.audit.write(identity, "sign_in", client_of(request))
    console.sessions.end(read_cookie(request, SESSION))
    answer = RedirectResponse(target, 303)
    set_cookie(request, answer, SESSION, console.sessions.begin(identity, **kept), console.sessions.age)
    return answer


def sign_out(request: Request) -> Response:
    """End the session."""
    console, session = console_of(request), session_of(request)
    if session:
        console.audit.write(session.identity, "sign_out", client_of(request))
    console.sessions.end(read_cookie(request, SESSION))
    answer = RedirectResponse("/signin", 303)
    drop_cookie(request, answer, SESSION)
    return answer


def local(target: str) -> str:
    """Return where to go on, which is a page of the console and nowhere else."""
    fits = (
        target.startswith("/")
        and not target.startswith(("//", "/signin"))
        and "\\" not in target
        and target.isprintable()
        and len(target) <= _LONGEST_TARGET
    )
    return target if fits else "/documents"


def _limiter(request: Request) -> anyio.CapacityLimiter:
    """Return what bounds the passwords in check; it belongs to the server's own loop."""
    state = request.app.state
    if not hasattr(state, "checking"):
        state.checking = anyio.CapacityLimiter(CHECKS_AT_ONCE)
    limiter: anyio.CapacityLimiter = state.checking
    return limiter


def _checked(request: Request, console: Console, name: str, password: str) -> tuple[Account | None, str]:
    """Return the account of a name and a password, and the mark of a browser that it is known in."""
    client, device = client_of(request), devices.mark_of(console.state, read_cookie(request, DEVICE), name)
    wait = console.throttle.attempt(name, client, device)
    if wait:
        console.measures.sign_in_refused(THROTTLED)
        raise TooManyError(f"too many wrong passwords came from here; try again in {_waiting(wait)}", wait)
    account = console.accounts.check(name, password)
    if account:
        console.throttle.succeeded(name, client, device)
    else:
        # People type passwords where names belong: only names that somebody has are written down.
        known = name if console.accounts.find(name) else ""
        console.audit.write(Identity(known, {}, accounts.METHOD), "sign_in_refused", client)
        console.measures.sign_in_refused(accounts.METHOD)
    return account, device


def _shown(request: Request, target: str, failure: str = "", name: str = "") -> Response:
    way = console_of(request).settings.sign_in
    values = {"way": way, "failure": failure, "target": target, "name": name}
    return page(request, "signin.html", status=403 if failure else 200, **values)


def _provider(request: Request) -> oidc.Provider:
    console = console_of(request)
    if console.settings.sign_in != OIDC or console.provider is None:
        raise NotFoundError("people do not sign in by a provider here")
    return console.provider


def _redirect(request: Request) -> str:
    """Return the address that the provider sends people back to."""
    own = console_of(request).settings.public_url
    return f"{own.origin if own else str(request.base_url).rstrip('/')}{BACK}"


def _waiting(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{max(1, round(seconds))} seconds"
