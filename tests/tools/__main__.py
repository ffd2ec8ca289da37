"""Prepares the real parts ahead of the tests, one line each: `python -m tests.tools`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.tools import browser, elasticsearch, go, npm_packages
from tests.tools.missing import MissingPartError, required


def main() -> int:
    """Return 0, or 1 where a part cannot be had and CI=true promises it."""
    parts: dict[str, Callable[[], str]] = {
        "Elasticsearch": elasticsearch.prepare,
        "Go clients": go.prepare,
        "npm packages": npm_packages.prepare,
        "browser": browser.prepare,
    }
    had = [_prepare(name, prepare) for name, prepare in parts.items()]
    return 0 if all(had) or not required() else 1


def _prepare(name: str, prepare: Callable[[], str]) -> bool:
    print(f"{name}: ", end="", flush=True)
    try:
        print(prepare())
    except MissingPartError as error:
        print(f"cannot be had: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
