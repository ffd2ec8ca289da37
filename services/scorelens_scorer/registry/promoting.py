"""Putting a version to use: it is tried, written down, and waited for until every living process serves it."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scorelens_scorer.errors import RegistryError
from scorelens_scorer.registry.history import History
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.presence import living
from scorelens_scorer.registry.trying import tried
from scorelens_scorer.training.recipes import RECIPES
from scorelens_scorer.training.recipes import version as reference_version

PAUSE = 0.1


@dataclass(frozen=True)
class Promoted:
    """The version that is in use now, the one before, and which processes serve it, or other models only."""

    model: str
    version: str
    before: str
    serving: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class NotServedError(RegistryError):
    """A process did not take a version on."""


def promote(registry: Registry, model: str, version: str, patience: float) -> Promoted:
    """Put a version to use. Raises RegistryError or ModelRefusedError; then the version before is in use."""
    tried(registry.load(model, version))
    if registry.history(model).version != version:
        registry.change(model, lambda history: history.promote(version, _now(), person()))
    return _wait(registry, model, patience)


def roll_back(registry: Registry, model: str, patience: float) -> Promoted:
    """Put the version before to use again. Raises RegistryError or ModelRefusedError."""
    history = registry.history(model)
    before = history.before
    if before is None or not (before or model in RECIPES):
        raise RegistryError(f"model {model}: there is no version before {history.version or 'the first'} to go back to")
    if before:
        tried(registry.load(model, before))
    registry.change(model, _going_back)
    return _wait(registry, model, patience)


def person() -> str:
    """Name who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user, as in many containers
        return f"uid {os.getuid()}"


def shown(model: str, version: str) -> str:
    """Name a version of a history for people."""
    return version or (reference_version() if model in RECIPES else "none")


def _shown_before(model: str, history: History) -> str:
    served = history.before or (history.before is not None and model in RECIPES)
    return shown(model, history.before or "") if served else ""


def _going_back(history: History) -> History:
    try:
        return history.roll_back(_now(), person())
    except ValueError as error:
        raise RegistryError(f"there is no version before to go back to: {error}") from error


def _wait(registry: Registry, model: str, patience: float) -> Promoted:
    """Wait until every process that follows a model has acted on its last change."""
    history = registry.history(model)
    changes, limit = len(history.changes), time.monotonic() + patience
    while True:
        states = living(registry.folder)
        following = {state["name"]: state for state in states if follows(state, model)}
        ready = {name: state["models"][model] for name, state in following.items() if _acted(state, model, changes)}
        _check_refusals(registry, model, history, ready)
        if len(ready) == len(following):
            others = tuple(state["name"] for state in states if state["name"] not in following)
            before = _shown_before(model, history)
            return Promoted(model, shown(model, history.version), before, tuple(ready), others)
        if time.monotonic() > limit:
            late = ", ".join(name for name in following if name not in ready)
            raise NotServedError(
                f"{model} {shown(model, history.version)} is in use from now on, but after {patience:g} s these "
                f"processes did not serve it yet: {late}; see their logs, and `scorelens models`"
            )
        time.sleep(PAUSE)


def follows(state: Mapping[str, Any], model: str) -> bool:
    """Tell whether a process serves what is promoted of a model."""
    return bool(state.get("follows_all")) or model in state.get("models", {})


def _acted(state: Mapping[str, Any], model: str, changes: int) -> bool:
    return int(state.get("models", {}).get(model, {}).get("changes", -1)) >= changes


def _check_refusals(registry: Registry, model: str, history: History, ready: Mapping[str, Mapping[str, Any]]) -> None:
    """Go back where a process could not load what is in use, so that none serves another version than the next."""
    refused = {
        name: state["refused"]["reason"]
        for name, state in ready.items()
        if state["refused"] and state["refused"]["version"] == history.version
    }
    if not refused:
        return
    registry.change(model, lambda now: now.roll_back(_now(), person()) if now == history else now)
    name, reason = next(iter(refused.items()))
    stays = shown(model, registry.history(model).version)
    raise NotServedError(
        f"{model} {shown(model, history.version)} is not served: process {name} could not load it: {reason}; "
        f"{stays} stays in use"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
