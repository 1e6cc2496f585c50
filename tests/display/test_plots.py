"""Pictures as PNG and SVG: what they show is what is stored, and they can be read without colours."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")

from matplotlib.text import Annotation

from backfill import BackfillRequest, BackfillService, Collected, DataUnavailable, InvalidRequest
from backfill.model import Coverage
from backfill.plots import LINES, Picture, _spread, coverage_map, history_lines, ranking_movement
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.tables import Column, Table

pytestmark = pytest.mark.filterwarnings("default")  # of matplotlib, whose warnings are not ours

FIRST, LAST = date(2024, 1, 31), date(2024, 3, 31)
PLACES = {"ash": (3, 2, 1), "oak": (1, 1, 2), "yew": (2, 3, 3)}


class Trees:
    """Members of three districts and their rank at three month-ends; one fails, one is not there."""

    name = "trees"

    def collect_district(self, day: date, district: str, _fetch: Fetch, /) -> dict[str, float]:
        """Return figures."""
        if district == "elm":
            message = "fell"
            raise ValueError(message)
        if district == "fir":
            raise DataUnavailable("never grew")
        return {"members": 100.0 * day.month, "clubs": 5.0}

    def summarize_day(self, day: date, _districts: object, _fetch: Fetch, /) -> dict[str, Collected]:
        """Return the ranking of the day."""
        ranks = [{"districtId": name, "overallRank": places[day.month - 1]} for name, places in PLACES.items()]
        return {"all-districts-rankings": Collected({"rankings": ranks}, as_of=day)}


@pytest.fixture
def service() -> Iterator[BackfillService]:
    """A service over three stored month-ends."""
    with BackfillService(Trees(), MemorySnapshotStore()) as service:
        request = BackfillRequest(FIRST, LAST, [*PLACES, "elm", "fir"], frequency="month-end")
        assert service.run_backfill(request, progress=False).progress.completed == 9
        yield service


def texts_of(picture: Picture) -> list[str]:
    """Return the texts of a picture, from its SVG."""
    root = ET.fromstring(picture.to_svg())
    return ["".join(found.itertext()).strip() for found in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_coverage_is_a_map_with_its_counts(service: BackfillService) -> None:
    """Every district, the days and the number of each state stand in the picture, the states with their marks. [B5]"""
    coverage = service.coverage(FIRST, "2024-04-30", frequency="month-end")
    picture = coverage_map(coverage)
    shown = texts_of(picture)
    assert {*PLACES, "elm", "fir", "2024-01-31", "2024-04-30"} <= set(shown)
    assert {"full 9", "failed (x) 3", "unavailable (.) 3", "never tried 5"} <= set(shown)
    assert "9 full" in picture.says
    (axes,) = picture.figure.axes
    mesh = axes.collections[0].get_array()
    assert mesh is not None
    assert mesh.shape == (5, 4)


def test_a_large_map_has_no_marks() -> None:
    """Where cells are too small for lines and marks there are none, and the legend promises none. [B5]"""
    days = tuple(date.fromordinal(FIRST.toordinal() + number) for number in range(365))
    coverage = Coverage(days[0], days[-1], "daily", days, tuple(f"d{number}" for number in range(100)), {})
    (axes,) = (picture := coverage_map(coverage)).figure.axes
    assert len(axes.collections) == 1
    assert "never tried 36,500" in texts_of(picture)
    assert len(axes.get_yticks()) <= 60
    assert len(axes.get_xticks()) <= 12


def test_a_history_has_a_line_for_each_district(service: BackfillService) -> None:
    """Lines go through the figures that are stored, have colours and markers of their own, and are named at their ends. [B9]"""
    picture = history_lines(service.history(), districts=list(PLACES))
    panels = picture.figure.axes
    assert [panel.get_title("left") for panel in panels] == ["clubs", "members"] or [
        panel.get_title("left") for panel in panels
    ] == ["members", "clubs"]
    (panel,) = (one for one in panels if one.get_title("left") == "members")
    assert [list(map(float, line.get_ydata())) for line in panel.lines] == [[100.0, 200.0, 300.0]] * 3  # type: ignore[arg-type] # it is an array
    assert len({line.get_color() for line in panel.lines}) == len({line.get_marker() for line in panel.lines}) == 3
    assert {text.get_text() for text in panel.texts} == set(PLACES)


def test_further_districts_are_grey() -> None:
    """Only so many lines are coloured as can be told apart. [B9]"""
    names = [f"d{number}" for number in range(LINES + 5)]
    table = Table(
        (Column.of("day", [FIRST] * len(names)), Column.of("district", names), Column.of("figure", list(range(len(names)))))
    )
    (panel,) = history_lines(table).figure.axes
    assert len({line.get_color() for line in panel.lines}) == LINES + 1
    assert len(panel.texts) == LINES


def test_a_ranking_moves(service: BackfillService) -> None:
    """Each district has a line through its ranks, the first rank at the top; who moves is told in words. [B9]"""
    picture = ranking_movement(service.store, districts=["ash"])
    (axes,) = picture.figure.axes
    bottom, top = axes.get_ylim()
    assert bottom > top
    drawn = sorted(tuple(map(int, line.get_ydata())) for line in axes.lines)  # type: ignore[arg-type] # it is an array
    assert drawn == sorted(PLACES.values())
    assert picture.says == "overallRank, 2024-01-31 to 2024-03-31: ash from 3 to 1"
    assert "yew from 2 to 3" in ranking_movement(service.store, [FIRST, LAST]).says


def test_pictures_are_files(service: BackfillService, tmp_path: Path) -> None:
    """PNG and SVG are written, the SVG the same each time, with its words; another ending is refused by name. [B9]"""
    picture = coverage_map(service.coverage(FIRST, LAST, frequency="month-end"))
    assert picture.save(tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert picture.save(str(tmp_path / "map.svg")).read_bytes() == picture.to_svg()
    assert picture.says in picture.to_svg().decode()
    assert picture._repr_png_() == (tmp_path / "map.png").read_bytes()
    with pytest.raises(InvalidRequest, match=r"let the name end with \.png or \.svg"):
        picture.save(tmp_path / "map.gif")


def test_nothing_to_draw_is_refused(service: BackfillService) -> None:
    """What has nothing in it is refused with what to ask for instead. [R1.4]"""
    with pytest.raises(InvalidRequest, match="name districts"):
        coverage_map(Coverage(FIRST, FIRST, "daily", (FIRST,), (), {}))
    with pytest.raises(InvalidRequest, match="name columns with numbers"):
        history_lines(service.history(), ["members", "nothing"])
    with pytest.raises(InvalidRequest, match="collect more days"):
        ranking_movement(service.store, [FIRST, date(2023, 1, 1)])
    with pytest.raises(InvalidRequest, match="clubsRank"):
        ranking_movement(service.store, rank="clubsRank")
    with pytest.raises(InvalidRequest, match="fields='district'"):
        history_lines(service.history(), ["district"])


def test_what_is_named_and_not_there_is_refused(service: BackfillService) -> None:
    """A district that has no line is a slip, and named as one: no picture comes of it that lacks what was asked for. [R1.4]"""
    with pytest.raises(InvalidRequest, match=r"districts='oka'.*ash, oak, yew"):
        history_lines(service.history(), districts=["ash", "oka"])
    with pytest.raises(InvalidRequest, match=r"districts='oka'.*ash, oak, yew"):
        ranking_movement(service.store, districts=["ash", "oka"])
    with pytest.raises(InvalidRequest, match="most=0"):
        ranking_movement(service.store, most=0)


@pytest.mark.parametrize("ends", [[1.0, 1.0, 1.0], [1.0, 2.0, 60.0, 61.0], [100.0]])
def test_names_stand_beside_the_ends_of_their_lines(ends: list[float]) -> None:
    """Names that would lie upon each other are moved apart, as little as can be to either side; a stroke leads from each line to its name. [B9]"""
    places = _spread(ends, 4.0, -100.0, 200.0)
    assert all(after - before >= 4.0 - 1e-9 for before, after in pairwise(places))
    assert sum(places) == pytest.approx(sum(ends))
    assert max(abs(place - end) for place, end in zip(places, ends, strict=True)) <= 4.0
    inside = _spread(ends, 4.0, min(ends), min(ends) + 100.0)
    assert inside[0] == max(places[0], min(ends))
    inside = _spread(ends, 4.0, -100.0, max(ends))
    assert inside[-1] == min(places[-1], max(ends))
    assert all(after - before >= 4.0 - 1e-9 for before, after in pairwise(inside))


def test_a_name_is_joined_to_its_line(service: BackfillService) -> None:
    """The stroke begins where the line ends. [B9]"""
    (axes,) = ranking_movement(service.store).figure.axes
    ends = {text.get_text(): text.xy[1] for text in axes.texts if isinstance(text, Annotation)}
    assert ends == {name: places[-1] for name, places in PLACES.items()}
    assert all(text.arrow_patch is not None for text in axes.texts if isinstance(text, Annotation))


def test_without_the_library_the_extra_is_named() -> None:
    """Without matplotlib the module says what to install. [R10.2]"""
    script = "import sys; sys.modules['matplotlib'] = None\nimport backfill.plots"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert 'pip install "backfill[plots]"' in done.stderr


def test_no_setting_of_the_library_is_changed() -> None:
    """Importing and drawing leaves matplotlib's settings as they were. [R10.2]"""
    script = (
        "import sys, matplotlib; before = dict(matplotlib.rcParams); import backfill.plots as p;"
        "from backfill.tables import *; from datetime import date;"
        "t = Table((Column.of('day', [date(2024, 1, 1)]), Column.of('district', ['a']), Column.of('x', [1])));"
        "p.history_lines(t).to_svg(); assert dict(matplotlib.rcParams) == before"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
