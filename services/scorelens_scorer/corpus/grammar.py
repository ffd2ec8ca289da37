"""Sentences out of templates: `{name}` stands for a random line of the rule of that name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

_SLOT = re.compile(r"\{(\w+)\}")


def lines(block: str) -> tuple[str, ...]:
    """Split a block of text into its lines, without those that are empty."""
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def words(block: str) -> tuple[str, ...]:
    """Split a block of text at commas and line ends."""
    return tuple(word.strip() for word in re.split(r"[,\n]", block) if word.strip())


class Grammar:
    """Rules by name, each a choice of templates."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        """Read the rules. Raises KeyError for a template that names a rule that is not there."""
        self._rules = {name: [_SLOT.split(template) for template in rule] for name, rule in rules.items()}
        for rule in self._rules.values():
            for parts in rule:
                for name in parts[1::2]:
                    self._rules[name]

    def say(self, name: str, rng: Random) -> str:
        """Return one sentence of a rule."""
        rule = self._rules[name]
        parts = rule[int(rng.random() * len(rule))]
        if len(parts) == 1:
            return parts[0]
        said = [self.say(part, rng) if place % 2 else part for place, part in enumerate(parts)]
        return "".join(said)
