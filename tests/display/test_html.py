"""What values look like in a notebook: everything in it is text, on any ground, without a script."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve

from backfill import BackfillRequest, BackfillService, DataUnavailable, function_source
from backfill.display import markup
from backfill.display.stored import snapshot_html
from backfill.model import BackfillReport, CellState, Coverage, FetchStatus, HostStatus
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from display_samples import DAY, EVIL, evil_metadata, evil_values, true_values

TAGS = {
    "section", "div", "p", "span", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "br",
}  # fmt: skip
ATTRIBUTES = {"style", "title", "scope", "role", "aria-label", "aria-level"}
VOID = {"br"}


class Page(HTMLParser):
    """Reads HTML strictly: known elements and attributes, each closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is allowed."""
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name == "style":
                self.styles.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        """Refuse comments: nothing here makes any."""
        raise AssertionError(data)

    @property
    def text(self) -> str:
        """All text."""
        return "".join(self.texts)


def html_of(value: object) -> str:
    """Return what a notebook would show of *value*."""
    shown = value._repr_html_()  # type: ignore[attr-defined] # this is what is tested
    assert isinstance(shown, str)
    return shown


@pytest.mark.parametrize("name", evil_values())
def test_whatever_a_value_says_is_text(name: str) -> None:
    """Attacks in every text of a value are shown as they are: no element, attribute or style comes of them. [R10.2, B9]"""
    page = Page(html_of(evil_values()[name]))
    assert "<script>alert(1)</script>" in page.text
    assert not re.search("[\x00-\x08\u202a-\u202e]", page.text)
    assert not any("alert" in style for style in page.styles)


def test_a_snapshot_of_attacks_is_text() -> None:
    """So is what is said of a stored day. [R10.2, B9]"""
    page = Page(snapshot_html(evil_metadata(), [EVIL], [EVIL]))
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize("name", evil_values())
def test_a_display_has_no_ground_of_its_own(name: str) -> None:
    """Text takes the colour of the page, light or dark; grounds are those of badges and cells, which have letters of their own colour. [B9]"""
    for style in Page(html_of(evil_values()[name])).styles:
        grounds = set(re.findall(r"background:([^;]+)", style)) - {"none", "transparent"}
        letters = set(re.findall(r"(?<![-\w])color:([^;]+)", style)) - {"inherit"}
        assert not letters or grounds or "transparent" in style
        assert grounds <= {
            markup.GOOD,
            markup.FAIR,
            markup.BAD,
            markup.GOING,
            markup.RESTING,
            markup.GREEN,
            markup.BLUE,
            markup.RED,
            markup.GREY,
        }


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("ground", [markup.GOOD, markup.FAIR, markup.BAD, markup.GOING, markup.RESTING])
def test_badges_can_be_read(ground: str) -> None:
    """White letters on a badge have the contrast that WCAG 2 AA asks for. [B9]"""
    assert contrast(ground, "#ffffff") >= 4.5


@pytest.mark.parametrize("colour", [markup.GREEN, markup.BLUE, markup.RED, markup.GREY])
def test_letters_in_cells_can_be_read(colour: str) -> None:
    """So have the black letters in the cells of a coverage. [B9]"""
    assert contrast(colour, "#000000") >= 4.5


@function_source("rain")
def rain(_day: object, district: str, _fetch: Fetch) -> dict[str, float]:
    """Rain here, failure there, nothing elsewhere."""
    if district == "broken":
        message = "so <b>bad</b>"
        raise ValueError(message)
    if district == "dry":
        raise DataUnavailable("not measured")
    return {"rain_mm": 3.5}


def test_what_a_job_gives_shows_itself(tmp_path: Path) -> None:
    """Plan, job, report, coverage, snapshot and record say what there is to say, in either store. [B9]"""
    for store in (MemorySnapshotStore(), PerDistrictFileSnapshotStore(str(tmp_path))):
        with BackfillService(rain, store) as service:
            plan = service.plan(BackfillRequest(DAY, "2023-02-02", ["north", "broken", "dry"]))
            assert "9" in Page(html_of(plan)).text
            job = service.initiate_backfill(plan)
            report = job.wait(60)
            said = Page(html_of(report)).text
            assert "9 of 9: 3 stored, 3 unavailable, 3 failed" in said
            assert "source_bug" in said
            assert "partial success" in Page(html_of(job)).text
            assert "north" in Page(html_of(service.coverage(DAY, "2023-02-02"))).text
            assert "north" in Page(html_of(store.read(DAY))).text
            assert "3.5" in Page(html_of(store.read(DAY).district("north"))).text
            findings = service.findings()
            assert "0 findings" in Page(html_of(findings)).text
            service.close()
        assert f"Job {job.backfill_id}" in Page(html_of(job)).text


def test_what_the_dashboard_gives_shows_itself() -> None:
    """So do all values of jobs over the shipped dashboard, one of which goes on: what a sheet of them shows is well-formed. [B9]"""
    with true_values() as values:
        said = {name: Page(html_of(value)).text for name, value in values.items()}
    assert "22 of 24: 22 stored, 2 pending" in said["job that goes on"]
    assert "partial success" in said["job that has ended"]
    assert "384 of 384" in said["report, complete"]
    assert {"plan", "coverage", "snapshot", "verification", "history", "findings"} <= set(said)


def test_a_coverage_names_months_and_each_year_once() -> None:
    """Above the columns stands each month where it begins, and a year where it begins: names never run into each other. [B5]"""
    days = (date(2023, 11, 30), date(2023, 12, 30), date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29))
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html_of(Coverage(days[0], days[-1], "daily", days, ("61",), {})))
    assert heads == ["district", "Nov<br>2023", "Dec", "", "Jan<br>2024", "Feb"]


def test_a_report_says_which_host_shows_strain() -> None:
    """A host that is asked less often than it may be is named with by how much; one that is not is not. [B9, R9.5, B6]"""
    hosts = (
        HostStatus("https://calm.example.org:443", 5.0, 3, 1, 0, "closed", 0.0),
        HostStatus("https://strained.example.org:443", 5.0, 3, 1, 4, "closed", 0.0, slowdown=4.0),
    )
    report = evil_values()["report"]
    assert isinstance(report, BackfillReport)
    report = evolve(report, performance_status=FetchStatus(hosts, 10))
    said = Page(html_of(report)).text
    assert "https://strained.example.org:443 shows strain, and is asked 4.0 times less often" in said
    assert "calm.example.org" not in said


def test_a_forgotten_job_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that nothing can be told of any more still shows itself, with the reason. [B9]"""
    with BackfillService(rain, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest(DAY, None, ["north"]))
        job.wait(60)
        monkeypatch.setattr(job, "backfill_id", "lost")
        assert "not to be had" in Page(html_of(job)).text


def test_long_values_are_cut_and_say_so() -> None:
    """Thousands of rows are never put into a cell; what is left out is counted. [B9]"""
    names = tuple(f"d{number:04}" for number in range(300))
    cells = {DAY: {name: (CellState.FULL if number % 2 else CellState.FAILED) for number, name in enumerate(names)}}
    coverage = Coverage(DAY, DAY, "daily", (DAY,), names, cells)
    assert "150 districts" in Page(html_of(coverage)).text
    history = Page(html_of(evil_values()["history"])).text
    assert "25 rows, 2 columns" in history
    assert history.count("<script>") == 21  # ten rows at either end, and the name of the column
    assert "the newest 20 of 30 failures" in Page(html_of(evil_values()["report"])).text
