"""The gRPC parts: reached, trusted, serving, of our contract, and what only one of them can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Final

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from scorelens.conventions import PURPOSE_KEY, SCORER_SERVICE
from scorelens.v1 import scorer_pb2, store_admin_pb2
from scorelens_client.doctor.accounts import indexer_findings
from scorelens_client.doctor.calls import ALPN, channel_to, contract, health, models
from scorelens_client.doctor.certificates import certified
from scorelens_client.doctor.findings import Finding, fail, ok, skipped, warn
from scorelens_client.doctor.network import reached
from scorelens_client.doctor.places import Place, Places
from scorelens_client.doctor.wire import Difference, compare
from scorelens_client.parts import indexer_account

ADMIN_SERVICE: Final = store_admin_pb2.DESCRIPTOR.services_by_name["StoreAdmin"].full_name
_SERVICES: Final = {"sidecar": SCORER_SERVICE, "scorer": SCORER_SERVICE, "indexer": ADMIN_SERVICE}
_FILES: Final = {SCORER_SERVICE: scorer_pb2.DESCRIPTOR, ADMIN_SERVICE: store_admin_pb2.DESCRIPTOR}
_SHOWN: Final = 3
"""Most elements of a contract, and most models, that one line names."""

TEST: Final = ((PURPOSE_KEY, "test"),)


def sidecar(places: Places, *, call: bool) -> Iterator[Finding]:
    """Check the sidecar, and the scorer through it; with `call` by a call that leaves one record of purpose test."""
    return _check(places, "sidecar", "what passes it reaches a server that is", lambda at: _called(at) if call else ())


def scorer(places: Places) -> Iterator[Finding]:
    """Check the scorer itself, past the sidecar."""
    return _check(places, "scorer", "it is", lambda place: [_served(place)])


def indexer(places: Places) -> Iterator[Finding]:
    """Check each receiver of the spans, and the account of those that are indexers."""
    return _check(places, "indexer", "it is", lambda place: indexer_findings(indexer_account(str(place.endpoint))))


def _check(places: Places, part: str, serving: str, then: Callable[[Place], Iterable[Finding]]) -> Iterator[Finding]:
    """Take each place of a part through the steps, and where it passed and speaks our protocol, look further."""
    found = places.parts(part)
    if not found:
        yield skipped(part, "address", places.hint(part))
    for place in found:
        yield from (steps := _Steps(place)).run(serving)
        if steps.passed and steps.speaks:
            yield from then(place)


class _Steps:
    """What every gRPC part is asked, as far as each step lets the next one be tried."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.passed = self.speaks = False

    def run(self, who: str) -> Iterator[Finding]:
        """Yield a finding per step; `who` begins what is said of a server's health."""
        steps = [reached(self._place.part, self._place.endpoint, self._place.named_by)]
        if self._place.endpoint.tls:
            steps.append(certified(self._place, alpn=ALPN))
        steps.append(self._asked(who))
        self.passed = False
        for step in steps:
            failed = False
            for finding in step:
                failed |= finding.last
                yield finding
            if failed:
                return
        self.passed = True

    def _asked(self, who: str) -> Iterator[Finding]:
        part = self._place.part
        try:
            with channel_to(self._place) as channel:
                yield _healthy(self._place, _state(channel), who)
                found = contract(channel, _SERVICES[part])
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                advice = "what it speaks is only seen where reflection is on"
                yield skipped(part, "contract", advice)
                return
            yield _silent(self._place, error)
            return
        yield self._contract(found)

    def _contract(self, found: FileDescriptorProto | None) -> Finding:
        part, service = self._place.part, _SERVICES[self._place.part]
        if found is None:
            return ok(part, "contract", f"what answers has no {service}: {_FOREIGN[part]}")
        self.speaks = True
        ours = FileDescriptorProto()
        _FILES[service].CopyToProto(ours)
        return told(part, service, compare(ours, found))


_FOREIGN: Final = {
    "sidecar": "it is recorded without calculations",
    "scorer": "its calls are recorded without calculations",
    "indexer": "it is another OTLP receiver, which has no account",
}


def told(part: str, service: str, difference: Difference) -> Finding:
    """Judge how a part's contract differs from that of this version (pure)."""
    here = f"version {version('scorelens')} here"
    order = "docs/upgrading.md has the order of an upgrade"
    if difference.changed:
        text = f"its {service} means something else by {_some(difference.changed)} than {here}"
        return fail(part, "contract", text, f"run the same version everywhere; {order}")
    if difference.lacking:
        text = f"its {service} is older than {here}: it lacks {_some(difference.lacking)}"
        return warn(part, "contract", text, f"upgrade it; {order}")
    if difference.further:
        text = f"its {service} is newer than {here}: it has {_some(difference.further)}, too"
        return warn(part, "contract", text, f"upgrade what runs here; {order}")
    return ok(part, "contract", f"speaks {service} as {here} does")


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _state(channel: grpc.Channel) -> str:
    try:
        return health(channel)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return ""
        raise


def _healthy(place: Place, state: str, who: str) -> Finding:
    if not state:
        return ok(place.part, "health", "answers calls; it has no health service")
    if state == "SERVING":
        return ok(place.part, "health", f"{who} serving")
    advice = "it is starting or draining; its log and its pod's events say why"
    return fail(place.part, "health", f"{place.endpoint.address}: {who} {state}", advice)


def _silent(place: Place, error: grpc.RpcError) -> Finding:
    part, where, code = place.part, place.endpoint.address, error.code()
    unspoken = "failed to connect" in (error.details() or "")
    if part == "sidecar" and code is grpc.StatusCode.UNAVAILABLE and not unspoken:
        advice = "is the scorer running, and is SCORELENS_SIDECAR_UPSTREAM of the sidecar its address?"
        return fail(part, "health", f"{where} takes the call, and what is behind it does not answer", advice)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return fail(part, "health", f"{where} does not answer in time", "is it overloaded? its log says what it does")
    if code is grpc.StatusCode.UNAVAILABLE:
        advice = (
            f"does {place.named_by} name the port of a gRPC server, and is it plain (http://) or encrypted (https://)?"
        )
        return fail(part, "health", f"{where} takes connections, and speaks no gRPC", advice)
    return fail(part, "health", f"{where} answers {code.name}: {error.details()}", "its log has the cause")


def _served(place: Place) -> Finding:
    try:
        with channel_to(place) as channel:
            found = models(channel)
    except grpc.RpcError as error:
        return fail(
            place.part, "models", f"ListModels and GetModel: {error.code().name}: {error.details()}", "see its log"
        )
    if not found:
        return fail(
            place.part, "models", "serves no model", "name one in SCORELENS_SCORER_MODEL, or promote one that is kept"
        )
    return ok(place.part, "models", f"serves {_some(f'{each.id} {each.version}' for each in found)}")


def _called(place: Place) -> Iterator[Finding]:
    try:
        with channel_to(place) as channel:
            found = models(channel, TEST)
    except grpc.RpcError as error:
        text = f"a call through it: {error.code().name}: {error.details()}"
        yield fail(place.part, "call", text, "its log and the scorer's have the cause")
        return
    yield ok(
        place.part, "call", f"a call through it is answered: {_some(f'{each.id} {each.version}' for each in found)}"
    )
