"""Tags and terms as pages show them, in HTML (pure).

These are written here and not in a template because a listing has six hundred terms: it takes a fifth of the time.
Whatever is foreign, which is titles, groups, features and addresses, is escaped where it is put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from markupsafe import Markup, escape

from scorelens_console.core.scores import Bar, Score
from scorelens_console.core.showing import part
from scorelens_console.core.wording import percent, shortened, signed

_NAME: Final = 60
_FEATURE: Final = 28


def chip(score: Score) -> Markup:
    """Return a tag with its confidence: a number, a bar under it, and a sign for its group."""
    group = _foreign(score.group)
    return _safe(
        f'<li class="tag g-{score.shape}" style="--p:{part(score.probability)}" title="{group}">'
        f'<span class="sr">{group}: </span><span dir="auto">{_foreign(score.title)}</span>'
        f" <b>{percent(score.probability)}</b></li>"
    )


def track(score: Score) -> Markup:
    """Return a probability on a track with the threshold as a mark."""
    end = mark = ""
    if score.threshold is not None:
        says = f"threshold {percent(score.threshold)}"
        end, mark = f";--t:{part(score.threshold)}", f'<i title="{says}"></i><span class="sr">{says}</span>'
    chosen = " on" if score.selected else ""
    return _safe(f'<span class="track{chosen}" style="--p:{part(score.probability)}{end}">{mark}</span>')


def term(bar: Bar) -> Markup:
    """Return a term with its contribution; `for` points to the right, `against` is striped and has a minus."""
    side = "for" if bar.speaks_for else "against"
    return _safe(
        f'<span class="term {side}" style="--w:{part(bar.length)}">'
        f'<code dir="auto">{_foreign(bar.term.feature, _FEATURE)}</code> {signed(bar.term.contribution)}</span>'
    )


def line(score: Score, href: str, most: int = 4) -> Markup:
    """Return one tag of a row, with what led to it."""
    off, negated = ("", "") if score.selected else (" off", "not tagged ")
    group, needed = _foreign(score.group), score.threshold_margin
    start = "" if needed is None else f"; selected from {signed(needed)} on"
    none = "no term was recorded" if score.recorded else "no calculation was recorded"
    terms = " ".join(map(term, score.bars(most))) or f'<span class="dim">{none}</span>'
    return _safe(
        f'<li class="line g-{score.shape}{off}"><a class="which" href="{escape(href)}" title="{group}: why?">'
        f'<span class="sr">{negated}{group}: </span>'
        f'<span class="title" dir="auto">{_foreign(score.title)}</span></a>\n'
        f'<b class="number">{percent(score.probability)}</b>\n{track(score)}\n'
        f'<span class="number margin" title="margin{start}">'
        f'<span class="sr">margin </span>{signed(score.margin)}</span>\n'
        f'<span class="terms">{terms}</span></li>'
    )


@lru_cache(10_000)
def _foreign(text: str, most: int = _NAME) -> str:
    return escape(shortened(text, most))


def _safe(html: str) -> Markup:
    return Markup(html)  # noqa: S704 (of this module's own making)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {"chip": chip, "track": track, "term": term, "line": line}
