"""What a server means that knows us not, lets us not, or is not known to us; and what a person does about it."""

from __future__ import annotations

import re
from typing import Final

_SETTING: Final = "SCORELENS_ELASTICSEARCH_"

_OF_TLS: Final = (
    (r"(Hostname|IP address) mismatch[^']*'([^']*)'", "its certificate is for another name than {2}"),
    (
        r"has expired \(_ssl|certificate has expired",
        "its certificate has expired: renew it on the server, or set this machine's clock",
    ),
    (r"not yet valid", "its certificate is not valid yet: look at the clocks of both machines"),
    (
        r"self.signed certificate|unable to get (local )?issuer|unable to verify the first",
        f"its certificate is of an authority that is not known here: name that authority's file in {_SETTING}CA_FILE",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED\S* certificate verify failed: ([^(]*\S)",
        f"its certificate is refused here: {{1}}; {_SETTING}CA_FILE names the authority that is trusted",
    ),
    (
        r"EOF occurred in violation",
        "it broke the connection off while TLS was set up; it may want a client certificate "
        f"({_SETTING}CLIENT_CERTIFICATE and {_SETTING}CLIENT_KEY)",
    ),
    (r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|HTTP_REQUEST|PACKET_LENGTH", "it does not speak TLS: is it http://?"),
    (
        r"(?i)alert.certificate.required",
        f"it wants a client certificate: name one in {_SETTING}CLIENT_CERTIFICATE and {_SETTING}CLIENT_KEY",
    ),
    (
        r"(?i)alert.certificate.expired",
        f"it says that the client certificate has expired: renew {_SETTING}CLIENT_CERTIFICATE",
    ),
    (
        r"(?i)alert.(unknown.ca|bad.certificate|certificate.unknown)",
        f"it refuses the client certificate: {_SETTING}CLIENT_CERTIFICATE is not of an authority that it knows",
    ),
)
_OF_THE_SYSTEM: Final = re.compile(r"\[Errno -?\d+\] (.+?)\W*$")
_CLOSED: Final = re.compile(r"RemoteDisconnected|Remote end closed|Connection reset|BadStatusLine")
_LACKS: Final = re.compile(
    r"action \[(?P<action>.*?)\] is unauthorized for (?P<who>.*?)(?: with (?:effective|assigned) roles \[[^]]*\])?"
    r"(?: on (?:restricted )?(?P<kind>indices|index) \[(?P<indices>[^]]*)\])?"
    r", this action is granted by the (?P<level>\w+) privileges \[(?P<privileges>[^]]*)\]"
)


def is_about_tls(message: str) -> bool:
    """Tell whether a connection failed because of a certificate or of TLS itself."""
    return any(word in message for word in ("SSL", "_ssl.", "TLS", "certificate"))


def unreached(where: str, message: str) -> str:
    """Return why no connection came about, in words that name what to do."""
    if is_about_tls(message):
        for pattern, text in _OF_TLS:
            if found := re.search(pattern, message):
                return text.format(*(found[0], *found.groups()))
    if "http://" in where and _CLOSED.search(message):
        return "it closed the connection without an answer; if it speaks TLS, the address begins with https://"
    found = _OF_THE_SYSTEM.search(message)
    return found[1] if found else message


def unknown(cause: str) -> str:
    """Return what to do about credentials that a server does not accept (401)."""
    if "missing authentication" in cause:
        return f"it wants credentials: set {_SETTING}USERNAME and {_SETTING}PASSWORD_FILE, or {_SETTING}API_KEY_FILE"
    return cause


def not_allowed(cause: str) -> str:
    """Return which right is missing (403), and where the rights of a role are found."""
    found = _LACKS.search(cause)
    if found is None:
        return cause
    place = f" on {found['indices']}" if found["indices"] else ""
    privileges = found["privileges"].replace(",", ", ")
    return (
        f"{found['who']} lacks the {found['level']} privilege for {found['action']}{place} (any of {privileges}); "
        "`scorelens elasticsearch roles` lists what each role needs"
    )
