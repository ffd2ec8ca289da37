"""The settings of the Elasticsearch store, and which of them are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_runtime.errors import SettingError
from scorelens_runtime.secrets import Secret
from scorelens_store.elasticsearch import open_store
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    """Every setting has a variable; secrets show themselves in no representation."""
    key = tmp_path / "key"
    key.write_text("from-a-file\n")
    settings = from_environment(
        {
            "SCORELENS_ELASTICSEARCH_PREFIX": "bank",
            "SCORELENS_ELASTICSEARCH_PERIOD": "month",
            "SCORELENS_ELASTICSEARCH_API_KEY_FILE": str(key),
            "SCORELENS_ELASTICSEARCH_BULK_BYTES": "1MiB",
        }
    )
    assert (settings.prefix, settings.period, settings.bulk_bytes) == ("bank", "month", 2**20)
    assert settings.secret("api_key") == "from-a-file"
    assert "hush" not in repr(ElasticsearchSettings(username="me", password=Secret("hush")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFIX", "With Capitals"),
        ("PREFIX", "a*"),
        ("PERIOD", "hour"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("REPLICAS", "many"),
        ("PASSWORD", "without a name"),
        ("API_KEY", "schlüssel"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    """What cannot be right stops the start with a line that names the variable, or the one that is missing."""
    with pytest.raises(SettingError, match="SCORELENS_ELASTICSEARCH_"):
        from_environment({f"SCORELENS_ELASTICSEARCH_{name}": value})


@pytest.mark.parametrize("url", ["http://", "ftp://host:9200", "http://host:0x1", "http://host:9200/?pretty"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """An address without host or with a port that is no number stops the start."""
    with pytest.raises(SettingError, match="address of Elasticsearch"):
        open_store(url)
