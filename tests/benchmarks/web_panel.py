"""Measures the interface and the panel:

    python tests/benchmarks/web_panel.py            a job of 10,000 units, 200 streams, 365 x 130 cells
    python tests/benchmarks/web_panel.py --short    the same, smaller; what CI runs

Prints how long `GET /backfills/{id}` takes while a job runs and how much slower the job is for it, whether streams that clients leave are let
go, how large the panel is, and, where there is a browser, how long its first picture and its frames take under 200 updates a second.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from backfill import BackfillRequest, BackfillService
from backfill.model import BackfillStatus, UnitState
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedCatalog
from backfill.web import WebLimits
from backfill.web.bodies import UnitRow, UnitsView
from backfill.web.panel import panel_module
from browsing import Tabs, find_browser
from panel_hosts import hosted
from panel_scenes import STUB, answers, report, stage_page, wired
from service_doubles import NoDoor

FIRST = date(2024, 1, 1)


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def job(units: int, url: str, service: BackfillService, *, asking: bool) -> tuple[float, list[float]]:
    """Run a job of so many units; return its seconds and those of each question that was asked meanwhile."""
    days = units // 100
    request = BackfillRequest(
        FIRST, FIRST + timedelta(days=days - 1), [f"{number:03d}" for number in range(100)], "per-district", skip_existing=False
    )
    began = time.perf_counter()
    running = service.initiate_backfill(request)
    done, times = threading.Event(), list[float]()

    def ask() -> None:
        with httpx.Client(trust_env=False) as client:
            while not done.is_set():
                before = time.perf_counter()
                client.get(f"{url}/bf/backfills/{running.backfill_id}").raise_for_status()
                times.append(time.perf_counter() - before)
                done.wait(0.05)

    asker = threading.Thread(target=ask)
    if asking:
        asker.start()
    running.wait()
    taken = time.perf_counter() - began
    done.set()
    if asking:
        asker.join()
    return taken, times


def measure_jobs(units: int, url: str, service: BackfillService, questions: int) -> None:
    """Print how long questions take while a job runs, and how much longer the job does: medians of jobs by turns alone and asked."""
    alones, askeds, times = list[float](), list[float](), list[float]()
    while len(times) < questions:
        alones.append(job(units, url, service, asking=False)[0])
        taken, more = job(units, url, service, asking=True)
        askeds.append(taken)
        times += more
    alone, asked = statistics.median(alones), statistics.median(askeds)
    ordered = sorted(1000 * each for each in times)
    say(f"GET /backfills/{{id}} during jobs of {units:,} units: {len(ordered)} asked, 20 a second at most; "
          f"p50 {statistics.median(ordered):.1f} ms, p99 {ordered[int(len(ordered) * 0.99) - 1]:.1f} ms")  # fmt: skip
    say(f"such a job: {alone:.2f} s alone, {asked:.2f} s while asked: {100 * (asked / alone - 1):+.0f} %")


def measure_streams(count: int, url: str) -> None:
    """Print how many streams were held at once, and how many are left when their clients have gone."""

    def held() -> int:
        text = httpx.get(f"{url}/bf/metrics", trust_env=False).text
        return int(text.partition('backfill_http_streams{operation="backfill"} ')[2].split()[0])

    kept: list[Iterator[str]] = []  # whoever lets go of what is read closes the stream
    with ExitStack() as stack:
        for _ in range(count):
            stream = stack.enter_context(httpx.stream("GET", f"{url}/bf/events", trust_env=False, timeout=60))
            kept.append(stream.iter_text())
            next(kept[-1])
        most = held()
    end = time.monotonic() + 30
    while held() and time.monotonic() < end:
        time.sleep(0.05)
    say(f"streams: {most} held, {held()} left after their clients went")


FRAMES = """async ([days, rate, seconds]) => {
  const map = document.querySelector("backfill-panel").shadowRoot.querySelector("backfill-heat-map");
  const panel = document.querySelector("backfill-panel");
  const frames = [];
  let last = performance.now(), sent = 0;
  const end = last + 1000 * seconds;
  while (performance.now() < end) {
    const due = Math.floor((performance.now() - end + 1000 * seconds) / 1000 * rate);
    const events = [];
    for (; sent < due; sent += 1) events.push({ backfillId: globalThis.shown, change: { kind: "units-settled", day: days[sent % days.length], states: { ["D" + String(sent % 130).padStart(3, "0")]: "completed" } } });
    if (events.length) for (const hearer of globalThis.hearers) hearer(events);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return { frames, sent };
}"""

SPY = """
import { BackfillClient } from "/bf/panel.js";
globalThis.hearers = new Set();
const hear = BackfillClient.prototype.hear;
BackfillClient.prototype.hear = function (hearer) { globalThis.hearers.add(hearer); return hear.call(this, hearer); };
"""


def measure_browser(days: int, seconds: float, url: str) -> None:
    """Print how long a first picture takes, and a frame under 200 updates a second."""
    found = find_browser() if importlib.util.find_spec("playwright") else None
    if found is None:
        say("no browser: its figures are left out")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is one

    shown = report(BackfillStatus.PROCESSING)
    labels = tuple(f"D{number:03d}" for number in range(130))
    rows = tuple(UnitRow(FIRST + timedelta(days=at), None, (0,) * 130) for at in range(days))
    given = answers(shown)
    given[f"GET /backfills/{shown.backfill_id}/units"] = [200, wired(UnitsView(labels, tuple(UnitState), rows))]
    with sync_playwright() as playwright, Tabs(playwright.chromium.launch(executable_path=found[0], args=list(found[1]))) as tabs:
        tabs.allow("willReadFrequently")  # only this script reads what is drawn
        page = tabs.open(f"{url}/stage")
        page.wait_for_function("globalThis.show && globalThis.hearers")
        took = page.evaluate(
            """async ([answers, ui]) => {
              globalThis.shown = ui.jobId;
              const before = performance.now();
              globalThis.calm = async () => { // until there is a picture
                const map = () => document.querySelector("backfill-panel").shadowRoot?.querySelector("backfill-heat-map canvas");
                while (!(map()?.width > 1 && map().getContext("2d").getImageData(0, 0, 1, 1).data[3])) await new Promise((resolve) => requestAnimationFrame(resolve));
              };
              await show(answers, ui);
              return performance.now() - before;
            }""",
            [given, {"view": "jobs", "jobId": shown.backfill_id}],
        )
        told = page.evaluate(FRAMES, [[row.day.isoformat() for row in rows], 200, seconds])
        frames = sorted(told["frames"])
        say(f"first picture of {days} x 130 cells: {took:.0f} ms after the element is put in")
        say(
            f"{told['sent']} updates in {seconds} s: a frame takes {statistics.median(frames):.1f} ms (p50), {frames[int(len(frames) * 0.99) - 1]:.1f} ms (p99)"
        )
        tabs.check()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="smaller figures, in a few seconds")
    short = parser.parse_args().short
    module = panel_module().encode()
    say(f"panel: {len(module):,} bytes, {len(gzip.compress(module)):,} compressed")
    source = ScriptedCatalog(districts=[f"{number:03d}" for number in range(100)])
    limits = WebLimits(max_streams=200, max_waiting=1000)
    with (
        BackfillService(source, MemorySnapshotStore(), fetch=NoDoor()) as service,
        hosted(
            service,
            stage_page(),
            {
                "/stage.js": SPY
                + STUB.replace("import { BackfillClient }", "import { BackfillClient as Client }").replace(
                    "new BackfillClient", "new Client"
                )
            },
            limits=limits,
        ) as url,
    ):
        measure_jobs(1_000 if short else 10_000, url, service, 20 if short else 300)
        measure_streams(20 if short else 200, url)
        measure_browser(60 if short else 365, 1 if short else 5, url)


if __name__ == "__main__":
    main()
