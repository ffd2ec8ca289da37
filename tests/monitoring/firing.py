"""For each alert a situation in which it fires, and one like it in which it does not, as promtool's series."""

from __future__ import annotations

from typing import Final

POD: Final = 'namespace="scorelens",pod="scorelens-scorer-0",instance="10.0.0.7:9461",job="scorelens"'
TO: Final = f'{POD},destination="http://scorelens-indexer:4317"'
LONG: Final = 60
"""Minutes after which an alert has to fire."""


def steady(value: float) -> str:
    """Return a series that keeps a value."""
    return f"{value:g}x{2 * LONG}"


def growing(step: float, start: float = 0) -> str:
    """Return a series that grows by so much a minute."""
    return f"{start:g}+{step:g}x{2 * LONG}"


def jumping(by: float) -> str:
    """Return a counter that grows once, three minutes before an alert has to fire."""
    return f"0x{LONG - 4} {by:g}x{LONG}"


Series = dict[str, str]


def _calls(failed: float) -> Series:
    name, of = "scorelens_sidecar_call_duration_seconds_count", f'{POD},method="scorelens.v1.Scorer/Score"'
    return {f'{name}{{{of},status="OK"}}': growing(100), f'{name}{{{of},status="INTERNAL"}}': growing(failed)}


def _slow(fast: float) -> Series:
    name = "scorelens_scorer_call_duration_seconds_bucket"
    of = f'{POD},method="scorelens.v1.Scorer/Score",status="OK"'
    return {
        f'{name}{{{of},le="1.0"}}': growing(fast),
        f'{name}{{{of},le="2.5"}}': growing(100),
        f'{name}{{{of},le="+Inf"}}': growing(100),
    }


def _ages(young: float) -> Series:
    name = "scorelens_indexer_record_age_seconds_bucket"
    return {
        f'{name}{{{POD},le="300.0"}}': growing(young),
        f'{name}{{{POD},le="1800.0"}}': growing(100),
        f'{name}{{{POD},le="+Inf"}}': growing(100),
    }


def _pages(errors: float) -> Series:
    name = "scorelens_console_request_duration_seconds_count"
    return {
        f'{name}{{{POD},route="documents",status="200"}}': growing(100),
        f'{name}{{{POD},route="documents",status="503"}}': growing(errors),
    }


def _versions(second: str) -> Series:
    name, of = "scorelens_scorer_model", 'namespace="scorelens",model="media-tagger",in_use="yes"'
    return {
        f'{name}{{{of},pod="scorelens-scorer-0",version="1"}}': steady(1),
        f'{name}{{{of},pod="scorelens-scorer-1",version="{second}"}}': steady(1),
    }


def _one(name: str, fires: str, quiet: str, labels: str = POD) -> tuple[Series, Series]:
    return {f"{name}{{{labels}}}": fires}, {f"{name}{{{labels}}}": quiet}


SIDECAR: Final = "scorelens_sidecar"
SITUATIONS: Final[dict[str, tuple[Series, Series]]] = {
    "ScorelensTargetDown": _one("up", steady(0), steady(1)),
    "ScorelensRecordsDropped": _one(f"{SIDECAR}_records_dropped_total", jumping(1), steady(7), f'{TO},reason="quota"'),
    "ScorelensRelayDown": _one(f"{SIDECAR}_relay_up", steady(0), steady(1)),
    "ScorelensRelayRestarting": _one(f"{SIDECAR}_relay_start_time_seconds", growing(60), jumping(60)),
    "ScorelensUpstreamUnreachable": _one(f"{SIDECAR}_upstream_reached", steady(0), steady(1)),
    "ScorelensCallsFailing": (_calls(10), _calls(1)),
    "ScorelensDeliveryAlarm": _one(f"{SIDECAR}_destination_state", steady(1), steady(0), f'{TO},state="alarm"'),
    "ScorelensDeliveryBehind": _one(f"{SIDECAR}_spool_oldest_age_seconds", growing(60), steady(30), TO),
    "ScorelensSpoolFilling": (
        {f"{SIDECAR}_spool_used_bytes{{{POD}}}": steady(90), f"{SIDECAR}_spool_quota_bytes{{{POD}}}": steady(100)},
        {f"{SIDECAR}_spool_used_bytes{{{POD}}}": steady(50), f"{SIDECAR}_spool_quota_bytes{{{POD}}}": steady(100)},
    ),
    "ScorelensDiskFilling": (
        {f"{SIDECAR}_disk_free_bytes{{{POD}}}": steady(5), f"{SIDECAR}_spool_quota_bytes{{{POD}}}": steady(100)},
        {f"{SIDECAR}_disk_free_bytes{{{POD}}}": steady(50), f"{SIDECAR}_spool_quota_bytes{{{POD}}}": steady(100)},
    ),
    "ScorelensAccountOff": _one(f"{SIDECAR}_account_adds_up", steady(0), steady(1), TO),
    "ScorelensDeadLetters": _one(
        "scorelens_indexer_dead_letters_total", jumping(1), steady(3), f'{POD},reason="refused"'
    ),
    "ScorelensScorerBusy": _one("scorelens_scorer_refused_total", growing(1), steady(9)),
    "ScorelensScorerSlow": (_slow(95), _slow(100)),
    "ScorelensModelStuck": _one("scorelens_scorer_batches_stuck_total", jumping(1), steady(2), f'{POD},model="m"'),
    "ScorelensModelRefused": _one(
        "scorelens_scorer_model_refused", steady(1), "_", f'{POD},model="media-tagger",version="2"'
    ),
    "ScorelensModelVersionsDiffer": (_versions("2"), _versions("1")),
    "ScorelensStoreDown": _one("scorelens_indexer_store_up", steady(0), steady(1)),
    "ScorelensIndexerBusy": _one(
        "scorelens_indexer_export_duration_seconds_count",
        growing(1),
        steady(5),
        f'{POD},status="RESOURCE_EXHAUSTED"',
    ),
    "ScorelensSearchBehind": (_ages(10), _ages(90)),
    "ScorelensConsoleErrors": (_pages(10), _pages(1)),
    "ScorelensSignInsRefused": _one(
        "scorelens_console_sign_ins_refused_total", growing(10), growing(1), f'{POD},method="account"'
    ),
}
