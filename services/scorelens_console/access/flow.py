"""One way to a provider and back, kept in the browser that goes it, so that nobody else can come back in its place."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from scorelens_console.state import new_secret

LIFETIME: Final = 600.0


@dataclass(frozen=True)
class Flow:
    """A secret of one browser, of which all else is made, and the page to go on with."""

    secret: str
    target: str

    @classmethod
    def new(cls, target: str) -> Flow:
        """Begin one."""
        return cls(new_secret(), target)

    @classmethod
    def read(cls, cookie: str) -> Flow | None:
        """Undo `cookie`; None for what is none."""
        secret, dot, target = cookie.partition(".")
        if not secret or not dot:
            return None
        try:
            return cls(secret, base64.urlsafe_b64decode(target).decode())
        except ValueError:
            return None

    @property
    def cookie(self) -> str:
        """Return what the browser keeps."""
        return f"{self.secret}.{base64.urlsafe_b64encode(self.target.encode()).decode()}"

    @property
    def state(self) -> str:
        """Return what comes back with the answer."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Return what the id_token has to hold."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Return what proves that the code was asked for from here."""
        return self._derived("verifier")

    def is_answered_by(self, state: str) -> bool:
        """Tell whether an answer is to this flow."""
        return hmac.compare_digest(state.encode(), self.state.encode())

    def _derived(self, what: str) -> str:
        digest = hmac.digest(self.secret.encode(), what.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
