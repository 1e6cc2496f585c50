"""Failures and findings, as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from backfill.display import markup
from backfill.display.markup import Html
from backfill.wording import FINDINGS, meaning, plural

if TYPE_CHECKING:
    from backfill.model import DistrictError, Finding

SHOWN = 20
"""So many failures, or findings, are shown one by one."""

COUNTED = 10_000
"""So many findings are counted at most: who shows them does not wait for years of them."""


def failures_html(errors: Sequence[DistrictError], total: int) -> Iterator[Html]:
    """Return the newest of *total* failures, where there are any."""
    if errors:
        rows = [
            (str(one.day), one.district_id or "", str(one.stage), one.kind, one.attempts, one.message)
            for one in reversed(errors[-SHOWN:])
        ]
        title = plural(total, "failure") if total <= SHOWN else f"the newest {len(rows)} of {total:,} failures"
        yield markup.folded(title, markup.table(("day", "district", "stage", "kind", "attempts", "message"), rows))


def notes_html(findings: Sequence[Finding]) -> Iterator[Html]:
    """Return *findings*, where there are any, folded."""
    if findings:
        yield markup.folded(plural(len(findings), "finding"), *_findings(findings))


def findings_html(findings: Iterable[Finding]) -> Html:
    """Return a display of *findings*: how many of each kind, and the first of them."""
    kept = list(islice(findings, COUNTED + 1))
    more = len(kept) > COUNTED
    title = f"more than {COUNTED:,} findings" if more else plural(len(kept), "finding")
    return markup.card(title[:1].upper() + title[1:], *(_findings(kept[:COUNTED]) if kept else ()))


def _findings(findings: Sequence[Finding]) -> Iterator[Html]:
    counted = Counter(one.kind for one in findings)
    yield markup.table(
        ("", "kind", "which means"), [(number, kind, meaning(FINDINGS, kind)) for kind, number in counted.most_common()]
    )
    rows = [("" if one.day is None else str(one.day), one.district or "", one.kind, one.message) for one in findings[:SHOWN]]
    shown = markup.table(("day", "district", "kind", "message"), rows)
    yield shown if len(findings) <= SHOWN else markup.folded(f"the first {SHOWN} of {len(findings):,}", shown)
