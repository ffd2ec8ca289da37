"""Records as a listing: one table for search, show and the demo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scorelens_client.terminal import clean, marked
from scorelens_store.contract import Hit

Record = Mapping[str, Any]
MOST_TAGS = 4
WORDS = 200


def tags_of(record: Record, most: int = MOST_TAGS, between: str = " · ") -> Text:
    """Return the selected tags with their probabilities, the most probable first."""
    scores = record.get("score") or {}
    titles = record.get("titles") or {}
    chosen = sorted(record.get("tags") or (), key=lambda tag: -scores.get(tag, 0.0))
    text = Text()
    for tag in chosen[:most]:
        text.append(between if text else "", "dim")
        text.append(clean(titles.get(tag) or tag), "cyan")
        text.append(f" {percent(scores.get(tag, 0.0))}")
    if len(chosen) > most:
        text.append(f" +{len(chosen) - most}", "dim")
    return text or Text("no tag", "dim")


def tags_within(record: Record, width: int) -> Text:
    """Return as many of the selected tags as fit, and how many more there are."""
    fitting = (tags_of(record, most) for most in range(MOST_TAGS, 0, -1))
    return next((text for text in fitting if text.cell_len <= width), tags_of(record, 1))


def percent(probability: float) -> str:
    """Return a probability in whole percents, but never 0% or 100% for what is not quite so."""
    if 0 < probability < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= probability < 1 else f"{probability:.0%}"


def words_of(record: Record) -> str:
    """Return what stands for a document in one line: its title and text, or what its customer did."""
    document = record.get("document") or {}
    words = " — ".join(part for part in (document.get("title"), document.get("text")) if part)
    if words:
        return " ".join(clean(words).split())
    activity = record.get("activity") or {}
    types = activity.get("type") or []
    return f"{len(types)} events: {', '.join(dict.fromkeys(map(clean, types)))}" if types else ""


def time_of(record: Record) -> str:
    """Return when a record was made, to the second, UTC."""
    return str(record.get("@timestamp", ""))[:19].replace("T", " ")


def print_listing(console: Console, records: Iterable[Record]) -> None:
    """Print one row per record: kind, id, tags and the beginning of the text."""
    room = max((console.width - 36) * 11 // 20, 22)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column("kind", no_wrap=True, max_width=10)
    table.add_column("id", no_wrap=True, max_width=20)
    table.add_column("tags", no_wrap=True, overflow="ellipsis", max_width=room)
    table.add_column("text", ratio=1, no_wrap=True, overflow="ellipsis")
    for record in records:
        document = record.get("document") or {}
        kind, name = clean(document.get("kind", "")), clean(document.get("id", ""))
        table.add_row(kind, Text(name, "bold"), tags_within(record, room), Text(words_of(record)))
    console.print(table)


def print_hit(console: Console, hit: Hit) -> None:
    """Print a hit: a line of who and what, and the places where the query matched."""
    record = hit.record
    document = record.get("document") or {}
    if (record.get("record") or {}).get("type") == "call":
        _print_call(console, record)
        return
    heading = Text()
    heading.append(clean(document.get("id") or record["record"]["id"]), "bold")
    for part in (clean(document.get("kind", "")), time_of(record)):
        heading.append(f"  {part}" if part else "", "dim")
    audience = document.get("audience")
    heading.append(f"  reached {audience:,}" if audience else "", "dim")
    for flag in record.get("flags") or ():
        heading.append(f"  {clean(flag)}", "bold red")
    console.print(heading, soft_wrap=True)
    console.print(Text("  ").append_text(tags_of(record)), soft_wrap=True)
    for snippet in _snippets(hit):
        console.print(Padding(snippet, (0, 0, 0, 2), expand=False))
    console.print()


def _snippets(hit: Hit, most: int = 2) -> list[Text]:
    found = [snippet for snippets in hit.highlights.values() for snippet in snippets]
    if found:
        return [marked(" ".join(snippet.split())) for snippet in found[:most]]
    words = words_of(hit.record)
    return [Text(words if len(words) <= WORDS else words[:WORDS] + " …")] if words else []


def _print_call(console: Console, record: Record) -> None:
    rpc, call = record.get("rpc") or {}, record.get("call") or {}
    text = (
        f"call {rpc.get('service')}/{rpc.get('method')}  {rpc.get('status')}  {call.get('end', '')}  {time_of(record)}"
    )
    console.print(clean(text), soft_wrap=True)
    if call.get("error"):
        console.print(Text("  " + clean(str(call["error"])), "red"))
    console.print()
