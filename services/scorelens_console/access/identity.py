"""People, and what they are to each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from scorelens_console.errors import NotAllowedError
from scorelens_runtime.errors import SettingError

EVERY_MODEL: Final = "*"
"""Stands for all models that have no role of their own."""


class Role(IntEnum):
    """What somebody may see of a model's records; each includes the ones before it."""

    NONE = 0
    VIEWER = 1  # documents with tags and probabilities
    SCIENTIST = 2  # how they came about as well
    ADMIN = 3  # and who may see it

    @property
    def title(self) -> str:
        """Name the role for people."""
        return {Role.NONE: "no role", Role.VIEWER: "viewer", Role.SCIENTIST: "data scientist", Role.ADMIN: "admin"}[
            self
        ]

    @classmethod
    def read(cls, text: str) -> Role:
        """Read a role by its name. Raises SettingError."""
        try:
            return cls[text.strip().upper()]
        except KeyError as error:
            raise SettingError(f"{text!r} is none of viewer, scientist and admin") from error


@dataclass(frozen=True)
class Identity:
    """Who is signed in: a name, how they did it, and a role for each model."""

    name: str
    roles: Mapping[str, Role]
    method: str

    def role(self, model: str) -> Role:
        """Return the role for a model's records."""
        return _role(self.roles, model)

    @property
    def highest(self) -> Role:
        """Return the highest role that they have for any model."""
        return max(self.roles.values(), default=Role.NONE)

    @property
    def is_scientist(self) -> bool:
        """Tell whether they see calculations of any model."""
        return self.highest >= Role.SCIENTIST

    @property
    def sees_everything(self) -> bool:
        """Tell whether they see calculations of every model, also of those that have no role of their own."""
        return min(self.role(model) for model in (EVERY_MODEL, *self.roles)) >= Role.SCIENTIST

    @property
    def is_admin(self) -> bool:
        """Tell whether they may say who else may see records; that is about all models."""
        return self.roles.get(EVERY_MODEL, Role.NONE) >= Role.ADMIN

    def require(self, role: Role) -> None:
        """Raise NotAllowedError unless they have a role for some model."""
        if self.highest < role:
            raise NotAllowedError(
                f"this is for the role {role.title}; {self.name} is signed in as {self.highest.title}"
            )


def read_roles(text: str) -> dict[str, Role]:
    """Read `scientist`, or `viewer,media-tagger=scientist`: a role for every model, and for single ones.

    `none` takes a model away from who has a role for every one. Raises SettingError.
    """
    roles: dict[str, Role] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        model, equals, role = part.rpartition("=")
        name = model.strip() if equals else EVERY_MODEL
        if not name or name in roles or any(map(str.isspace, name)):
            raise SettingError(f"{text!r} is not a role such as scientist, or viewer,media-tagger=scientist")
        roles[name] = Role.read(role)
    if not roles:
        raise SettingError("a role is missing: viewer, scientist or admin")
    return roles


def highest_of(several: Iterable[Mapping[str, Role]]) -> dict[str, Role]:
    """Return the highest role that any of several gives for each model."""
    given = list(several)
    models = dict.fromkeys(model for roles in given for model in roles)
    return {model: max(_role(roles, model) for roles in given) for model in models}


def _role(roles: Mapping[str, Role], model: str) -> Role:
    return roles.get(model, roles.get(EVERY_MODEL, Role.NONE))


def write_roles(roles: Mapping[str, Role]) -> str:
    """Return roles as `read_roles` reads them."""
    return ",".join(
        role.name.lower() if model == EVERY_MODEL else f"{model}={role.name.lower()}" for model, role in roles.items()
    )
