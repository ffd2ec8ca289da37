"""Which Elasticsearch a command is about."""

from __future__ import annotations

from dataclasses import replace

import click

from scorelens_client.home import Home
from scorelens_client.options import Command
from scorelens_client.reading import store_of
from scorelens_runtime.errors import ScorelensError
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment, read_prefix
from scorelens_store.open import is_url, without_credentials


def server_option(function: Command) -> Command:
    """Add --store, the URL of an Elasticsearch."""
    return click.option(
        "--store",
        metavar="URL",
        envvar="SCORELENS_ELASTICSEARCH_URL",
        help="Elasticsearch, as https://host:9200 or https://host:9200#PREFIX.  "
        "[SCORELENS_ELASTICSEARCH_URL; default: the running system's store]",
    )(function)


def server_of(home: Home, named: str | None) -> tuple[str, ElasticsearchSettings]:
    """Return the address of the Elasticsearch that was named or that the system uses, and how it is spoken to.

    Raises ScorelensError where that is a folder, SettingError.
    """
    where = store_of(home, named)
    if not is_url(where):
        kept = (
            f"--store: {without_credentials(where)} is"
            if named
            else f"this system keeps its records in the folder {where},"
        )
        raise ScorelensError(f"{kept} no Elasticsearch: name one, --store https://host:9200")
    address, mark, prefix = where.partition("#")
    settings = from_environment()
    return address, replace(settings, prefix=read_prefix(prefix)) if mark else settings
