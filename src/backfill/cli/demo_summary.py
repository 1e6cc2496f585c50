"""Shows what the demo has collected, to somebody who sees all of this for the first time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import date

from rich.console import Console

from backfill.cli.demo_facts import DemoFacts, Requests
from backfill.cli.demo_parts import FULL_DISTRICT, LAST
from backfill.cli.invoking import invoked_as
from backfill.cli.picture import print_bars, print_coverage
from backfill.cli.printing import print_command, print_counted, print_facts, print_table, print_text, print_title
from backfill.cli.reported import print_failures
from backfill.wording import FINDINGS, duration, meaning, size

_INDENT = "  "


def print_summary(console: Console, facts: DemoFacts) -> None:
    """Print everything that the demo has to show."""
    print_title(console, "What is stored")
    print_facts(console, _stored(facts), indent=_INDENT)
    _print_wanting(console, facts)
    if facts.findings:
        print_title(console, "Worth knowing of the figures")
        print_counted(console, ((number, kind, meaning(FINDINGS, kind)) for kind, number in facts.findings.items()))
    _print_ranking(console, facts)
    _print_membership(console, facts)
    print_title(console, "Coverage: a column for each month-end; districts that look alike share a row")
    print_coverage(console, facts.coverage)
    _print_requests(console, facts.requests, nothing_new=facts.nothing_new)
    print_title(console, "On the disk")
    print_facts(console, _places(facts), indent=_INDENT)
    print_title(console, "Try next")
    for command, what in _next(facts.root):
        print_command(console, f"{invoked_as()} {command}", indent=_INDENT)
        print_text(console, what, indent=_INDENT * 3, style="dim")


def _stored(facts: DemoFacts) -> Iterator[tuple[str, str]]:
    stored = facts.stored
    yield "days", f"{len(stored.days):,}" + (f", {stored.days[0]} to {stored.days[-1]}" if stored.days else "")
    yield "districts", f"{stored.districts:,}"
    full = f"{stored.full:,} in full" + (f" ({stored.incomplete:,} of them lack a report)" if stored.incomplete else "")
    yield "records", f"{stored.summaries + stored.full:,}: {stored.summaries:,} summaries, {full}"
    yield "files", f"{stored.files:,} of snapshots, {size(stored.size)}"
    yield "", f"{stored.documents:,} raw documents that they were made from, {size(stored.documents_size)}"
    if not facts.nothing_new:
        failed = sum(group.count for group in facts.failures)
        yield "not there", f"{failed:,} failed, {sum(facts.unavailable.values()):,} not published"
    yield "figures", facts.figures
    if facts.nothing_new:
        yield "this run", f"Everything was there already. Nothing was collected again ({duration(facts.seconds)})."
    else:
        yield "this run", duration(facts.seconds)


def _print_wanting(console: Console, facts: DemoFacts) -> None:
    print_failures(console, facts.failures)
    wanting = sum(map(len, facts.wanting.values()))
    if not wanting:
        return
    print_title(console, "Asked for in full, and not there in full")
    print_facts(
        console, ((district, ", ".join(map(date.isoformat, days))) for district, days in facts.wanting.items()), indent=_INDENT
    )
    print_text(console, "Their summaries are stored: a failure takes nothing away, and stops nothing else.", indent=_INDENT)


def _print_ranking(console: Console, facts: DemoFacts) -> None:
    if not facts.ranking:
        return
    print_title(console, f"The best of {facts.stored.districts} districts on {LAST}")
    headings = ("rank", "district", "region", "score", "clubs", "payments", "distinguished")
    rows = (
        (
            f"{one.rank}",
            one.district,
            one.region,
            f"{one.score}",
            f"{one.club_growth_percent:+.2f} %",
            f"{one.payment_growth_percent:+.2f} %",
            f"{one.distinguished_percent:.1f} %",
        )
        for one in facts.ranking
    )
    print_table(console, headings, rows, right=frozenset({0, 3, 4, 5, 6}))


def _print_membership(console: Console, facts: DemoFacts) -> None:
    if not facts.membership:
        return
    print_title(console, f"District {FULL_DISTRICT}: members, and the change since the month before")
    before = [None, *(one.members for one in facts.membership)]
    print_bars(
        console,
        [
            (f"{_INDENT}{one.day:%b %Y}", one.members, "" if last is None else f"{one.members - last:+,}")
            for one, last in zip(facts.membership, before, strict=False)
        ],
    )


def _print_requests(console: Console, requests: Requests, *, nothing_new: bool) -> None:
    print_title(console, "Requests to the server")
    if nothing_new:
        print_text(console, "None was planned, and none was sent.", indent=_INDENT)
        return
    reports = sorted({*requests.planned, *requests.sent})
    rows = [(report, f"{requests.planned.get(report, 0):,}", f"{requests.sent.get(report, 0):,}") for report in reports]
    rows.append(("in all", f"{sum(requests.planned.values()):,}", f"{sum(requests.sent.values()):,}"))
    print_table(console, ("report", "planned", "sent"), rows, right=frozenset({1, 2}))
    print_text(
        console,
        f"Fewer than planned where a document was there already; more where a missing report was looked for in up to three "
        f"earlier states of the month. The limit was set to {requests.rate:g} a second; at most {requests.most_at_once} were under way at once.",
        indent=_INDENT,
    )


def _places(facts: DemoFacts) -> Iterator[tuple[str, str]]:
    root = facts.root
    yield f"{root}/snapshots/{LAST}/", "a folder for each day:"
    yield f"  district_{FULL_DISTRICT}.json", "a file for each district: figures, and the documents they are from"
    yield "  all-districts-rankings.json", "the ranking of the day"
    yield "  manifest.json, metadata.json", "what is there, how it was collected, what is missing and why"
    yield f"{root}/raw/", "every document as it was received"


def _next(root: str) -> Iterator[tuple[str, str]]:
    folder = shlex.quote(root)
    yield f"show {folder} {LAST} {FULL_DISTRICT}", "a record in short, and the documents that it was made from"
    yield (
        f"plan {folder} 2022-07-01 2022-07-31 -d {FULL_DISTRICT}",
        "a plan, made without a request: which days of that July have figures at all",
    )
    yield f"demo --root {folder}", "the same once more: nothing is collected twice"
    yield (
        "run history 2024-01-01 2024-06-30 --frequency month-end",
        "half a year from the real dashboard, at five requests a second",
    )
    yield "--help", "all commands"
