"""The file of accounts."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from scorelens_console.access.accounts import Accounts, checked_name, nobodys
from scorelens_console.access.identity import Role
from scorelens_runtime.errors import SettingError

PASSWORD = "correct horse battery"
VIEWER = {"*": Role.VIEWER}


def test_a_password_signs_in_and_is_not_in_the_file(tmp_path: Path) -> None:
    """The file holds a hash, for its owner alone; names are of one form of Unicode."""
    accounts = Accounts(tmp_path / "accounts.json")
    assert accounts.put("Zoë", VIEWER, PASSWORD)
    found = accounts.check(" Zoe\N{COMBINING DIAERESIS}", PASSWORD)
    assert found is not None
    assert found.identity.roles == VIEWER
    assert accounts.check("Zoë", PASSWORD + "!") is None
    assert accounts.check("eve", PASSWORD) is None
    content = accounts.path.read_text("utf-8")
    assert PASSWORD not in content
    assert "$argon2id$" in content
    assert stat.S_IMODE(accounts.path.stat().st_mode) == 0o600


def test_an_unknown_name_takes_the_same_work(tmp_path: Path) -> None:
    """What a password is compared with when nobody has the name costs as much as a real one."""
    accounts = Accounts(tmp_path / "accounts.json")
    accounts.put("ada", VIEWER, PASSWORD)
    real = json.loads(accounts.path.read_text("utf-8"))["ada"]["password"]
    assert real.split("$")[:4] == nobodys().split("$")[:4]
    assert len(real) == len(nobodys())


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    """What a command writes, a running console reads with the next request."""
    served, changed = Accounts(tmp_path / "accounts.json"), Accounts(tmp_path / "accounts.json")
    assert served.all() == {}
    changed.put("ada", VIEWER, PASSWORD)
    before = served.find("ada")
    assert before is not None
    assert not changed.put("ada", {"*": Role.ADMIN}, None)
    after = served.find("ada")
    assert after is not None
    assert (after.roles["*"], after.mark) == (Role.ADMIN, before.mark)
    changed.put("ada", VIEWER, PASSWORD)
    again = served.find("ada")
    assert again is not None
    assert again.mark != before.mark
    assert changed.remove("ada")
    assert not changed.remove("ada")
    assert served.find("ada") is None


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 1025])
def test_a_poor_password_is_refused(tmp_path: Path, password: str) -> None:
    """A password is long, and not so long that checking it would be work for nothing."""
    with pytest.raises(SettingError, match="at least 12"):
        Accounts(tmp_path / "accounts.json").put("ada", VIEWER, password)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 65, "\x1b[31m"])
def test_a_name_can_be_printed(name: str) -> None:
    """Names go to terminals and pages."""
    with pytest.raises(SettingError):
        checked_name(name)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"ada": {}}',
        '{"ada": {"roles": "boss", "password": "$argon2id$x"}}',
        '{"ada": {"roles": "viewer", "password": "plain"}}',
        '{"ada": 5}',
        '"x"',
    ],
)
def test_a_broken_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    """A file that somebody edited wrongly is an error, not a console without accounts."""
    path = tmp_path / "accounts.json"
    path.write_text(content, "utf-8")
    with pytest.raises(SettingError, match="setting --accounts: "):
        Accounts(path).all()


def test_a_broken_hash_fits_no_password(tmp_path: Path) -> None:
    """A hash that is cut off is no reason to fail."""
    path = tmp_path / "accounts.json"
    path.write_text('{"ada": {"roles": "viewer", "password": "$argon2id$v=19$m=65536"}}', "utf-8")
    assert Accounts(path).check("ada", PASSWORD) is None
    assert Accounts(path).check("ada", "\ud800") is None
