"""Errors that people see.

ScorelensError            base: its text is for people, names the field or setting and says what to do
├── SettingError          a setting is wrong: the process does not start
├── MissingExtraError     a component's libraries are not installed
└── UnavailableError      a part that is needed does not answer; trying again may help
"""


class ScorelensError(Exception):
    """An error whose text may be shown to a person as it is."""

    exit_status = 1


class SettingError(ScorelensError):
    """A setting that is wrong, named in the text."""

    exit_status = 2


class MissingExtraError(ScorelensError):
    """A component whose libraries are not installed."""


class UnavailableError(ScorelensError):
    """A part that does not answer now."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        """Keep how many seconds to wait before the next try."""
        super().__init__(message)
        self.retry_after = retry_after
