"""Callers who hear of pods by DNS alone, and spread their calls over all of them."""

from __future__ import annotations

from tests.end_to_end.load import Load

_OPTIONS = (
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    ("grpc.enable_retries", 0),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),  # 30 s otherwise, which would make every test longer
)


def callers(target: str, *, name: str = "d") -> Load:
    """Make four callers who try nothing twice: a call fails at once where nobody can take it."""
    return Load(target, documents=2, name=name, pause=0.2, patient=False, options=_OPTIONS)
