"""What the accounts of sidecar and indexer mean (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.words import age, size

WARN_AGE: Final = 60.0
FAIL_AGE: Final = 600.0
"""Seconds for which the oldest record may wait in the spool."""

WARN_SHARE: Final = 0.5
FAIL_SHARE: Final = 0.9
"""Shares of the spool's quota."""

INDEXER_SUM: Final = ("stored", "duplicates", "forgotten", "dead_letters", "ignored", "refused")

_LETTERS: Final = "`scorelens dead-letters` lists them with their reasons"
_REASONS: Final = {
    "quota": "the spool was full: give it more (SCORELENS_SIDECAR_SPOOL_BYTES), or bring the receiver back sooner",
    "memory": "too much was captured at a time: raise SCORELENS_SIDECAR_CAPTURE_MEMORY",
    "disk": "the disk took nothing: look at its room and its health",
    "expired": "they waited longer than SCORELENS_SIDECAR_SPOOL_AGE: bring the receiver back sooner",
    "damaged": "files of the spool were damaged: look at the disk's health",
}


def sidecar_findings(account: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge what `python -m scorelens_sidecar.status --json` prints."""
    destinations = [one for relay in account["relays"] for one in relay["destinations"]]
    if not destinations:
        yield ok("sidecar", "account", f"nothing was recorded in {account['folder']} yet")
    for one in destinations:
        yield _adds_up(one)
        if one["configured"]:
            yield _delivered(one)
        elif one["spooled"]:
            text = (
                f"{one['spooled']:,} records lie in the spool for {one['destination']}, where nothing is sent any more"
            )
            yield warn("sidecar", "lag", text, "name it in SCORELENS_SIDECAR_OTLP again until they are delivered")
        yield from _lost(one)
    used = max((relay["bytes"] for relay in account["relays"]), default=0)
    yield _quota(used, account["spool_bytes"])


def indexer_findings(account: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge what StoreAdmin's GetAccount answers."""
    if account["received"] == sum(account[name] for name in INDEXER_SUM):
        yield ok("indexer", "account", f"adds up: {account['received']:,} spans received, {account['stored']:,} stored")
    else:
        advice = "`scorelens status` shows the sum; keep the indexer's folder, and please report it"
        yield fail("indexer", "account", f"{account['received']:,} spans received do NOT add up", advice)
    if not account["store_available"]:
        advice = "records wait in the spools meanwhile; what is said of the store has the cause"
        yield fail("indexer", "store", f"its store does not answer: {account['store']}", advice)
    else:
        yield ok("indexer", "store", f"its store answers: {account['store']}")
    if account["dead_letters"]:
        yield warn("indexer", "dead letters", f"{account['dead_letters']:,} records could never be stored", _LETTERS)
    else:
        yield ok("indexer", "dead letters", "none")
    if account["unmapped_fields"]:
        advice = "raise SCORELENS_ELASTICSEARCH_NUMBER_FIELDS, then `scorelens elasticsearch setup`"
        yield warn("indexer", "fields", f"{account['unmapped_fields']:,} numbers are kept and not searched", advice)


def _adds_up(one: Mapping[str, Any]) -> Finding:
    dropped = sum(one["dropped"].values())
    text = (
        f"{one['seen']:,} seen = {one['acknowledged']:,} acknowledged + {one['spooled']:,} spooled "
        f"+ {dropped:,} dropped + {one['sampled_out']:,} sampled out, to {one['destination']}"
    )
    if one["adds_up"]:
        return ok("sidecar", "account", f"adds up: {text}")
    advice = "keep the sidecar's folder as it is, and please report it"
    return fail("sidecar", "account", f"does NOT add up: {text}", advice)


def _delivered(one: Mapping[str, Any]) -> Finding:
    where, waited = one["destination"], one["oldest_spooled_age"] or 0.0
    if one["state"] == "alarm":
        advice = "somebody has to act: nothing is lost while the spool has room, and it is sent when this is mended"
        return fail("sidecar", "lag", f"{where} takes nothing: {one['reason']}", advice)
    why = f" ({one['reason']})" if one["state"] == "waiting" and one["reason"] else ""
    if not one["spooled"] or waited < WARN_AGE:
        return ok("sidecar", "lag", f"everything older than {age(WARN_AGE)} is delivered to {where}")
    text = f"{one['spooled']:,} records wait for {where}, the oldest for {age(waited)}{why}"
    advice = "is it running, and does its store answer? what is said of indexer and store has the cause"
    return (fail if waited >= FAIL_AGE else warn)("sidecar", "lag", text, advice)


def _lost(one: Mapping[str, Any]) -> Iterator[Finding]:
    for reason, count in one["dropped"].items():
        if count:
            text = f"{count:,} records for {one['destination']} were dropped because of {reason}"
            yield warn("sidecar", "dropped", text, _REASONS.get(reason, "docs/spool.md has the reasons"))
    if one["rejected"] or one["dead_letters"]:
        text = f"{one['destination']} rejected {one['rejected']:,}, and {one['dead_letters']:,} are dead letters"
        yield warn("sidecar", "dead letters", text, _LETTERS)


def _quota(used: int, most: int) -> Finding:
    text = f"{size(used)} of {size(most)} that SCORELENS_SIDECAR_SPOOL_BYTES allows"
    if used < WARN_SHARE * most:
        return ok("sidecar", "spool", text)
    advice = "bring its receiver back, or raise SCORELENS_SIDECAR_SPOOL_BYTES; a full spool drops the newest records"
    return (fail if used >= FAIL_SHARE * most else warn)("sidecar", "spool", f"{text}: {used / most:.0%}", advice)
