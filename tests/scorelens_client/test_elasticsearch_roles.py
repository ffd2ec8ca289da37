"""`scorelens elasticsearch roles`: what it prints, and what it asks of a server's security API."""

from __future__ import annotations

import json
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.main import scorelens
from scorelens_store.elasticsearch.roles import Role, roles, to_api, to_yaml
from tests.tools.answering import Asked, answering
from tests.tools.certificates import Authority

KEY = "aWQ6c2VjcmV0LXdvcmQ="


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCORELENS_ELASTICSEARCH_URL", raising=False)


def run(*arguments: str) -> Result:
    """Run the command; errors that people see are raised."""
    return CliRunner().invoke(scorelens, ["elasticsearch", "roles", *arguments], catch_exceptions=False)


def security(asked: Asked) -> tuple[int, Any]:
    """Answer as a server's security API does."""
    if asked.path.startswith("/_security/role/"):
        return 200, {"role": {"created": asked.path.endswith("writer")}}
    return 200, {"id": "id", "name": asked.body["name"], "api_key": "secret-word", "encoded": KEY}


@pytest.mark.parametrize("prefix", ["scorelens", "bank-2", "a_b"])
def test_both_forms_say_the_same(prefix: str) -> None:
    """The YAML of the server's file and the JSON of its API are the same roles, for any prefix and space."""
    some = list(roles(prefix, "marketing").values())
    read = yaml.safe_load(to_yaml(some))
    assert {role.name: {"applications": [], **read[role.name]} for role in some} == {
        role.name: to_api(role) for role in some
    }
    assert json.loads(run("--json", "--space", "marketing", "--store", f"http://h#{prefix}").stdout) == {
        role.name: to_api(role) for role in some
    }


def test_every_privilege_has_its_reason() -> None:
    """Each right that is asked for says what it is for, and the page for administrators shows every privilege."""
    printed = run().stdout
    page = (Path(__file__).parents[2] / "docs" / "elasticsearch-security.md").read_text("utf-8")
    for role in roles("scorelens").values():
        for right in role.rights:
            for privilege, why in right.privileges.items():
                assert len(why) > 10
                assert privilege in printed
                assert f"`{privilege}`" in page


def test_only_the_writer_and_setup_may_change_anything() -> None:
    """Who reads has no privilege that changes a record, and nobody reaches beyond the prefix or security."""
    changing = {
        "all",
        "write",
        "index",
        "create",
        "create_doc",
        "delete",
        "manage",
        "create_index",
        "delete_index",
        "auto_configure",
    }

    def privileges(role: Role) -> set[str]:
        return {privilege for right in role.rights for privilege in right.privileges}

    found = roles("bank")
    for name in ("reader", "kibana", "console"):
        assert not privileges(found[name]) & changing
    for role in found.values():
        assert not privileges(role) & {"all", "manage_security", "manage_api_key", "superuser"}
        assert all(index.startswith(("bank", "/bank-")) for right in role.rights for index in right.names)


def test_roles_are_put_on_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--create sends each role to the role API over TLS, with the credentials of the administrator, and says so."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SCORELENS_ELASTICSEARCH_CA_FILE", str(authority.certificate))
    with answering(security, authority.issue("server", "IP:127.0.0.1")) as server:
        url = server.url.replace("://", "://admin:hush@")
        ran = run("--create", "--store", f"{url}#bank", "--role", "writer", "--role", "reader")
    assert ran.exit_code == 0
    assert "created the role bank_writer" in ran.stderr
    assert "replaced the role bank_reader" in ran.stderr
    asked = {each.path: each for each in server.asked}
    assert set(asked) == {"/_security/role/bank_writer", "/_security/role/bank_reader"}
    writer = asked["/_security/role/bank_writer"]
    assert (writer.method, writer.body) == ("PUT", to_api(roles("bank")["writer"]))
    assert writer.headers["authorization"].startswith("Basic ")
    assert "hush" not in ran.output


def test_an_api_key_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    """--api-key makes a key of the role's rights and time; the file is 0600 and the key in nothing that is printed."""
    file = tmp_path / "indexer.key"
    file.write_text("an older one")
    file.chmod(0o644)
    with answering(security) as server:
        arguments = ["--api-key", "indexer", "--role", "writer", "--expires", "90d", "--key-file", str(file)]
        ran = run(*arguments, "--store", server.url)
        [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/_security/api_key")
    expected = to_api(roles("scorelens")["writer"], description=False)
    assert asked.body == {
        "name": "indexer",
        "expiration": "90d",
        "role_descriptors": {"scorelens_writer": expected},
    }
    assert file.read_text() == f"{KEY}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["indexer.key"]
    assert KEY not in ran.output
    assert "SCORELENS_ELASTICSEARCH_API_KEY_FILE" in ran.stderr


def test_an_api_key_is_printed_alone_where_no_file_is_named() -> None:
    """Standard output is the key and nothing else, so that it can be piped into a store of secrets."""
    with answering(security) as server:
        ran = run("--api-key", "indexer", "--role", "writer", "--store", server.url)
    assert ran.stdout == f"{KEY}\n"


def _refuse(status: int, _: Asked) -> tuple[int, Any]:
    return status, {"error": {"type": "illegal_argument_exception", "reason": "Unknown filter"}, "status": status}


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [(["--create"], "roles --yaml"), (["--api-key", "k", "--role", "writer"], "makes no API keys")],
    ids=["roles", "key"],
)
def test_a_server_without_that_api_is_told_apart(arguments: list[str], advice: str, tmp_path: Path) -> None:
    """What a server cannot do ends with one line that says what to do instead, and leaves no file."""
    more = ["--key-file", str(tmp_path / "key")] if "--api-key" in arguments else []
    for status in (400, 404):
        with answering(partial(_refuse, status)) as server, pytest.raises(ScorelensError) as caught:
            run(*arguments, *more, "--store", server.url)
        assert advice in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--api-key", "k", "--store", "http://h"], "--role"),
        (["--expires", "90d"], "--api-key"),
        (["--api-key", "k", "--role", "writer", "--store", "http://h", "--expires", "soon"], "--expires"),
    ],
    ids=["no role", "no key", "no time"],
)
def test_what_does_not_fit_together_is_named(arguments: list[str], advice: str) -> None:
    """Options that need others say so before anything is sent."""
    ran = CliRunner().invoke(scorelens, ["elasticsearch", "roles", *arguments])
    assert ran.exit_code == 2
    assert advice in ran.stderr


def test_a_key_file_that_cannot_be_written_makes_no_key(tmp_path: Path) -> None:
    """A folder that is not there is found before there is a key that nobody could keep."""
    with answering(security) as server, pytest.raises(ScorelensError, match="--key-file"):
        run(
            "--api-key", "k", "--role", "writer", "--store", server.url, "--key-file", str(tmp_path / "nowhere" / "key")
        )
    assert not server.asked
