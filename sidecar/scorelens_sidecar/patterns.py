"""Personal data that can be told by its form in free text: addresses and numbers that check out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """A stretch of a text, from `start` up to but without `end`, and what it is."""

    start: int
    end: int
    kind: str


# Every pattern looks at a bounded stretch from any place, so that no text, however odd, takes more than linear time.
_DOMAIN = re.compile(r"@(?:\w(?:[\w-]{0,62}\w)?\.){1,8}[\w-]{2,24}")
_LOCAL_MARKS = frozenset(".!#$%&'*+/=?^_`{|}~-")
_LONGEST_LOCAL = 64
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_CARD = re.compile(r"(?<![0-9])(?:[0-9]{13,19}|[0-9]{3,6}(?:[ -][0-9]{2,6}){2,5})(?![0-9])")
_PHONE = re.compile(
    r"(?<![\w.])(?:"
    r"(?:\+|00)[1-9](?:[ ./()-]{0,2}[0-9]){6,14}"  # with a country's code
    r"|\(?0[0-9]{1,5}\)?(?:[ ./-]{0,2}[0-9]){5,11}"  # with the 0 that most countries dial first
    r"|\(?[2-9][0-9]{2}\)?[ .-]{1,2}[0-9]{3}[ .-][0-9]{4}"  # North America
    r")(?![\w])"
)


def find_emails(text: str) -> Iterator[Found]:
    """Yield addresses of electronic mail."""
    end = 0
    for match in _DOMAIN.finditer(text):
        start = match.start()
        first = max(end, start - _LONGEST_LOCAL)
        while start > first and (text[start - 1].isalnum() or text[start - 1] in _LOCAL_MARKS):
            start -= 1
        if start < match.start():
            end = match.end()
            yield Found(start, end, "email")


def find_ibans(text: str) -> Iterator[Found]:
    """Yield international account numbers, in groups or not, whose check digits are right."""
    return _find_checked(_IBAN, text, "iban", is_iban)


def find_cards(text: str) -> Iterator[Found]:
    """Yield payment card numbers of 13 to 19 digits whose check digit is right."""
    return _find_checked(_CARD, text, "card", is_card)


def find_phones(text: str) -> Iterator[Found]:
    """Yield telephone numbers that are written as such; a bare run of digits is not taken for one."""
    for match in _PHONE.finditer(text):
        if 7 <= len(_digits(match[0])) <= 16:
            yield Found(match.start(), match.end(), "phone")


FINDERS = {"email": find_emails, "iban": find_ibans, "card": find_cards, "phone": find_phones}


def has_luhn_digit(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the ones before."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0 and any(digit != "0" for digit in digits)


def is_card(digits: str) -> bool:
    """Tell whether digits are a card number of a length that exists with its check digit."""
    return 13 <= len(digits) <= 19 and has_luhn_digit(digits)


def is_iban(text: str) -> bool:
    """Tell whether the check digits of an account number without blanks are right."""
    if not 15 <= len(text) <= 34:
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _find_checked(pattern: re.Pattern[str], text: str, kind: str, is_right: Callable[[str], bool]) -> Iterator[Found]:
    place = 0
    while match := pattern.search(text, place):
        end = _checked_end(text, match.start(), match.end(), is_right)
        if end:
            yield Found(match.start(), end, kind)
        place = end or match.start() + 1


def _checked_end(text: str, start: int, end: int, is_right: Callable[[str], bool]) -> int:
    """Find where a number ends that is right, or 0: what stands behind it may look like more of its groups."""
    while end > start:
        if is_right(re.sub(r"[ -]", "", text[start:end])):
            return end
        end = max(text.rfind(" ", start, end), text.rfind("-", start, end))
    return 0


def _digits(text: str) -> str:
    return "".join(character for character in text if "0" <= character <= "9")
