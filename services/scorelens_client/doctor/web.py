"""What is asked by HTTP: the console, and the admin ports of the parts."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from scorelens_client.doctor.certificates import certified, trusting
from scorelens_client.doctor.clocks import date_of, judged_clock
from scorelens_client.doctor.findings import Finding, fail, ok, skipped, warn
from scorelens_client.doctor.network import reached
from scorelens_client.doctor.places import Place, Places

LIMIT: Final = 5.0
_MOST: Final = 4 * 2**20
_BUILD: Final = re.compile(r'^scorelens_build_info\{[^}]*\bversion="([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What a server answered, between two moments of this machine's clock."""

    status: int
    text: str
    headers: Mapping[str, str]
    asked: float
    answered: float


def console(places: Places) -> Iterator[Finding]:
    """Check the console."""
    places_of = places.parts("console")
    if not places_of:
        yield skipped("console", "address", places.hint("console"))
    for place in places_of:
        failed = False
        for finding in _reached(place):
            failed |= finding.last
            yield finding
        if not failed:
            yield from _served(place)


def admin(places: Places, part: str) -> Iterator[Finding]:
    """Check what a part says on its admin port, where that is named."""
    place = places.admin(part)
    if place is None:
        return
    for finding in reached(part, place.endpoint, place.named_by):
        if finding.last:
            yield finding
            return
    try:
        ready, metrics = ask(place, "/readyz"), ask(place, "/metrics")
    except (OSError, http.client.HTTPException) as error:
        text = f"{place.endpoint.address} {_why(error)}"
        yield fail(part, "ready", text, f"does {place.named_by} name its admin port?")
        return
    yield readiness(part, place.endpoint.address, ready.status, ready.text)
    if found := _BUILD.search(metrics.text):
        yield same_version(part, found[1])
    if (date := date_of(ready.headers)) is not None:
        yield judged_clock(part, f"the {part}'s machine", date, ready.asked, ready.answered, 1.0)


def readiness(part: str, where: str, status: int, text: str) -> Finding:
    """Judge the answer of /readyz (pure)."""
    if status == 200:
        return ok(part, "ready", "says that it is ready")
    if status != 503:
        return fail(part, "ready", f"{where} answers {status}", "is that its admin port?")
    try:
        said = json.loads(text)
        reason = said.get("reason") or text if isinstance(said, dict) else text
    except ValueError:
        reason = text
    return fail(
        part, "ready", f"says that it is not ready: {str(reason).strip()[:300]}", "mend what it says; its log has more"
    )


def same_version(part: str, theirs: str) -> Finding:
    """Judge the version that a part tells (pure)."""
    ours = version("scorelens")
    if theirs == ours:
        return ok(part, "version", f"is of version {theirs}, as what runs here")
    advice = "run the same version everywhere; docs/upgrading.md has the order"
    return warn(part, "version", f"is of version {theirs}, and what runs here of {ours}", advice)


def ask(place: Place, path: str) -> Answer:
    """Ask a web server; any status is an answer. Raises OSError or HTTPException."""
    address = f"{place.endpoint}{path}"
    context = trusting(place.authorities) if place.endpoint.tls else None
    if context is not None and place.own:
        context.check_hostname = False
    asked = time.time()
    try:
        with urllib.request.urlopen(address, timeout=LIMIT, context=context) as got:  # noqa: S310  (http or https)
            return Answer(got.status, got.read(_MOST).decode("utf-8", "replace"), dict(got.headers), asked, time.time())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(
                error.code, error.read(_MOST).decode("utf-8", "replace"), dict(error.headers), asked, time.time()
            )


def _reached(place: Place) -> Iterator[Finding]:
    for finding in reached(place.part, place.endpoint, place.named_by):
        yield finding
        if finding.last:
            return
    if place.endpoint.tls:
        yield from certified(place)


def _served(place: Place) -> Iterator[Finding]:
    part, where = place.part, str(place.endpoint)
    try:
        answer = ask(place, "/health")
    except (OSError, http.client.HTTPException) as error:
        yield fail(part, "health", f"{where} {_why(error)}", f"does {place.named_by} name the console's port?")
        return
    if answer.status != 200 or answer.text != "serving\n":
        advice = f"does {place.named_by} name the console, up to where its pages begin?"
        yield fail(part, "health", f"{where}/health answers {answer.status}, and not as a console", advice)
        return
    yield ok(part, "health", "it is serving")
    if (date := date_of(answer.headers)) is not None:
        yield judged_clock(part, "the console's machine", date, answer.asked, answer.answered, 1.0)


def _why(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return "answers, and not in HTTP"
    if isinstance(error, TimeoutError):
        return f"does not answer within {LIMIT:g} s"
    return f"does not answer: {getattr(error, 'reason', None) or error}"
