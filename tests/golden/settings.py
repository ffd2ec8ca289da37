"""The names and defaults of all settings, and the names of all commands, as one version has them."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from scorelens_runtime.main import COMMANDS
from scorelens_runtime.settings import flag_of, variable_of
from tests.test_structure import SETTINGS, SHARED_SETTINGS

Field = dataclasses.Field[Any]


def fields() -> dict[str, Field]:
    """Return every settings field of today by its environment variable."""
    found: dict[str, Field] = {}
    for component, (module, name) in [*SETTINGS.items(), *SHARED_SETTINGS.items()]:
        for field in dataclasses.fields(getattr(importlib.import_module(module), name)):
            found[variable_of(field, component)] = field
    return found


def flags() -> dict[str, list[str]]:
    """Return the flags of what starts on its own."""
    return {
        component: [flag_of(field) for field in dataclasses.fields(getattr(importlib.import_module(module), name))]
        for component, (module, name) in SETTINGS.items()
    }


def written() -> dict[str, Any]:
    """Return what is kept of a version."""
    return {
        "commands": list(COMMANDS),
        "flags": flags(),
        "variables": {variable: field.metadata["default"] for variable, field in fields().items()},
    }
