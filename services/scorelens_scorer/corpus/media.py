"""Media documents of the corpus: tweets, chats, comments, blog posts and articles, with the tags they truly have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from scorelens_scorer.corpus import noise
from scorelens_scorer.corpus.grammar import Grammar
from scorelens_scorer.corpus.sentences import AGENT, FOREIGN, LIFE, SERVICE, TOPICS
from scorelens_scorer.corpus.vocabulary import AUTHORS, BRANDS, WORDS

_BRAND = "\x00"
_NO_BRAND: Final = ("my bank", "the bank", "they", "our bank", "your bank", "this company", "the provider")
_TOPICS: Final = tuple(TOPICS)
_BRANDS: Final = tuple(BRANDS)
_BRAND_WEIGHTS: Final = (8, 5, 4, 3, 2)

_GRAMMAR: Final = Grammar(
    WORDS
    | SERVICE
    | LIFE
    | AGENT
    | {"brand": (_BRAND,)}
    | {f"{topic}.{mood}": getattr(rules, mood) for topic, rules in TOPICS.items() for mood in rules.__annotations__}
    | {f"{language}.{mood}": rules for language, moods in FOREIGN.items() for mood, rules in moods.items()}
)

_MEANING: Final = {
    "bad": ("negative", "complaint"),
    "good": ("positive", "praise"),
    "plain": (),
    "question": ("question",),
    "bad_service": ("negative", "complaint"),
    "good_service": ("positive", "praise"),
    "sarcasm": ("negative", "complaint"),
    "not_bad": ("positive", "praise"),
    "not_good": ("negative", "complaint"),
    "good_life": ("positive",),
    "bad_life": ("negative",),
    "plain_life": (),
    "distractor": (),
}
"""The tags that one sentence of a mood stands for, beside its topic."""

# mood of the whole -> moods of its sentences about a topic, and about anything, with weights
_ABOUT_TOPIC: Final = {
    "bad": (("bad", 8), ("bad_service", 3), ("sarcasm", 1), ("not_good", 1), ("plain", 2), ("question", 1)),
    "good": (("good", 8), ("good_service", 3), ("not_bad", 1), ("plain", 2)),
    "plain": (("plain", 8), ("question", 2), ("plain_life", 2)),
    "question": (("question", 6), ("plain", 2)),
    "mixed": (("good", 3), ("bad", 3), ("plain", 2), ("not_good", 1), ("not_bad", 1)),
}
_ABOUT_LIFE: Final = {
    "bad": (("bad_life", 8), ("plain_life", 2), ("distractor", 1)),
    "good": (("good_life", 8), ("plain_life", 2), ("distractor", 1)),
    "plain": (("plain_life", 6), ("distractor", 4)),
    "mixed": (("good_life", 3), ("bad_life", 3), ("plain_life", 2)),
}
_ABOUT_SERVICE: Final = {
    "bad": (("bad_service", 6), ("sarcasm", 3), ("not_good", 3), ("plain_life", 1)),
    "good": (("good_service", 7), ("not_bad", 2), ("plain_life", 1)),
    "mixed": (("bad_service", 2), ("good_service", 2), ("plain_life", 1)),
}
_EMOJI_OF: Final = {"bad": "bad", "good": "good"}

_SENTENCES: Final = {"tweet": (1, 2), "comment": (1, 4), "chat": (2, 5), "blog": (7, 22), "article": (14, 56)}
_SOURCES: Final = {
    "tweet": ("twitter",),
    "comment": ("forum", "newspaper-comments", "app-store"),
    "chat": ("support-chat",),
    "blog": ("blog",),
    "article": ("daily-courier", "market-wire", "city-post"),
}
_REACH: Final = {"tweet": 90, "comment": 25, "chat": 1, "blog": 400, "article": 9000}
_MOODS: Final = {
    "tweet": (("bad", 34), ("good", 30), ("plain", 20), ("question", 8), ("mixed", 8)),
    "comment": (("bad", 34), ("good", 30), ("plain", 18), ("question", 6), ("mixed", 12)),
    "chat": (("bad", 40), ("good", 15), ("plain", 10), ("question", 30), ("mixed", 5)),
    "blog": (("bad", 25), ("good", 32), ("plain", 25), ("question", 3), ("mixed", 15)),
    "article": (("bad", 18), ("good", 14), ("plain", 55), ("question", 1), ("mixed", 12)),
}
_LABEL_SLIP: Final = 0.04
"""How often whoever labelled a document overlooked one of its tags."""


def make(kind: str, number: str, rng: Random) -> dict[str, Any]:
    """Make a document of a kind, without its time; `truth` has its tags."""
    mood = _weighted(_MOODS[kind], rng)
    if rng.random() < 0.04 and kind in ("tweet", "comment", "chat"):
        language, text, found = _foreign(mood, rng)
    else:
        language, (text, found) = "en", _text(kind, mood, rng)
    title = _title(found, rng) if kind in ("blog", "article") else ""
    brand = rng.choices(_BRANDS, _BRAND_WEIGHTS)[0] if rng.random() < 0.7 else ""
    truth = {tag for tag in found if tag in _MEANING_TAGS or tag in TOPICS}
    if brand and _BRAND in title + text:
        truth.add(brand)
    title, text = (_name_brand(part, brand, rng) for part in (title, text))
    if kind in ("tweet", "comment", "chat"):
        text = noise.casual(text, _EMOJI_OF.get(mood, "plain"), rng)
    source = rng.choice(_SOURCES[kind])
    document = {
        "id": f"{kind}-{number}",
        "kind": kind,
        "title": title[:1].upper() + title[1:],
        "text": _dress(text, kind, rng),
        "language": language if rng.random() < 0.95 else "",
        "author": f"{rng.choice(AUTHORS)}{int(rng.paretovariate(0.6)) % 10000}",
        "source": source,
        "source_uri": f"https://{source}.example/{kind}/{number}",
        "audience": min(int(_REACH[kind] * rng.paretovariate(0.9)), 80_000_000) if kind != "chat" else 1,
        "truth": [tag for tag in sorted(truth) if rng.random() >= _LABEL_SLIP],
    }
    return {name: value for name, value in document.items() if value or name == "truth"}


_MEANING_TAGS: Final = frozenset(tag for tags in _MEANING.values() for tag in tags)


def _text(kind: str, mood: str, rng: Random) -> tuple[str, Counter[str]]:
    """Return the words, and for each tag that the whole stands for the number of its sentences."""
    least, most = _SENTENCES[kind]
    count = least + int((most - least + 1) * rng.random() ** 1.5)
    topics = rng.sample(_TOPICS, 1 if rng.random() < 0.8 else 2)
    theme = rng.random()
    said, meant = [], Counter[str]()
    for _ in range(count):
        words, tags = _sentence(theme, topics, mood, rng)
        said.append(words)
        meant.update(tags)
    enough = max(1.0, 0.14 * count)
    found = Counter({tag: times for tag, times in meant.items() if times >= enough})
    if kind == "chat":
        return _dialogue(said, rng), found
    return _prose(said, paragraphs=kind in ("blog", "article"), rng=rng), found


def _sentence(theme: float, topics: Sequence[str], mood: str, rng: Random) -> tuple[str, tuple[str, ...]]:
    if theme < 0.55:
        if rng.random() < 0.12:
            part = _weighted(_ABOUT_LIFE.get(mood, _ABOUT_LIFE["plain"]), rng)
        else:
            part = _weighted(_ABOUT_TOPIC[mood], rng)
        if part in ("bad", "good", "plain", "question"):
            topic = topics[0] if rng.random() < 0.75 else topics[-1]
            return _GRAMMAR.say(f"{topic}.{part}", rng), (topic, *_MEANING[part])
    elif theme < 0.68 and mood in _ABOUT_SERVICE:
        part = _weighted(_ABOUT_SERVICE[mood], rng)
    else:
        part = _weighted(_ABOUT_LIFE.get(mood, _ABOUT_LIFE["plain"]), rng)
    return _GRAMMAR.say(part, rng), _MEANING[part]


def _foreign(mood: str, rng: Random) -> tuple[str, str, Counter[str]]:
    language = rng.choice(tuple(FOREIGN))
    part = mood if mood in ("bad", "good") else "plain"
    return language, _GRAMMAR.say(f"{language}.{part}", rng), Counter(_MEANING[part])


def _title(found: Counter[str], rng: Random) -> str:
    topics = [tag for tag in found if tag in TOPICS]
    return _GRAMMAR.say(f"{topics[0]}.heading" if topics else rng.choice(("plain_life", "distractor")), rng)


def _dialogue(said: Sequence[str], rng: Random) -> str:
    turns = [_GRAMMAR.say("dear", rng)]
    for words in said:
        turns.append(words)
        if rng.random() < 0.6:
            turns.append(_GRAMMAR.say("agent", rng))
    return "\n".join(turns)


def _prose(said: Sequence[str], *, paragraphs: bool, rng: Random) -> str:
    ended = [words if words[-1] in ".!?" else words + rng.choice((".", ".", ".", "!")) for words in said]
    if not paragraphs:
        return " ".join(ended)
    whole = [ended[place : place + 5] for place in range(0, len(ended), 5)]
    return "\n\n".join(" ".join(words[:1].upper() + words[1:] for words in paragraph) for paragraph in whole)


def _name_brand(text: str, brand: str, rng: Random) -> str:
    spellings = BRANDS[brand][1] if brand else _NO_BRAND
    first, *rest = text.split(_BRAND)
    return first + "".join(rng.choice(spellings) + part for part in rest)


def _dress(text: str, kind: str, rng: Random) -> str:
    if kind != "tweet":
        return text
    if rng.random() < 0.15:
        text = f"@{rng.choice(AUTHORS)} {text}"
    if rng.random() < 0.2:
        text = f"{text} #{rng.choice(('money', 'monday', 'fail', 'win', 'bank', 'news', 'life'))}"
    if rng.random() < 0.15:
        text = f"{text} https://t.example/{rng.getrandbits(32):08x}"
    return text


def _weighted(choices: Sequence[tuple[str, int]], rng: Random) -> str:
    place = rng.random() * sum(weight for _, weight in choices)
    for name, weight in choices:
        place -= weight
        if place < 0:
            return name
    return choices[-1][0]
