"""The card of a model: what it was made of, how good it is, and how it is served, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from scorelens_scorer.saved import PICTURE
from scorelens_scorer.training.own.measuring import Interval, TagQuality, is_chance
from scorelens_scorer.training.own.reading import ACTIVITY
from scorelens_scorer.training.own.training import Outcome

_MARKS: Final = re.compile(r"[\\`*_{}\[\]#!|~$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What Markdown takes for more than text inside a line, addresses and mentions included."""


def card(outcome: Outcome) -> str:
    """Return the card. What comes from the file is escaped; it holds no text but names of tags and features."""
    model, facts = outcome.model, outcome.model.facts
    return (
        "\n\n".join(
            [
                f"# {model.id} {model.version}",
                escaped(model.description),
                "## Data\n\n" + _table(("what", "of it"), _data(facts)),
                "## Figures\n\n" + _figures(outcome),
                f"![Calibration, and precision and recall against the threshold]({PICTURE})",
                "## Strongest features\n\n" + _words(outcome),
                "## Limits\n\n" + "\n".join(f"- {line}" for line in _limits(outcome)),
                "## Use\n\n" + _use(model.id, model.version),
                "## Made with\n\n"
                + ", ".join(f"{escaped(name)} {version}" for name, version in facts["libraries"].items()),
            ]
        )
        + "\n"
    )


def escaped(text: str) -> str:
    """Make foreign text plain in Markdown and HTML, on one line."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return _MARKS.sub(r"\\\g<0>", shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def percent(value: float | None) -> str:
    """Return a share as people read it."""
    return "–" if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    """Return a figure between 0 and 1 with two digits."""
    return "–" if value is None else f"{value:.2f}"


def interval(bounds: Interval) -> str:
    """Return an interval."""
    return f"{bounds[0]:.2f}–{bounds[1]:.2f}"


def _data(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    data, split = facts["data"], facts["split"]
    return [
        ("file", escaped(data["file"])),
        ("SHA-256", data["sha256"] or "unknown (standard input)"),
        ("options", escaped(" ".join(data["options"]))),
        ("rows", f"{data['rows']:,}, of which {data['used']:,} are used"),
        (
            "not used",
            f"{data['unreadable']:,} unreadable, {data['empty']:,} empty, {data['not_sampled']:,} not sampled",
        ),
        ("without a tag", f"{data['without_tags']:,}, examples of none"),
        ("duplicates", f"{data['duplicates']:,} rows say what another says; all of one text are in one part"),
        (
            "split, by a hash of the text",
            f"{split['learn']:,} to learn from, {split['calibrate']:,} to calibrate on, {split['held_out']:,} held out",
        ),
        ("features", f"{facts['features']:,}"),
    ]


def _figures(outcome: Outcome) -> str:
    rows = [
        (
            escaped(tag),
            f"{figures.having:,}",
            number(figures.threshold),
            f"{number(figures.precision)} ({interval(figures.precision_interval)})",
            f"{number(figures.recall)} ({interval(figures.recall_interval)})",
            f"{number(figures.f1)} ({interval(figures.f1_interval)})",
            number(figures.always_f1),
            f"{figures.auc:.3f}",
            percent(figures.accuracy),
            percent(figures.majority),
            f"{figures.brier:.3f} / {figures.base_brier:.3f}",
            f"{figures.calibration_error:.3f}",
        )
        for tag, figures in outcome.quality.items()
    ]
    head = (
        "tag",
        "have it",
        "threshold",
        "precision",
        "recall",
        "F1",
        "F1 of always",
        "AUC",
        "accuracy",
        "majority",
        "Brier / of the share",
        "calibration error",
    )
    text = (
        f"On {outcome.sizes['held_out']:,} held-out rows; in brackets what holds the true value in 95 of 100 such "
        "samples. *Majority* is the accuracy of always giving the more frequent answer, *F1 of always* that of always "
        "saying that the tag is there, *Brier of the share* that of always giving the tag's share as probability.\n\n"
    )
    return text + _table(head, rows) + _together(outcome)


def _together(outcome: Outcome) -> str:
    found = outcome.one_of_many
    if found is None:
        return ""
    return (
        f"\n\nEach row has one tag: the likeliest one is right for {percent(found.right)} of {found.count:,}; always "
        f"saying {escaped(found.most_frequent)} is right for {percent(found.majority)}."
    )


def _words(outcome: Outcome) -> str:
    rows = [
        (escaped(tag), ", ".join(map(escaped, speaking)), ", ".join(map(escaped, against)))
        for tag, (speaking, against) in outcome.words.items()
    ]
    return _table(("tag", "for it", "against it"), rows)


def _limits(outcome: Outcome) -> list[str]:
    thin = [tag for tag, figures in outcome.quality.items() if weak(figures)]
    seen = "customers" if outcome.kind == ACTIVITY else "texts"
    lines = [
        f"It knows {seen} like those of the file; on others, measure again before you rely on it.",
        "It is a linear model: it adds up what features say, and sees neither order nor irony.",
        "The figures take the tags of the file for the truth.",
    ]
    if thin:
        lines.append(f"Few held-out examples, so take the figures as hints: {', '.join(map(escaped, thin))}.")
    if lucky := [tag for tag, figures in outcome.quality.items() if is_chance(figures)]:
        lines.append(f"No better than chance on the held-out rows: {', '.join(map(escaped, lucky))}.")
    if outcome.left_out:
        listed = [f"{escaped(tag)} ({escaped(reason)})" for tag, reason in list(outcome.left_out.items())[:50]]
        more = f", and {len(outcome.left_out) - 50:,} more" if len(outcome.left_out) > 50 else ""
        lines.append(f"Not learned: {', '.join(listed)}{more}.")
    return lines


def weak(figures: TagQuality) -> bool:
    """Tell whether there are too few held-out examples for figures that one can rely on."""
    return figures.having < 30


def _use(model: str, version: str) -> str:
    return f"""```sh
scorelens promote {model} {version}      # serve it, without dropping a call
scorelens score FILE --model {model}
scorelens promote {model} --rollback     # go back to the version before
scorelens models                         # what is kept, in use and served
```"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
