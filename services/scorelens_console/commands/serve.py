"""`scorelens console serve`: the console as a process."""

from __future__ import annotations

import click

from scorelens_console.server import serving
from scorelens_console.settings import ConsoleSettings
from scorelens_runtime.logs import set_up
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
    with serving(settings) as server:
        serve_until_told(server, store=without_credentials(settings.store))
