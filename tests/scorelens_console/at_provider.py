"""Consoles whose people sign in at a real OpenID provider, and people whom that provider knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running
from tests.tools.missing import MissingPartError, missing
from tests.tools.openid import CLIENT, SECRET, OpenId, openid

ROLES = "analysts=viewer,media-tagger=scientist; owners=admin"
ACCOUNTS: dict[str, dict[str, Any]] = {
    "u-1": {"preferred_username": "ada", "groups": ["staff", "analysts"], "email": "ada@example.org"},
    "u-2": {"preferred_username": "eve", "groups": ["staff"], "email": "eve@example.org", "email_verified": False},
    "u-3": {
        "groups": "owners",
        "email": "cy@example.org",
        "email_verified": True,
        "realm_access": {"roles": ["owners"]},
    },
}


@contextmanager
def provider(**more: Any) -> Iterator[OpenId]:
    """Run a provider, or leave the test out where none can be had."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(openid(ACCOUNTS, **more))
        except MissingPartError as error:
            missing(str(error))


@contextmanager
def console_of(folder: Path, issuer: str, **texts: str) -> Iterator[Running]:
    """Run a console whose people sign in at a provider."""
    folder.mkdir(exist_ok=True)
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    given = {"oidc_issuer": issuer, "oidc_client": CLIENT, "oidc_secret_file": str(secret), "roles": ROLES} | texts
    with running(folder, records(5), sign_in="oidc", **given) as console:
        yield console
