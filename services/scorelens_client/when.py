"""Times on a command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from scorelens_reading.when import now, parse_when

__all__ = ["When", "now", "parse_when"]


class When(click.ParamType[datetime]):
    """A time on the command line."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text, or fail with the parameter's name."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_when(value, now())
        except ValueError as error:
            self.fail(str(error), param, ctx)
