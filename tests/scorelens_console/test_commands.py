"""The commands around signing in, and the line that each leaves in the audit log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import Identity, Role
from scorelens_console.access.sessions import Sessions
from scorelens_console.access.tokens import Tokens
from scorelens_console.commands import command
from scorelens_console.state import State
from scorelens_runtime.errors import ScorelensError, SettingError
from tests.scorelens_console.running import Running

PASSWORD = "correct horse battery"


def run(folder: Path, *arguments: str, given: str | None = None) -> Result:
    """Run a command of the console in a folder of its own."""
    return CliRunner().invoke(command, [*arguments, "--folder", str(folder)], input=given)


def actions(folder: Path) -> list[str]:
    """Return what the audit log tells of."""
    return [json.loads(line)["action"] for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_accounts_come_and_go(tmp_path: Path) -> None:
    """A password is read from standard input, roles can change without it, and each change is on record."""
    assert "no account yet" in run(tmp_path, "account", "list").output
    added = run(tmp_path, "account", "add", "ada", "--as", "viewer,m=scientist", given=PASSWORD + "\n")
    assert added.output == "added ada: viewer,m=scientist\n"
    assert Accounts(tmp_path / "accounts.json").check("ada", PASSWORD) is not None
    assert run(tmp_path, "account", "add", "ada", "--as", "admin", "--keep-password").output == "changed ada: admin\n"
    assert Accounts(tmp_path / "accounts.json").check("ada", PASSWORD) is not None
    assert run(tmp_path, "account", "list").output.splitlines() == ["name  roles", "ada   admin"]
    assert run(tmp_path, "account", "remove", "ada").output == "removed ada\n"
    assert isinstance(run(tmp_path, "account", "remove", "ada").exception, ScorelensError)
    assert actions(tmp_path) == ["account_set", "account_set", "account_removed"]
    assert PASSWORD not in (tmp_path / "audit.jsonl").read_text()


def test_a_poor_password_changes_nothing(tmp_path: Path) -> None:
    """What is wrong is said before anything is written."""
    assert isinstance(run(tmp_path, "account", "add", "ada", "--as", "viewer", given="short\n").exception, SettingError)
    assert isinstance(run(tmp_path, "account", "add", "ada", "--as", "boss", given=PASSWORD).exception, SettingError)
    assert list(tmp_path.iterdir()) == []


def test_tokens_come_and_go(tmp_path: Path) -> None:
    """A token is shown once; its id lists and revokes it."""
    made = json.loads(run(tmp_path, "token", "create", "--as", "viewer", "--name", "ci", "--json").output)
    found = Tokens(State(tmp_path)).find(made["token"])
    assert found is not None
    assert (found.name, found.roles) == ("ci", {"*": Role.VIEWER})
    listed = run(tmp_path, "token", "list")
    assert made["id"] in listed.output
    assert made["token"] not in listed.output
    assert json.loads(run(tmp_path, "token", "list", "--json").output)["name"] == "ci"
    assert run(tmp_path, "token", "revoke", made["id"]).output == f"revoked {made['id']}: ci\n"
    assert Tokens(State(tmp_path)).find(made["token"]) is None
    assert isinstance(run(tmp_path, "token", "revoke", made["id"]).exception, ScorelensError)
    assert actions(tmp_path)[:2] == ["token_created", "token_revoked"]


def test_people_are_signed_out(tmp_path: Path) -> None:
    """Who is signed in is listed, and signed out everywhere."""
    sessions = Sessions(State(tmp_path), 1000, 1000)
    secrets = [sessions.begin(Identity(name, {"*": Role.VIEWER}, "test")) for name in ("ada", "ada", "bob")]
    assert run(tmp_path, "sessions").output.count("ada ") == 2
    assert run(tmp_path, "sessions", "--end", "ada").output == "ended 2 sessions\n"
    assert [sessions.find(secret) is None for secret in secrets] == [True, True, False]
    assert run(tmp_path, "sessions", "--end-all").output == "ended 1 sessions\n"
    assert "nobody is signed in" in run(tmp_path, "sessions").output
    assert actions(tmp_path) == ["sessions_ended", "sessions_ended"]


def test_no_link_is_made_where_people_sign_in_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that would sign nobody in is refused, with the reason."""
    assert run(tmp_path, "link", "--as", "viewer").output.startswith("http://127.0.0.1:8585/signin?code=")
    monkeypatch.setenv("SCORELENS_CONSOLE_SIGN_IN", "accounts")
    refused = run(tmp_path, "link", "--as", "viewer")
    assert isinstance(refused.exception, SettingError)
    assert "accounts" in str(refused.exception)
    assert actions(tmp_path) == ["link_created"]


def test_a_link_leads_to_where_the_console_listens(console: Running) -> None:
    """Nobody has to know the port that a console took."""
    link = run(console.folder, "link", "--as", "viewer").output.strip()
    assert link.startswith(f"{console.url}/signin?code=")
    assert console.visitor().get(link, follow_redirects=True).status_code == 200
    assert run(console.folder, "link", "--url", "https://own.example/").output.startswith("https://own.example/signin?")
