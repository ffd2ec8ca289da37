"""The `scorelens indexer` command."""

from __future__ import annotations

import gc
import sys

import click

from scorelens_indexer.server import serving
from scorelens_indexer.settings import IndexerSettings
from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.logs import set_up
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.operations import Operations, Wanted
from scorelens_runtime.serving import serve_until_told
from scorelens_runtime.settings import options
from scorelens_store.open import open_store


@click.command()
@options(IndexerSettings, "indexer")
def command(settings: IndexerSettings) -> None:
    """Receive spans over OTLP/gRPC from sidecars, or anything else that speaks it, and store them.

    \b
    scorelens indexer                                    into the embedded store under SCORELENS_HOME
    scorelens indexer --store https://search.example:9200

    Credentials for Elasticsearch come from SCORELENS_ELASTICSEARCH_USERNAME and _PASSWORD_FILE, or _API_KEY_FILE.
    """
    set_up("indexer", settings.log_level)
    _collect_garbage_less_often()
    instruments, readiness = Instruments(), Readiness()
    with (
        Operations("indexer", Wanted(settings.admin, settings.metrics_otlp), instruments, readiness) as operations,
        serving(settings, lambda: open_store(settings.store), instruments) as (server, store),
    ):
        # A store's description leaves credentials out.
        serve_until_told(server, readiness, store=store.describe(), **operations.details())


def _collect_garbage_less_often() -> None:
    """Spare the collector from walking records, which are many, short-lived and without cycles: a tenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


if __name__ == "__main__":
    from scorelens_runtime.main import main

    main(["indexer", *sys.argv[1:]])
