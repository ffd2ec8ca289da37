"""Which roles the groups of an identity provider give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from scorelens_console.access.identity import Role, highest_of, read_roles
from scorelens_runtime.errors import SettingError

EVERYBODY: Final = "*"
"""Stands for everybody who signs in."""

RoleMap = Mapping[str, Mapping[str, Role]]

_PART: Final = re.compile(r"""\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^"=;]+?))\s*=\s*(?P<roles>[^;]+?)\s*(?:;|$)""")


def read_role_map(text: str) -> RoleMap:
    """Read `analysts=scientist; staff=viewer,media-tagger=scientist`: groups, and the roles of each.

    Names with = or ; stand in double quotes. Raises SettingError.
    """
    found: dict[str, Mapping[str, Role]] = {}
    at = 0
    while text[at:].strip(" ;\n"):
        part = _PART.match(text, at)
        if part is None:
            raise SettingError(
                f"{text[at:].strip()!r} does not read as GROUP=ROLE; an example is "
                "analysts=scientist; staff=viewer,media-tagger=scientist"
            )
        group = part["quoted"] or part["plain"]
        if group in found:
            raise SettingError(f"the group {group!r} is there twice; give it all its roles in one place")
        found[group] = read_roles(part["roles"])
        at = part.end()
    return found


def roles_of(groups: Iterable[str], role_map: RoleMap) -> dict[str, Role]:
    """Return the roles that groups give, the highest for each model; none at all for groups that are not mapped."""
    return highest_of(role_map[group] for group in dict.fromkeys((EVERYBODY, *groups)) if group in role_map)
