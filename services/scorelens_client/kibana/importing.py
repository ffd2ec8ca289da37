"""Bringing saved objects into a Kibana: wait until it is ready, see to its space, say what became of each object."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scorelens_client.kibana.client import KibanaClient, NotReadyError
from scorelens_client.terminal import clean
from scorelens_runtime.errors import ScorelensError

Object = Mapping[str, Any]
Tell = Callable[[str], None]

LEAST_VERSION: Final = (8, 14)
"""First version of Kibana that takes the objects."""

PAUSE: Final = 2.0
_THERE: Final = frozenset({"conflict", "ambiguous_conflict"})
# Kibana creates nothing at all while one object has such an error, though it lists the others as good.
_HALTING: Final = _THERE | {"missing_references"}


@dataclass(frozen=True)
class Imported:
    """What became of one object.

    `created`, `replaced`, `kept` (it was there and stays as it was), `failed`, or `left out` because others failed.
    """

    type: str
    id: str
    title: str
    outcome: str
    reason: str = ""


def wait_until_ready(client: KibanaClient, seconds: float, tell: Tell, pause: float = PAUSE) -> str:
    """Return Kibana's version when it is ready; empty where it shows none to this user.

    `tell` gets a line when waiting begins. Raises UnavailableError after `seconds`, ScorelensError for other versions.
    """
    limit, told = time.monotonic() + seconds, False
    while True:
        try:
            return _check_version(client)
        except NotReadyError as error:
            if time.monotonic() + pause > limit:
                raise
            if not told:
                tell(f"{error}; waiting for it for up to {seconds:g} s")
                told = True
            time.sleep(pause)


def require_space(client: KibanaClient, space: str, *, create: bool) -> bool:
    """Make sure that there is a space, since Kibana imports into unknown ones as well; tell whether it was created."""
    if not space or client.space(space) is not None:
        return False
    if not create:
        raise ScorelensError(f"{client.where} has no space {space!r}; --create-space creates it")
    client.create_space(space)
    return True


def import_objects(client: KibanaClient, objects: Sequence[Object], lines: bytes, *, overwrite: bool) -> list[Imported]:
    """Import objects (`lines` are the same as NDJSON) and return what became of each, in order."""
    answer = client.import_objects(lines, overwrite=overwrite)
    there = set() if overwrite else _ids(error for error in _errors(answer) if _kind(error) in _THERE)
    if there:
        # With one conflict Kibana creates nothing; what is new has to be asked for by name.
        new = [{"type": one["type"], "id": one["id"]} for one in objects if _id(one) not in there]
        answer = client.import_some(lines, new) if new else {}
    return _outcomes(objects, answer, there)


def would_import(objects: Sequence[Object]) -> list[Imported]:
    """Return what an import would bring."""
    return [Imported(one["type"], one["id"], _title(one), "would be imported") for one in objects]


def _outcomes(objects: Sequence[Object], answer: Object, there: set[tuple[str, str]]) -> list[Imported]:
    outcomes = {_id(one): (_success(one), "") for one in answer.get("successResults") or ()}
    if any(_kind(error) in _HALTING for error in _errors(answer)):
        outcomes = dict.fromkeys(outcomes, ("left out", ""))
    outcomes |= {_id(error): ("failed", _explain(error)) for error in _errors(answer)}
    outcomes |= dict.fromkeys(there, ("kept", ""))
    unknown = ("failed", "Kibana says nothing of it")
    return [Imported(one["type"], one["id"], _title(one), *outcomes.get(_id(one), unknown)) for one in objects]


def _success(one: Object) -> str:
    return "replaced" if one.get("overwrite") else "created"


def _explain(error: Object) -> str:
    what = error.get("error") or {}
    match what.get("type"):
        case "missing_references":
            names = ", ".join(f"{one.get('type')} {one.get('id')}" for one in what.get("references") or ())
            return f"it refers to what this space does not have: {clean(names)}"
        case "conflict" | "ambiguous_conflict":
            return "another object with this id or origin is in the way; remove it in Stack Management > Saved Objects"
        case "unsupported_type":
            return "this Kibana knows no objects of this type"
        case "unknown":
            return clean(f"{what.get('message') or 'no reason given'} ({what.get('statusCode', 'no status')})")
    return clean(f"Kibana refuses it: {what.get('type') or 'no reason given'}")


def _check_version(client: KibanaClient) -> str:
    version = client.status().get("version")
    number = str(version.get("number", "")) if isinstance(version, Mapping) else ""
    parts = number.split(".")[:2]
    if number and all(part.isdigit() for part in parts) and tuple(map(int, parts)) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise ScorelensError(f"{client.where} is version {clean(number)}; the views need {least} or newer")
    return clean(number)


def _errors(answer: Object) -> Sequence[Object]:
    return answer.get("errors") or ()


def _kind(error: Object) -> str:
    return str((error.get("error") or {}).get("type"))


def _ids(objects: Iterable[Object]) -> set[tuple[str, str]]:
    return {_id(one) for one in objects}


def _id(one: Object) -> tuple[str, str]:
    return str(one.get("type")), str(one.get("id"))


def _title(one: Object) -> str:
    return str(one["attributes"].get("name") or one["attributes"].get("title", ""))
