"""Certificates that servers show: whose they are, for which name, and how long they hold.

The time is left out of the verification, so that one that has expired can still say since when. Nothing is sent beyond
the handshake.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.network import CONNECT_LIMIT
from scorelens_client.doctor.places import AUTHORITIES, Place

WARN_DAYS: Final = 30
FAIL_DAYS: Final = 3

_WITHOUT_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for
_DAY: Final = 86_400.0


def certified(place: Place, *, alpn: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield whether the server at an encrypted address proves who it is; the last finding tells."""
    part, where = place.part, place.endpoint.address
    try:
        shown = _shown(place, alpn, by_name=not place.own)
    except OSError as error:
        yield _refused(place, error, alpn)
        return
    yield judged(part, where, shown, time.time())


def names_of(place: Place, alpn: Sequence[str]) -> list[str]:
    """Return the names in the certificate that a server shows, whatever name it was reached by."""
    return _names(_shown(place, alpn, by_name=False))


def judged(part: str, where: str, shown: Mapping[str, Any], now: float) -> Finding:
    """Judge a trusted certificate, as `SSLSocket.getpeercert` tells it, by the time that it holds for."""
    begins, ends = (ssl.cert_time_to_seconds(str(shown[name])) for name in ("notBefore", "notAfter"))
    days = (ends - now) / _DAY
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ends))
    text = f"{where} shows the certificate of {', '.join(_names(shown)) or 'nobody'}, which"
    renew = "renew it on the server, which then shows the new one"
    if now < begins:
        begun = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(begins))
        return fail(part, "certificate", f"{text} holds only from {begun}", "look at the clocks of both machines")
    if days <= 0:
        return fail(part, "certificate", f"{text} expired on {day}", renew)
    if days < FAIL_DAYS:
        soon = f"{text} expires on {day}, in {days:.1f} days"
        return replace(fail(part, "certificate", soon, f"{renew}, today"), last=False)
    if days < WARN_DAYS:
        return warn(part, "certificate", f"{text} expires on {day}, in {days:.0f} days", renew)
    return ok(part, "certificate", f"{text} holds for {days:,.0f} days")


def trusting(authorities: Path | None, variable: str = "") -> ssl.SSLContext:
    """Return how servers are verified: by a file of authorities, or by the system's. Raises OSError."""
    try:
        return ssl.create_default_context(cafile=authorities)
    except (ssl.SSLError, FileNotFoundError, ValueError) as error:
        raise OSError(f"{variable}: {authorities} holds no certificates in PEM form") from error


def _shown(place: Place, alpn: Sequence[str], *, by_name: bool) -> Mapping[str, Any]:
    context = trusting(place.authorities, AUTHORITIES[place.part])
    context.verify_flags |= _WITHOUT_TIME
    context.check_hostname = by_name
    if alpn:
        context.set_alpn_protocols(list(alpn))
    address = (place.endpoint.host, place.endpoint.port)
    with (
        socket.create_connection(address, timeout=CONNECT_LIMIT) as plain,
        context.wrap_socket(plain, server_hostname=place.endpoint.host) as encrypted,
    ):
        return encrypted.getpeercert() or {}


def _refused(place: Place, error: OSError, alpn: Sequence[str]) -> Finding:
    part, where, variable = place.part, place.endpoint.address, AUTHORITIES[place.part]
    text = str(error)
    if variable in text and place.authorities:
        return fail(part, "certificate", text, f"let {variable} name a PEM file of the authority")
    if "mismatch" in text or "doesn't match" in text:
        names = ", ".join(names_of(place, alpn))
        advice = f"use one of these names in {place.named_by}, or have {place.endpoint.host} put into the certificate"
        return fail(
            part, "certificate", f"{where} shows a certificate for {names}, not for {place.endpoint.host}", advice
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        advice = f"let {variable} name the file of the authority that issued it"
        trusted = f"is not of {place.authorities}" if place.authorities else "is of an authority that is not known here"
        return fail(part, "certificate", f"the certificate of {where} {trusted}", advice)
    if any(word in text for word in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "HTTP_REQUEST", "UNEXPECTED_EOF", "EOF")):
        advice = f"begin the address in {place.named_by} with http:// if it is meant to be plain"
        return fail(part, "certificate", f"{where} does not speak TLS", advice)
    if isinstance(error, TimeoutError):
        text = f"{where} does not end the TLS handshake within {CONNECT_LIMIT:g} s"
    return fail(part, "certificate", f"{where} breaks off the TLS handshake: {text}", "does it speak TLS at that port?")


def _names(shown: Mapping[str, Any]) -> list[str]:
    names = [str(name) for kind, name in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    return names or [str(value) for group in shown.get("subject", ()) for key, value in group if key == "commonName"]
