"""Snapshots of a sidecar as values of its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from scorelens_runtime.metrics.counting import Points
from scorelens_runtime.metrics.definitions import Metric
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_sidecar.shipper.health import ALARM, DELIVERING, WAITING
from scorelens_sidecar.spool.account import DestinationAccount
from scorelens_sidecar.watch import metrics
from scorelens_sidecar.watch.snapshot import Snapshot

_STATES: Final = (DELIVERING, WAITING, ALARM)

_OF_ACCOUNTS: Final[dict[Metric, Callable[[DestinationAccount], float]]] = {
    metrics.SEEN: lambda account: account.seen,
    metrics.ACKNOWLEDGED: lambda account: account.acknowledged,
    metrics.REJECTED: lambda account: account.rejected,
    metrics.DEAD_LETTERS: lambda account: account.dead_letters,
    metrics.SAMPLED_OUT: lambda account: account.sampled_out,
    metrics.SPOOLED: lambda account: account.spooled,
    metrics.WAITING_BYTES: lambda account: account.bytes,
}
"""What is summed over the spool folders."""


def read_from(current: Callable[[], Snapshot], quota: int, instruments: Instruments) -> None:
    """Have the metrics of a sidecar read from what `current` returns; `quota` is in bytes."""
    for metric, value in _OF_ACCOUNTS.items():
        instruments.read(metric, lambda value=value: _summed(current(), value))  # type: ignore[misc]
    instruments.read(metrics.DROPPED, lambda: _dropped(current()))
    instruments.read(metrics.OLDEST_AGE, lambda: _oldest(current()))
    instruments.read(metrics.ADDS_UP, lambda: _adds_up(current()))
    instruments.read(metrics.STATE, lambda: _states(current()))
    instruments.read(metrics.FAILURES, lambda: _failures(current()))
    instruments.read(metrics.SPOOL_BYTES, lambda: [((), current().spool_bytes)])
    instruments.read(metrics.SPOOL_QUOTA, lambda: [((), quota)])
    instruments.read(metrics.DISK_FREE, lambda: [((), current().disk_free)])
    instruments.read(metrics.RELAY_UP, lambda: [((), float(current().relay is not None))])
    instruments.read(metrics.RELAY_STARTED, lambda: _of_relay(current(), lambda relay: relay.started))
    instruments.read(metrics.CONNECTIONS, lambda: _of_relay(current(), lambda relay: relay.connections))
    instruments.read(metrics.UPSTREAM, lambda: _of_relay(current(), lambda relay: relay.upstream_reached))


def _summed(snapshot: Snapshot, value: Callable[[DestinationAccount], float]) -> Points:
    return [((name,), sum(map(value, accounts))) for name, accounts in snapshot.destinations()]


def _dropped(snapshot: Snapshot) -> Points:
    for name, accounts in snapshot.destinations():
        for reason in accounts[0].dropped:
            yield (name, reason), sum(account.dropped[reason] for account in accounts)


def _oldest(snapshot: Snapshot) -> Points:
    for name, accounts in snapshot.destinations():
        yield (name,), max(account.oldest_spooled_age or 0.0 for account in accounts)


def _adds_up(snapshot: Snapshot) -> Points:
    return [((name,), float(all(each.adds_up for each in accounts))) for name, accounts in snapshot.destinations()]


def _states(snapshot: Snapshot) -> Points:
    for each in snapshot.states:
        for state in _STATES:
            yield (each.destination, state), float(each.state == state)


def _failures(snapshot: Snapshot) -> Points:
    return [((each.destination,), float(each.failures)) for each in snapshot.states]


def _of_relay(snapshot: Snapshot, value: Callable[..., float]) -> Iterable[tuple[tuple[str, ...], float]]:
    return [] if snapshot.relay is None else [((), float(value(snapshot.relay)))]
