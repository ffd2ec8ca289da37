"""What the address of a store says."""

from __future__ import annotations

import secrets
from contextlib import closing

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Selection
from scorelens_store.open import open_reader, open_store, with_prefix, without_credentials
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make

PREFIX = "SCORELENS_ELASTICSEARCH_PREFIX"


def test_an_address_names_the_prefix_of_its_records(elasticsearch_url: str) -> None:
    """What stands behind # finds the records again, whatever the settings say; another prefix has none of them."""
    prefix = f"test-{secrets.token_hex(6)}"
    try:
        with closing(open_store(f"{elasticsearch_url}#{prefix}", period="month")) as store:
            store.put([make(1)])
        for where, count in ((f"{elasticsearch_url}#{prefix}", 1), (f"{elasticsearch_url}#{prefix}-other", 0)):
            with closing(open_reader(where)) as reader:
                assert reader.count(Selection(Everything())) == count
    finally:
        drop(elasticsearch_url, prefix)


def test_an_address_is_completed_for_those_who_have_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix of one's own becomes part of the address; folders and complete addresses stay as they are."""
    monkeypatch.delenv(PREFIX, raising=False)
    assert with_prefix("https://search.example:9200") == "https://search.example:9200"
    monkeypatch.setenv(PREFIX, "team-a")
    assert with_prefix("https://search.example:9200") == "https://search.example:9200#team-a"
    assert with_prefix("https://search.example:9200#team-b") == "https://search.example:9200#team-b"
    assert with_prefix("some/folder#1") == "some/folder#1"


@pytest.mark.parametrize("prefix", ["", "Team", "a.b", "-a"])
def test_a_prefix_that_no_index_can_have_is_refused(prefix: str) -> None:
    """The error shows what was given and what is possible."""
    with pytest.raises(SettingError, match=rf"'{prefix}' is not 1 to 100 of a-z"):
        open_reader(f"http://localhost:9200#{prefix}")


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("https://me:hush@host:9200#bank", "https://host:9200#bank"),
        ("https://a:9200,https://me:hush@b:9200", "https://a:9200,https://b:9200"),
        ("https://me:hu@sh@host", "https://host"),
        ("htps://me:hush@host", "htps://host"),
        ("/srv/some@folder", "/srv/some@folder"),
    ],
)
def test_an_address_is_shown_without_credentials(where: str, shown: str) -> None:
    """Names and passwords are left out of what is shown, also of an address that is misspelt; folders stay."""
    assert without_credentials(where) == shown
