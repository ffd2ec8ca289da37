"""`scorelens console serve`: the console as a process."""

from __future__ import annotations

import click

from scorelens_console.server import serving
from scorelens_console.settings import ConsoleSettings
from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.logs import set_up
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.operations import Operations, Wanted
from scorelens_runtime.serving import serve_until_told
from scorelens_runtime.settings import options
from scorelens_store.open import without_credentials


@click.command("serve")
@options(ConsoleSettings, "console")
def command(settings: ConsoleSettings) -> None:
    """Serve the web console until SIGTERM or Ctrl-C.

    \b
    scorelens console serve                                       the embedded store under SCORELENS_HOME
    scorelens console serve --store https://search.example:9200

    Credentials for Elasticsearch come from SCORELENS_ELASTICSEARCH_USERNAME and _PASSWORD_FILE, or _API_KEY_FILE.
    """
    set_up("console", settings.log_level)
    instruments, readiness = Instruments(), Readiness()
    with (
        Operations("console", Wanted(settings.admin, settings.metrics_otlp), instruments, readiness) as operations,
        serving(settings, instruments) as server,
    ):
        serve_until_told(server, readiness, store=without_credentials(settings.store), **operations.details())
