"""Accounts in a file: names, roles, and passwords as argon2 hashes.

{"ada": {"roles": "viewer,media-tagger=scientist", "password": "$argon2id$v=19$..."}}

The file is read again when it changes, so that removing an account, or giving it other roles or another password, takes
effect at once: sessions go on only with the password that they began with.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from scorelens_console.access.identity import Identity, Role, read_roles, write_roles
from scorelens_runtime.errors import ScorelensError, SettingError

METHOD: Final = "account"
LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 1024
MOST_NAME: Final = 64

_HASHER: Final = PasswordHasher()


@dataclass(frozen=True)
class Account:
    """Who it is, what they may see, and the hash of their password."""

    name: str
    roles: Mapping[str, Role]
    password: str

    @property
    def mark(self) -> str:
        """Return what changes with the password."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:16]

    @property
    def identity(self) -> Identity:
        """Return who is signed in with it."""
        return Identity(self.name, self.roles, METHOD)


class Accounts:
    """The file of accounts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, Account] = {}

    def all(self) -> dict[str, Account]:
        """Return the accounts by name; none where there is no file. Raises SettingError for one that cannot be read."""
        with self._lock:
            stamp = _stamp(self.path)
            if stamp != self._stamp:
                self._known = {} if stamp is None else _read(self.path)
                self._stamp = stamp
            return self._known

    def find(self, name: str) -> Account | None:
        """Return an account."""
        return self.all().get(normal(name))

    def check(self, name: str, password: str) -> Account | None:
        """Return the account that a name and a password are of; takes as long for a name that nobody has."""
        account = self.find(name)
        return account if _fits(account.password if account else nobodys(), password) else None

    def put(self, name: str, roles: Mapping[str, Role], password: str | None) -> bool:
        """Add an account, or change one, whose password None leaves; tell whether it is new. Raises SettingError."""
        name, known = checked_name(name), dict(self.all())
        before = known.get(name)
        if password is None and before is None:
            raise SettingError(f"there is no account {name!r} whose password could stay")
        kept = before.password if before and password is None else _HASHER.hash(checked_password(password or ""))
        self._write(known | {name: Account(name, roles, kept)})
        return before is None

    def remove(self, name: str) -> bool:
        """Remove an account; tell whether it was there."""
        known = dict(self.all())
        if known.pop(normal(name), None) is None:
            return False
        self._write(known)
        return True

    def _write(self, accounts: Mapping[str, Account]) -> None:
        content = {
            name: {"roles": write_roles(account.roles), "password": account.password}
            for name, account in sorted(accounts.items())
        }
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, new = tempfile.mkstemp(
                dir=self.path.parent, prefix=f".{self.path.name}."
            )  # for its owner alone
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(self.path)
        except OSError as error:
            raise ScorelensError(f"the accounts {self.path} cannot be written: {error.strerror}") from error


def normal(name: str) -> str:
    """Return a name in the one form of Unicode in which names are kept."""
    return unicodedata.normalize("NFC", name.strip())


def checked_name(name: str) -> str:
    """Return a name that an account can have. Raises SettingError."""
    name = normal(name)
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise SettingError(f"a name has 1 to {MOST_NAME} characters that can be printed")
    return name


def checked_password(password: str) -> str:
    """Return a password that an account can have. Raises SettingError."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise SettingError(f"a password has at least {LEAST_PASSWORD} characters, and at most {MOST_PASSWORD:,}")
    return password


def _fits(expected: str, password: str) -> bool:
    try:
        return _HASHER.verify(expected, password[:MOST_PASSWORD])
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def nobodys() -> str:
    """Return a hash that no password has."""
    return _HASHER.hash(os.urandom(32))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"setting --accounts: {path} cannot be read: {error.strerror}") from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> dict[str, Account]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {normal(name): _account(name, entry) for name, entry in content.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise SettingError(f"setting --accounts: {path} is no file of accounts: {error}") from error
    except SettingError as error:
        raise SettingError(f"setting --accounts: {path}: {error}") from error


def _account(name: str, entry: Mapping[str, Any]) -> Account:
    if not str(entry["password"]).startswith("$argon2"):
        raise SettingError(f"the password of {name!r} is no argon2 hash; scorelens console account add makes one")
    return Account(normal(name), read_roles(str(entry["roles"])), str(entry["password"]))
