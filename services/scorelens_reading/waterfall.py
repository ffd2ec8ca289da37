"""A calculation as a picture: the sum from the intercept to the margin, then the probability and the threshold.

The picture is SVG without any library, readable on light and dark pages, and without colours: what speaks for the tag
points to the right, what speaks against it points to the left and is striped, and every number has its sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from scorelens_reading.calculation import Calculation, Term, total
from scorelens_reading.markup import Markup, element, join, readable
from scorelens_reading.measure import fitting, width

WIDTH: Final = 760
ROW: Final = 25
BAR: Final = 15
LEFT: Final = 20
TOP: Final = 84
LABEL_EMS: Final = 14.5
FACTORS: Final = 330  # right edge of "value × coefficient"
CHART: Final = (348.0, 662.0)
NUMBER: Final = 740  # right edge of the numbers
SIZE: Final = 13
SMALL: Final = 11
_TITLE: Final = 17
_BOLD: Final = 1.06  # how much wider heavy letters are

_LARGEST: Final = 1.7e308

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
LIGHT: Final = {
    "page": "#ffffff",
    "edge": "#d1d9e0",
    "text": "#1f2328",
    "dim": "#59636e",
    "track": "#e6eaef",
    "for": "#0969da",
    "against": "#bc4c00",
    "sum": "#59636e",
}
DARK: Final = {
    "page": "#151b23",
    "edge": "#3d444d",
    "text": "#f0f6fc",
    "dim": "#9198a1",
    "track": "#2f3742",
    "for": "#4493f8",
    "against": "#f0883e",
    "sum": "#9198a1",
}


@dataclass(frozen=True)
class Step:
    """One row of the sum: what it adds, and the sum before it. `factors` are value and coefficient as text."""

    label: str
    adds: float
    before: float
    factors: str = ""
    is_sum: bool = False

    @property
    def after(self) -> float:
        """The sum with it."""
        return self.before + self.adds


@dataclass(frozen=True)
class Scale:
    """Where a number is drawn between two edges."""

    low: float
    high: float
    left: float = CHART[0]
    right: float = CHART[1]

    def __call__(self, number: float) -> float:
        """Return the place of a number; what is beyond the scale is drawn at its edge."""
        # Halves, since the span of the largest numbers is larger than any number.
        share = (number / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def waterfall(one: Calculation, terms: int = 12) -> str:
    """Draw a calculation; terms after the leading `terms` are drawn together with the remainder."""
    steps = list(steps_of(one, terms))
    scale = scale_of(steps, one.threshold_margin)
    bottom = TOP + ROW * len(steps)
    height = bottom + 78
    name = "scorelens-" + blake2s(repr((one, terms)).encode("utf-8", "replace"), digest_size=6).hexdigest()
    return element(
        "svg",
        element("title", f"{one.title}: how its probability came about", id=f"{name}-title"),
        element("desc", described(one, steps), id=f"{name}-desc"),
        _style(),
        element("defs", _stripes(name)),
        _paint("rect", "page", x=0.5, y=0.5, width=WIDTH - 1, height=height - 1, rx=8, stroke=LIGHT["edge"]),
        _heading(one),
        _guides(scale, one, bottom),
        *_bars(steps, scale, name),
        _chance(one, bottom + 30),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH,
        height=height,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        font_family=FONT,
        font_size=SIZE,
        style="max-width:100%;height:auto",
    )


def steps_of(one: Calculation, most: int) -> Iterator[Step]:
    """Yield the rows of the sum: intercept, leading terms, what is left, what is not explained, and the margin."""
    shown, later = one.terms[: max(most, 0)], one.terms[max(most, 0) :]
    so_far = 0.0
    if one.terms or one.intercept or one.remainder:
        yield Step("intercept", one.intercept, so_far)
        so_far += _finite(one.intercept)
    for term in shown:
        yield Step(term.feature, term.contribution, so_far, _factors(term))
        so_far += _finite(term.contribution)
    rest = one.remainder_terms + len(later)
    if rest or one.remainder:
        left = total((one.remainder, *(term.contribution for term in later)))
        yield Step(f"{rest:,} more term{'s' if rest != 1 else ''}", left, so_far)
        so_far += _finite(left)
    if not one.adds_up:
        label = "does not add up" if one.explanation == "exact" else "not explained"
        yield Step(label, one.margin - so_far, so_far)
    yield Step("margin", one.margin, 0.0, is_sum=True)


def scale_of(steps: Sequence[Step], threshold: float | None) -> Scale:
    """Return a scale that has room for zero, every sum on the way, and the threshold."""
    ends = [end for step in steps for end in (step.before, step.after)]
    places = [0.0, *ends, *([] if threshold is None else [threshold])]
    finite = [place for place in places if math.isfinite(place)]
    low, high = min(finite), max(finite)
    room = (high / 2 - low / 2) * 0.04 or 0.5
    return Scale(max(low - room, -_LARGEST), min(high + room, _LARGEST))


def described(one: Calculation, steps: Sequence[Step]) -> str:
    """Say in words what the picture shows."""
    parts = [f"{readable(step.label)} {signed(step.adds)}" for step in steps if not step.is_sum]
    way = f"{'; '.join(parts)}. " if parts else ""
    return f"{way}Margin {signed(one.margin)}. {verdict(one)}."


def verdict(one: Calculation) -> str:
    """Say what the probability and the threshold lead to."""
    sign = "≥" if one.probability >= one.threshold else "<"
    chosen = "selected" if one.selected else "not selected"
    return f"probability {percent(one.probability)} {sign} threshold {percent(one.threshold)}: {chosen}"


def signed(number: float) -> str:
    """Write a number with its sign, in the digits that matter."""
    if not math.isfinite(number):
        return "not finite"
    size = abs(number)
    if not size:
        return "0"
    digits = f"{size:.4f}" if 0.0005 <= size < 1e5 else f"{size:.3g}"
    return f"{'−' if number < 0 else '+'}{digits}"


def percent(probability: float) -> str:
    """Write a probability in percent, never as 0 or 100 where it is not quite so."""
    if not math.isfinite(probability):
        return "not finite"
    if 0 < probability < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= probability < 1 else f"{probability:.1%}"


def _heading(one: Calculation) -> Markup:
    title, tag, decision = readable(one.title), readable(one.tag), verdict(one)
    end = NUMBER - width(decision) * SIZE * _BOLD - 16
    shown = fitting(title, (end - LEFT) / (_TITLE * _BOLD))
    words = [_text(shown, LEFT, 34, font_size=_TITLE, font_weight=600)]
    after = LEFT + width(shown) * _TITLE * _BOLD + 16
    if title.casefold() != tag.casefold() and end - after > 4 * SIZE:
        words.append(_text(fitting(tag, (end - after) / SIZE), after, 34, "dim"))
    words.append(_text(decision, NUMBER, 34, anchor="end", font_weight=600 if one.selected else None))
    return element("g", element("title", f"{one.title} ({one.tag})"), *words)


def _guides(scale: Scale, one: Calculation, bottom: float) -> Markup:
    """Draw where the sum is zero and where the threshold lies."""
    zero, parts = scale(0.0), []
    parts.append(_paint("path", "edge", "stroke", d=f"M{zero:.1f} {TOP - 6}V{bottom}"))
    threshold = one.threshold_margin
    if threshold is None or not math.isfinite(threshold):
        return element("g", *parts, _text("0", zero, TOP - 12, "dim", "middle", font_size=SMALL))
    place = scale(threshold)
    dashes = {"stroke_dasharray": "4 3"}
    parts.append(_paint("path", "dim", "stroke", d=f"M{place:.1f} {TOP - 6}V{bottom}", **dashes))
    right_of_zero = place >= zero
    side, other = ("start", "end") if right_of_zero else ("end", "start")
    words = f"threshold {signed(threshold)}"
    room = width(words) * SMALL
    if (right_of_zero and place + room > NUMBER) or (not right_of_zero and place - room < LEFT):
        side = "middle"
    apart = abs(place - zero) > (room / 2 + 12 if side == "middle" else 8)
    parts.append(_text(words, place, TOP - 12, "dim", side, font_size=SMALL))
    if apart:
        parts.append(_text("0", zero, TOP - 12, "dim", "middle" if abs(place - zero) > 14 else other, font_size=SMALL))
    return element("g", *parts)


def _bars(steps: Sequence[Step], scale: Scale, name: str) -> Iterator[Markup]:
    for place, step in enumerate(steps):
        top = TOP + ROW * place
        middle = top + ROW / 2 + SIZE * 0.36
        label = fitting(readable(step.label), LABEL_EMS)
        own = step.factors or step.is_sum
        parts = [
            element("title", f"{step.label}: {step.factors + ' = ' if step.factors else ''}{signed(step.adds)}"),
            _text(label, LEFT, middle, "text" if own else "dim", font_weight=600 if step.is_sum else None),
            _text(signed(step.adds), NUMBER, middle, anchor="end", font_weight=600 if step.is_sum else None),
        ]
        if step.factors:
            parts.append(_text(step.factors, FACTORS, middle, "dim", "end", font_size=SMALL))
        if step.is_sum:
            parts.append(_paint("path", "edge", "stroke", d=f"M{LEFT} {top}H{NUMBER}"))
        elif place + 1 < len(steps) and math.isfinite(step.after):
            parts.append(_link(scale(step.after), top + (ROW + BAR) / 2, ROW - BAR))
        if math.isfinite(step.adds):
            parts.append(_bar(step, scale, top + (ROW - BAR) / 2, name))
        yield element("g", *parts)


def _bar(step: Step, scale: Scale, top: float, name: str) -> Markup:
    """Draw an arrow from the sum before to the sum after."""
    start, end = scale(step.before), scale(step.after)
    colour = "sum" if step.is_sum else "for" if step.adds >= 0 else "against"
    way = math.copysign(1.0, step.adds)
    if abs(end - start) < 1.5:
        start, end = start - 0.75 * way, start + 0.75 * way
    head = min(6.0, abs(end - start) / 2) * way
    path = f"M{start:.1f} {top}H{end - head:.1f}L{end:.1f} {top + BAR / 2}L{end - head:.1f} {top + BAR}H{start:.1f}Z"
    bar = _paint("path", colour, d=path)
    if step.adds >= 0 or step.is_sum:
        return bar
    return join(bar, element("path", d=path, fill=f"url(#{name}-stripes)"))


def _link(place: float, top: float, length: float) -> Markup:
    return _paint("path", "dim", "stroke", d=f"M{place:.1f} {top:.1f}v{length}", stroke_width=0.8)


def _chance(one: Calculation, top: float) -> Markup:
    """Draw the probability as a filled track from 0 to 100 percent, with the threshold as a mark."""
    left, right = CHART
    parts = [
        element("title", verdict(one)),
        _text("probability", LEFT, top + BAR - 3, font_weight=600),
        _text(_link_words(one), FACTORS, top + BAR - 3, "dim", "end", font_size=SMALL),
        _paint("rect", "track", x=left, y=top, width=right - left, height=BAR, rx=3),
    ]
    if math.isfinite(one.probability):
        filled = min(max(one.probability, 0.0), 1.0) * (right - left)
        colour = "for" if one.selected else "sum"
        parts.append(_paint("rect", colour, x=left, y=top, width=filled, height=BAR, rx=min(3.0, filled / 2)))
    if math.isfinite(one.threshold):
        place = left + min(max(one.threshold, 0.0), 1.0) * (right - left)
        parts.append(_paint("path", "text", "stroke", d=f"M{place:.1f} {top - 5}v{BAR + 10}", stroke_width=2))
        words = f"threshold {percent(one.threshold)}"
        half = width(words) * SMALL / 2
        centre = min(max(place, left + half), right - half)
        parts.append(_text(words, centre, top + BAR + 18, "dim", "middle", font_size=SMALL))
    parts.append(_text(percent(one.probability), NUMBER, top + BAR - 3, anchor="end", font_weight=600))
    return element("g", *parts)


def _link_words(one: Calculation) -> str:
    if one.link == "identity":
        return "the margin itself"
    scaled = one.link == "sigmoid" and one.link_parameters
    return fitting(readable(f"{one.link} of {'the scaled ' if scaled else 'the '}margin"), 18)


def _factors(term: Term) -> str:
    if term.value is None or not math.isfinite(term.value):
        return ""
    if not term.coefficient or not math.isfinite(term.coefficient):
        return f"{term.value:.3g}".replace("-", "−")
    return f"{term.value:.3g} × {term.coefficient:.3g}".replace("-", "−")


def _finite(number: float) -> float:
    return number if math.isfinite(number) else 0.0


def _paint(name: str, colour: str, way: str = "fill", **attributes: str | float | None) -> Markup:
    """Return a shape in a colour; the attribute is for light pages, the class lets dark ones change it."""
    if way == "stroke":
        return element(name, class_=f"scorelens-{colour}-line", fill="none", stroke=LIGHT[colour], **attributes)
    return element(name, class_=f"scorelens-{colour}", fill=LIGHT[colour], **attributes)


def _text(
    words: str, x: float, y: float, colour: str = "text", anchor: str | None = None, **attributes: str | float | None
) -> Markup:
    placed = {"x": x, "y": y, "text_anchor": anchor}
    return element("text", words or " ", class_=f"scorelens-{colour}", fill=LIGHT[colour], **placed, **attributes)


def _style() -> Markup:
    rules = [
        f".scorelens-{name}{{fill:{colour}}}.scorelens-{name}-line{{stroke:{colour}}}" for name, colour in DARK.items()
    ]
    rules.append(f"rect.scorelens-page{{stroke:{DARK['edge']}}}.scorelens-stripe{{stroke:{DARK['page']}}}")
    return element("style", Markup(f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"))


def _stripes(name: str) -> Markup:
    line = element("path", class_="scorelens-stripe", d="M0 0V6", stroke=LIGHT["page"], stroke_width=2.4)
    turned: dict[str, str] = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return element("pattern", line, id=f"{name}-stripes", width=6, height=6, **turned)
