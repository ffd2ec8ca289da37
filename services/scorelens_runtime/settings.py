"""Settings: frozen dataclasses whose fields say how they are read, from flags, then the environment, then defaults.

    @dataclass(frozen=True)
    class ScorerSettings:
        listen: Endpoint = setting("127.0.0.1:50051", "Address to serve on.", Endpoint.parse_listen)
        max_documents: int = setting("1000", "Most documents in one request.", whole(1))

    @click.command()
    @options(ScorerSettings, "scorer")
    def command(settings: ScorerSettings) -> None: ...

gives the flag --max-documents and the variable SCORELENS_SCORER_MAX_DOCUMENTS; a wrong value stops the start with one
line that names both.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from scorelens_runtime.errors import SettingError

Settings = TypeVar("Settings")
Parser = Callable[[str], Any]

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def setting(
    default: str,
    help: str,  # noqa: A002
    parse: Parser = str,
    flag: str = "",
    variable: str = "",
    *,
    many: bool = False,
) -> Any:
    """Declare a field of a settings class: its default as text, what it does, and how text becomes a value.

    `flag` and `variable` name its flag and its environment variable where they are not made of the field's name. A flag
    with `many` may be repeated; `parse` gets the values with commas between them.
    """
    return dataclasses.field(
        default_factory=functools.partial(parse, default),
        metadata={"default": default, "help": help, "parse": parse, "flag": flag, "variable": variable, "many": many},
    )


def options(kind: type[Settings], component: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a click command the flags of a settings class and hand it the settings as `settings`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(**values: Any) -> Any:
            names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
            texts = {name: _joined(values.pop(name)) for name in names}
            return function(settings=read(kind, component, texts), **values)

        wrapped: Callable[..., Any] = run
        for field in reversed(dataclasses.fields(kind)):  # type: ignore[arg-type]
            wrapped = click.option(
                flag_of(field),
                field.name,
                default=None,
                multiple=field.metadata["many"],
                metavar="VALUE",
                envvar=variable_of(field, component),
                help=f"{field.metadata['help']}  [default: {field.metadata['default'] or 'none'}]",
            )(wrapped)
        return wrapped

    return decorate


def read(kind: type[Settings], component: str, texts: Mapping[str, str | None], *, flags: bool = True) -> Settings:
    """Make settings of texts; None takes the default. Raises SettingError that names variable and, if any, flag."""
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        text = texts.get(field.name)
        if text is None:
            text = field.metadata["default"]
        try:
            values[field.name] = field.metadata["parse"](text)
        except SettingError as error:
            variable = variable_of(field, component)
            name = f"{flag_of(field)} ({variable})" if flags else variable
            raise SettingError(f"setting {name}: {error}") from error
    return kind(**values)


def _joined(value: str | tuple[str, ...] | None) -> str | None:
    return ",".join(value) or None if isinstance(value, tuple) else value


def flag_of(field: dataclasses.Field[Any]) -> str:
    """Name the flag of a settings field."""
    return str(field.metadata["flag"]) or "--" + field.name.replace("_", "-")


def variable_of(field: dataclasses.Field[Any], component: str) -> str:
    """Name the environment variable of a settings field."""
    return str(field.metadata["variable"]) or f"SCORELENS_{component}_{field.name}".upper()


def whole(least: int = 0, most: int = 2**63 - 1) -> Parser:
    """Read a whole number within bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            bound = f"from {least}" + (f" to {most}" if most < 2**63 - 1 else "")
            raise SettingError(f"{text!r} is not a whole number {bound}")
        return value

    return parse


def ratio(text: str) -> float:
    """Read a number above 0 and up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise SettingError(f"{text!r} is not a number above 0 and up to 1")
    return value


def yes_no(text: str) -> bool:
    """Read yes or no."""
    if text.lower() in ("yes", "true", "1", "on"):
        return True
    if text.lower() in ("no", "false", "0", "off"):
        return False
    raise SettingError(f"{text!r} is neither yes nor no")


def size(text: str) -> int:
    """Read bytes: a number with an optional B, KB, MB, GB, KiB, MiB or GiB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].upper() not in _SIZES:
        raise SettingError(f"{text!r} is not a size such as 64MiB or 10GB")
    return int(float(match[1]) * _SIZES[match[2].upper()])


def duration(text: str) -> float:
    """Read seconds: a number with ms, s, m, h or d."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text.strip())
    if not match:
        raise SettingError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 12h or 7d")
    return float(match[1]) * _TIMES[match[2]]


def duration_of(flag: str, text: str) -> float:
    """Read seconds that a flag of a command gives. Raises SettingError, which names the flag."""
    try:
        return duration(text)
    except SettingError as error:
        raise SettingError(f"setting {flag}: {error}") from error


def choice(*words: str) -> Parser:
    """Read one of a few words."""

    def parse(text: str) -> str:
        if text not in words:
            raise SettingError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return parse
