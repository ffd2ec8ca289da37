"""Roles as settings and commands write them, and what the groups of a provider give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_console.access.identity import Identity, Role, highest_of, read_roles, write_roles
from scorelens_console.access.role_map import read_role_map, roles_of
from scorelens_runtime.errors import SettingError

some_roles = st.dictionaries(st.sampled_from(("*", "a", "b", "c")), st.sampled_from(tuple(Role)), min_size=1)


@given(some_roles)
def test_roles_are_read_as_they_are_written(roles: dict[str, Role]) -> None:
    """Whatever is kept in a file comes back the same."""
    assert read_roles(write_roles(roles)) == roles


@pytest.mark.parametrize("text", ["", " ", "boss", "viewer,scientist", "=viewer", "a=viewer,a=admin", "a=", "a=b=c"])
def test_wrong_roles_are_refused(text: str) -> None:
    """A role that nobody has, or that is given twice, stops the start."""
    with pytest.raises(SettingError):
        read_roles(text)


def test_a_model_can_be_taken_away() -> None:
    """Who sees every model may be kept from one."""
    identity = Identity("ada", read_roles("scientist,secret=none"), "test")
    assert identity.role("any") is Role.SCIENTIST
    assert identity.role("secret") is Role.NONE


@given(st.lists(some_roles, min_size=1, max_size=4), st.sampled_from(("a", "b", "c", "d")))
def test_several_groups_give_the_highest_role_for_each_model(several: list[dict[str, Role]], model: str) -> None:
    """What one group gives, no other takes away."""
    both = Identity("ada", highest_of(several), "test")
    assert both.role(model) == max(Identity("ada", roles, "test").role(model) for roles in several)


def test_groups_give_roles() -> None:
    """Names of groups may hold anything in quotes; the group * is everybody."""
    found = read_role_map('analysts=scientist; "cn=staff,ou=a;b"=viewer,media-tagger=scientist;*=none ; ')
    assert roles_of(["analysts"], found) == {"*": Role.SCIENTIST}
    assert roles_of(["cn=staff,ou=a;b"], found) == {"*": Role.VIEWER, "media-tagger": Role.SCIENTIST}
    assert roles_of(["others"], found) == {"*": Role.NONE}
    assert roles_of(["others"], read_role_map("analysts=scientist")) == {}
    assert roles_of([], read_role_map("")) == {}


@pytest.mark.parametrize("text", ["analysts", "=viewer", "a=boss", "a=viewer;a=admin", "a=viewer b=admin", '"a=viewer'])
def test_a_wrong_map_of_groups_is_refused(text: str) -> None:
    """A mistake in the setting never gives a role to nobody knows whom."""
    with pytest.raises(SettingError):
        read_role_map(text)
