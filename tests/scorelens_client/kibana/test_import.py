"""`scorelens kibana import` against a server that judges requests as Kibana does."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorelens_client.commands.kibana import command
from scorelens_client.kibana.client import KibanaClient, NotReadyError
from scorelens_client.kibana.importing import wait_until_ready
from scorelens_reading.kibana.ids import data_view_id
from scorelens_reading.kibana.settings import from_environment
from scorelens_runtime.errors import ScorelensError, SettingError, UnavailableError
from tests.scorelens_client.kibana.server import FakeKibana, serving
from tests.tools.certificates import Authority

NOWHERE = "http://127.0.0.1:9"
SECRET = "c2VjcmV0LWtleTo0Mg=="


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings of whoever runs the tests do not count."""
    for name in ("URL", "SPACE", "USERNAME", "PASSWORD", "API_KEY", "CA_FILE", "CONSOLE_URL"):
        monkeypatch.delenv(f"SCORELENS_KIBANA_{name}", raising=False)
    monkeypatch.setenv("SCORELENS_HOME", str(tmp_path / "home"))


@pytest.fixture
def kibana() -> Iterator[FakeKibana]:
    """A server with nothing in it."""
    with serving(FakeKibana()) as found:
        yield found


def run(kibana: FakeKibana | None, *words: str, **environment: str) -> Result:
    """Import for a store that does not answer, with named tags."""
    url = ("--url", kibana.url) if kibana else ()
    arguments = ["import", *url, "--store", NOWHERE, "--tag", "complaint", "--tag", "praise", "--wait", "0s", *words]
    return CliRunner(env={f"SCORELENS_KIBANA_{name}": value for name, value in environment.items()}).invoke(
        command, arguments, standalone_mode=False
    )


def report(result: Result) -> dict[str, Any]:
    """Return what --json printed."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_everything_arrives_whole_and_in_place(kibana: FakeKibana) -> None:
    """Data view, searches and dashboards are created in the default space, and every one is told of."""
    found = report(run(kibana, "--json"))
    there = kibana.spaces["default"]
    assert found["counts"] == {"created": len(there)}
    assert {(one["type"], one["id"]) for one in found["objects"]} == set(there)
    assert there["index-pattern", data_view_id("scorelens")]["attributes"]["title"] == "scorelens"
    assert {type_ for type_, _ in there} == {"index-pattern", "search", "dashboard"}
    assert found["tags"] == ["complaint", "praise"]
    assert found["version"] == kibana.version


def test_importing_again_changes_nothing(kibana: FakeKibana) -> None:
    """A second import replaces every object by itself and makes none twice."""
    run(kibana)
    before = json.dumps(sorted(kibana.spaces["default"].items()))
    again = run(kibana)
    assert json.dumps(sorted(kibana.spaces["default"].items())) == before
    assert f"{len(kibana.spaces['default'])} replaced" in again.stderr
    assert "--no-overwrite" in again.stderr


def test_what_was_changed_can_be_kept(kibana: FakeKibana) -> None:
    """With --no-overwrite an object that is there stays as it is, and what is new is created all the same."""
    run(kibana)
    there = kibana.spaces["default"]
    (changed, *_), gone = [key for key in there if key[0] == "search"], [key for key in there if key[0] == "dashboard"]
    there[changed]["attributes"]["title"] = "mine"
    for key in gone:
        del there[key]
    found = report(run(kibana, "--no-overwrite", "--json"))
    assert there[changed]["attributes"]["title"] == "mine"
    assert found["counts"] == {"created": len(gone), "kept": len(there) - len(gone)}
    assert set(gone) <= set(there)
    assert report(run(kibana, "--no-overwrite", "--json"))["counts"] == {"kept": len(there)}


def test_a_dry_run_sends_nothing(kibana: FakeKibana) -> None:
    """--dry-run shows what would be imported and needs no Kibana."""
    assert "would be imported" in run(kibana, "--dry-run").stdout
    assert run(None, "--dry-run").exit_code == 0
    assert kibana.requests == []


def test_a_space_that_is_not_there_is_never_filled(kibana: FakeKibana) -> None:
    """Kibana imports into unknown spaces without a word; that is an error, and --create-space makes the space."""
    result = run(kibana, "--space", "marketing")
    assert isinstance(result.exception, ScorelensError)
    assert "no space 'marketing'" in str(result.exception)
    assert "--create-space" in str(result.exception)
    assert set(kibana.spaces) == {"default"}
    assert run(kibana, "--space", "marketing", "--create-space").exit_code == 0
    assert kibana.spaces["marketing"]
    assert not kibana.spaces["default"]
    assert report(run(kibana, "--space", "marketing", "--create-space", "--json"))["space_created"] is False


def test_a_base_path_is_kept(kibana: FakeKibana) -> None:
    """A Kibana behind a path gets every request below it."""
    kibana.base_path, kibana.url = "/kibana", kibana.url + "/kibana/"
    assert run(kibana, "--space", "default").exit_code == 0
    assert all(path.startswith("/kibana/api/") for _, path in kibana.requests)


@pytest.mark.parametrize("way", ["api key", "api key file", "password", "password file"])
def test_one_signs_in_by_the_environment(kibana: FakeKibana, way: str, tmp_path: Path) -> None:
    """An API key or a name with its password, also from files, goes with every request and is never shown."""
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    environment = {
        "api key": {"API_KEY": SECRET},
        "api key file": {"API_KEY_FILE": str(file)},
        "password": {"USERNAME": "Jörg", "PASSWORD": SECRET},
        "password file": {"USERNAME": "Jörg", "PASSWORD_FILE": str(file)},
    }[way]
    basic = base64.b64encode(f"Jörg:{SECRET}".encode()).decode()
    kibana.authorization = f"ApiKey {SECRET}" if "key" in way else f"Basic {basic}"
    result = run(kibana, **environment)
    assert result.exit_code == 0, result.exception
    assert SECRET not in result.output
    kibana.authorization = "ApiKey other"
    refused = run(kibana, **environment)
    assert "refuses the credentials" in str(refused.exception)
    assert SECRET not in str(refused.exception) + refused.output
    assert basic not in str(refused.exception)


def test_nobody_is_told_to_sign_in(kibana: FakeKibana) -> None:
    """Where Kibana wants credentials and none are set, the error names the variables."""
    kibana.authorization = "ApiKey x"
    assert "wants credentials; set SCORELENS_KIBANA_API_KEY_FILE" in str(run(kibana).exception)


@pytest.mark.parametrize("path", ["/api/saved_objects/_import", "/api/spaces/space/marketing"])
def test_missing_rights_are_named(kibana: FakeKibana, path: str) -> None:
    """Where Kibana refuses, the error says which privilege is needed."""
    kibana.forbidden = (path,)
    result = run(kibana, "--space", "marketing", "--create-space")
    assert "Saved Objects Management" in str(result.exception)
    assert "does not allow" in str(result.exception)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (["login page"], "redirects to https://sso.example/login?next=kibana"),
        (["page"], "name Kibana itself"),
        (["", "page"], "answers with a page"),
        (["", "too large"], "savedObjects.maxImportPayloadBytes"),
        (["", "cut"], "broke its answer off; does its address begin with https://?"),
        (["not ready"], "Kibana server is not ready yet"),
    ],
    ids=["login page", "something else", "page for import", "too large", "cut", "not ready"],
)
def test_wrong_answers_are_one_clear_line(kibana: FakeKibana, faults: list[str], said: str) -> None:
    """Each answer that is not what Kibana gives is an error that says what it was and what to do."""
    kibana.faults = faults
    result = run(kibana)
    assert isinstance(result.exception, ScorelensError)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
    assert "<" not in str(result.exception)


def test_slow_answers_end(kibana: FakeKibana) -> None:
    """A Kibana that does not answer is given up after the time that is set."""
    kibana.faults = ["", "slow"]
    result = run(kibana, TIMEOUT="300ms")
    assert isinstance(result.exception, UnavailableError)
    assert "did not answer in time" in str(result.exception)


def test_nobody_there() -> None:
    """An address where nothing listens is an error that names it."""
    result = run(None, "--url", "http://127.0.0.1:9")
    assert str(result.exception) == "kibana, http://127.0.0.1:9 cannot be reached: Connection refused"


def test_a_starting_kibana_is_waited_for(kibana: FakeKibana) -> None:
    """While Kibana is not ready, the import waits, says so once, and goes on when it is."""
    kibana.faults = ["not ready"] * 3
    told: list[str] = []
    client = KibanaClient(from_environment({}, url=kibana.url))
    assert wait_until_ready(client, 60, told.append, pause=0.01) == kibana.version
    assert len(told) == 1
    assert "waiting for it for up to 60 s" in told[0]
    kibana.faults = ["not ready"] * 1000
    with pytest.raises(NotReadyError):
        wait_until_ready(client, 0.05, told.append, pause=0.01)
    client.close()


@pytest.mark.parametrize(
    ("version", "good"), [("8.13.4", False), ("7.17.0", False), ("8.14.0", True), ("10.0.0", True)]
)
def test_old_versions_are_refused(kibana: FakeKibana, version: str, good: bool) -> None:
    """A Kibana that is too old for the objects is refused before anything is sent."""
    kibana.version = version
    result = run(kibana)
    assert (result.exit_code == 0) is good
    if not good:
        assert f"is version {version}; the views need 8.14 or newer" in str(result.exception)
        assert kibana.spaces == {"default": {}}


def test_objects_that_fail_are_told_one_by_one(kibana: FakeKibana) -> None:
    """An object that Kibana refuses is shown with its reason, and the command fails."""
    kibana.known_types = ("index-pattern", "search")
    result = run(kibana, "--json")
    found = report(result)
    assert result.return_value == 1
    failed = [one for one in found["objects"] if one["outcome"] == "failed"]
    assert {one["type"] for one in failed} == {"dashboard"}
    assert {one["reason"] for one in failed} == {"this Kibana knows no objects of this type"}
    assert found["counts"]["created"] == len(kibana.spaces["default"])


def test_what_nothing_comes_of_is_not_called_created(kibana: FakeKibana) -> None:
    """Kibana creates nothing while one object refers to something unknown; none of them counts as created."""
    view = ("index-pattern", data_view_id("scorelens"))
    kibana.broken = {view: {"type": "missing_references", "references": [{"type": "tag", "id": "t-1"}]}}
    result = run(kibana)
    assert result.return_value == 1
    assert "it refers to what this space does not have: tag t-1" in " ".join(result.stdout.split())
    assert not kibana.spaces["default"]
    assert "created" not in result.stdout
    assert "left out" in result.stderr


def test_unknown_errors_keep_kibanas_words(kibana: FakeKibana) -> None:
    """What Kibana says of an object is shown, without what could move a terminal's cursor."""
    view = ("index-pattern", data_view_id("scorelens"))
    kibana.broken = {view: {"type": "unknown", "message": "bad \x1b[2J mapping", "statusCode": 400}}
    result = run(kibana)
    assert "mapping (400)" in " ".join(result.stdout.split())
    assert "\x1b" not in result.stdout


def test_tls_is_verified(tmp_path: Path) -> None:
    """A certificate of an unknown authority is refused until the authority is named."""
    authority = Authority(tmp_path / "ca")
    with serving(FakeKibana(), authority.issue("kibana", "IP:127.0.0.1")) as kibana:
        refused = run(kibana)
        assert "cannot be trusted" in str(refused.exception)
        assert "SCORELENS_KIBANA_CA_FILE" in str(refused.exception)
        assert run(kibana, CA_FILE=str(authority.certificate)).exit_code == 0
        plain = run(None, "--url", kibana.url.replace("https", "http"))
        assert "does its address begin with https://?" in str(plain.exception)
    with serving(FakeKibana(), authority.issue("other", "DNS:other.example")) as kibana:
        assert "cannot be trusted" in str(run(kibana, CA_FILE=str(authority.certificate)).exception)
    with serving(FakeKibana()) as kibana:
        result = run(None, "--url", kibana.url.replace("http", "https"))
        assert "does not speak TLS" in str(result.exception)


def test_credentials_without_tls_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Credentials that would cross a network in the clear are told of."""
    with caplog.at_level(logging.WARNING):
        KibanaClient(from_environment({"SCORELENS_KIBANA_API_KEY": "x"}, url="http://kibana.example")).close()
    assert "unencrypted" in caplog.text


def test_the_store_is_asked_for_tags(kibana: FakeKibana) -> None:
    """Without --tag a store that does not answer ends the command, with the way around; nothing is sent."""
    result = CliRunner().invoke(command, ["import", "--url", kibana.url, "--store", NOWHERE])
    assert isinstance(result.exception, UnavailableError)
    assert "--tag" in str(result.exception)
    assert kibana.requests == []
    folder = CliRunner().invoke(command, ["import", "--url", kibana.url])
    assert isinstance(folder.exception, SettingError)
    assert "which Kibana cannot read" in str(folder.exception)


def test_the_same_file_is_printed_for_kibanas_own_pages(kibana: FakeKibana) -> None:
    """`kibana objects` prints what import sends, always the same bytes."""
    arguments = ["objects", "--store", NOWHERE, "--tag", "complaint", "--tag", "praise"]
    first, second = (CliRunner().invoke(command, arguments).stdout for _ in range(2))
    assert first == second
    run(kibana)
    assert [json.loads(line) for line in first.splitlines()] == list(kibana.spaces["default"].values())


def test_console_links_come_from_the_setting(kibana: FakeKibana) -> None:
    """Ids of documents lead to the console that is set."""
    run(kibana, CONSOLE_URL="https://console.example/")
    view = kibana.spaces["default"]["index-pattern", data_view_id("scorelens")]
    assert "https://console.example/document?id={{value}}" in view["attributes"]["fieldFormatMap"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "kibana:5601"}, "is not an address such as https://kibana.example:5601"),
        ({"URL": "https://me:pw@kibana:5601"}, "variables of their own"),
        ({"URL": "https://kibana:5601/app/home"}, "before /app and /s"),
        ({"URL": "https://kibana:5601/s/marketing"}, "before /app and /s"),
        ({"URL": "https://kibana:5601/#/x"}, "before /app and /s"),
        ({"URL": "https://kibana:99999"}, "is not an address"),
        ({"URL": "https://kib ana"}, "is not an address"),
        ({"SPACE": "My Space"}, "id of a space"),
        ({"PASSWORD": "x"}, "a password needs a name"),
        ({"USERNAME": "me", "API_KEY": "x"}, "not both"),
        ({"API_KEY_FILE": "/nowhere/key"}, "there is no file"),
        ({"WAIT": "soon"}, "is not a duration"),
    ],
    ids=lambda value: next(iter(value.values())).replace("/", "_") if isinstance(value, dict) else None,
)
def test_wrong_settings_are_named(environment: dict[str, str], said: str) -> None:
    """Each wrong setting is an error that says what is right, without any secret."""
    variables = {f"SCORELENS_KIBANA_{name}": value for name, value in environment.items()}
    with pytest.raises(SettingError, match="SCORELENS_KIBANA_") as caught:
        from_environment(variables)
    assert said in str(caught.value)
    assert "pw" not in str(caught.value)
