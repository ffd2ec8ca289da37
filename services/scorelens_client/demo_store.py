"""Where the records of a demo lie: made-up documents are kept apart from those that an Elasticsearch has already."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from rich.console import Console

from scorelens_client.addresses import UpSettings
from scorelens_runtime.errors import ScorelensError
from scorelens_store.open import with_prefix, without_credentials

PREFIX: Final = "scorelens-demo"


@contextmanager
def apart(settings: UpSettings, console: Console, *, kept: bool) -> Iterator[UpSettings]:
    """Yield settings by which records get a prefix of their own, where nobody named one.

    Unless they are `kept`, the records are removed at the end.
    """
    url = settings.elasticsearch
    if not url or "#" in with_prefix(url):
        yield settings
        return
    own = f"{url}#{PREFIX}" if kept else f"{url}#{PREFIX}-{secrets.token_hex(3)}"
    try:
        yield replace(settings, elasticsearch=own)
    finally:
        if not kept:
            _remove(own, console)


def _remove(url: str, console: Console) -> None:
    from scorelens_store.elasticsearch import open_store

    address, _, prefix = url.partition("#")
    try:
        with closing(open_store(address, prefix=prefix)) as store:
            store.remove_everything()
    except ScorelensError as error:
        text = f"the records of the demo are still in {without_credentials(url)}: {error}"
        console.print(text, style="yellow", soft_wrap=True)
