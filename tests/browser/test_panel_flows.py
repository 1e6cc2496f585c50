"""The panel against a real server: start, watch, cancel, retry, reload, twenty tabs, without a stream, by keyboard alone, in pages of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from backfill import BackfillRequest, BackfillService
from backfill.errors import PermanentSourceError
from backfill.model import CellState
from backfill.testing.source import ScriptedDashboard
from backfill.web import WebLimits
from browsing import Tabs
from panel_hosts import hosted
from reacting import react_script
from service_doubles import GatedSource, day, serving

PANEL = {"/": '<script type="module" src="/bf/panel.js"></script><backfill-panel></backfill-panel>'}
NO_STREAMS = WebLimits(max_streams=0)
MARKUP = "<img src=x onerror=\"document.title='broken'\">"


@contextmanager
def offered(source: GatedSource | ScriptedDashboard, limits: WebLimits | None = None) -> Iterator[tuple[BackfillService, str]]:
    """Serve a page with the panel, over a source whose gate is opened in the end."""
    with serving(source) as service:
        try:
            with hosted(service, PANEL, limits=limits or WebLimits(poll_seconds=0.02, heartbeat_seconds=0.2)) as url:
                yield service, url
        finally:
            if isinstance(source, GatedSource):
                source.gate.set()


def fill_form(page: Any, districts: str = "A B C", last: str = "2026-01-06") -> None:
    """Type a request, and wait for its plan."""
    page.get_by_role("tab", name="New backfill").click()
    page.get_by_label("First day").fill("2026-01-05")
    page.get_by_label("Last day").fill(last)
    page.get_by_label("Districts", exact=True).fill(districts)
    page.get_by_role("button", name="Start this backfill").and_(page.locator(":enabled")).wait_for()


def start(page: Any, districts: str = "A B C") -> None:
    """Start a backfill with the form."""
    fill_form(page, districts)
    page.get_by_role("button", name="Start this backfill").click()
    page.get_by_role("button", name="All backfills").wait_for()


def show_coverage(page: Any, first: str, last: str, districts: str) -> None:
    """Ask for the coverage of a range, and wait for it."""
    page.get_by_role("tab", name="Coverage").click()
    page.get_by_label("First day").fill(first)
    page.get_by_label("Last day").fill(last)
    page.get_by_label("Districts", exact=True).fill(districts)
    page.get_by_role("button", name="Show", exact=True).click()
    shows(page, "Never tried:")


def click_while_asking(page: Any, name: str, address: str) -> None:
    """Click a button twice at once, the answer held back until it is seen to be disabled."""
    held: list[Any] = []
    page.route(address, lambda route: held.append(route))  # noqa: PLW0108 - Playwright takes no method of a list
    button = page.get_by_role("button", name=name)
    with page.expect_request(address):
        button.evaluate("button => { button.click(); button.click(); }")
    button.and_(page.locator(":disabled")).wait_for()
    assert len(held) == 1
    held[0].continue_()


def shows(page: Any, text: str) -> None:
    """Wait until the page shows a text."""
    page.get_by_text(text).first.wait_for()


def status(page: Any, name: str) -> None:
    """Wait until the job that is shown is in a state."""
    page.locator("article .badge", has_text=name).wait_for()


def test_start_and_watch(tabs: Tabs) -> None:
    """A backfill is planned while it is typed, starts exactly as planned, and is watched to its end without a reload. [R12.1, R12.2, R12.3, B1]"""
    source = GatedSource(lambda on, district: district == "C" and on == day(1))
    with offered(source) as (service, url):
        page = tabs.open(url)
        shows(page, "There are no backfills yet.")
        fill_form(page)
        plan = page.get_by_role("region", name="What it will do")
        assert "district)≥ 6" in plan.text_content()
        page.get_by_role("button", name="Start this backfill").click()
        status(page, "Running")
        source.await_arrivals()
        shows(page, "3 of 6 done")
        page.get_by_role("application").focus()
        page.keyboard.press("ArrowDown")
        shows(page, "2026-01-05, district B: Stored")
        page.keyboard.press("ArrowRight")
        shows(page, "2026-01-06, district B: To do")
        source.gate.set()
        status(page, "Complete")
        shows(page, "6 of 6 done")
        shows(page, "Live")
        page.get_by_role("application").focus()
        page.keyboard.press("ArrowDown")
        shows(page, "2026-01-06, district C: Stored")
        (report,) = service.list_backfills()
        assert report.progress.completed == 6
        page.get_by_role("button", name="All backfills").click()
        page.get_by_role("button", name="Districts A, B, C, accepted").wait_for()


def test_every_option_can_be_chosen(tabs: Tabs) -> None:
    """The form has a control for each member that the published document knows, and what is chosen is what the plan is asked for. [R12.2, R2.1]"""
    with offered(ScriptedDashboard()) as (_, url):
        page = tabs.open(url)
        fill_form(page)
        page.get_by_text("More options").click()
        members = httpx.get(f"{url}/bf/openapi.json", trust_env=False).json()["components"]["schemas"]["BackfillStart"][
            "properties"
        ]
        assert {
            *page.evaluate(
                "[...document.querySelector('backfill-panel').shadowRoot.querySelectorAll('form [name]')].map((each) => each.name)"
            )
        } == {*members} - {"planFingerprint"}
        page.get_by_label("Collect by").select_option("per-district")
        page.get_by_label("Try again what fails").uncheck()
        page.get_by_label("Seconds between requests").fill("1.5")
        page.get_by_label("Order").select_option("oldest-first")
        with page.expect_response(lambda answer: answer.url.endswith("/plans") and "at once" not in answer.url) as answered:
            page.get_by_label("At once").fill("7")
        asked = answered.value.request.post_data_json
        assert asked == {
            "startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B", "C"], "collectionType": "per-district",
            "retryFailures": False, "minIntervalSeconds": 1.5, "order": "oldest-first", "concurrency": 7,
        }  # fmt: skip


def test_what_is_wrong_is_marked_where_it_is(tabs: Tabs) -> None:
    """A value that the server refuses is marked at its control with what to write, and nothing can be started till then. [R12.2, R8.4]"""
    tabs.allow("status of 4")
    with offered(ScriptedDashboard()) as (_, url):
        page = tabs.open(url)
        fill_form(page)
        page.get_by_label("Last day").fill("2026-01-01")
        shows(page, "exchange the two")
        assert page.get_by_label("Last day").get_attribute("aria-invalid") == "true"
        assert page.get_by_role("button", name="Start this backfill").is_disabled()
        page.get_by_label("Last day").fill("2026-01-07")
        page.get_by_role("button", name="Start this backfill").and_(page.locator(":enabled")).wait_for()
        assert page.get_by_label("Last day").get_attribute("aria-invalid") is None


def test_cancel_asks_first(tabs: Tabs) -> None:
    """Cancelling asks whether it is meant; no keeps the job, yes ends it; the page says so. [R12.2, R4.4]"""
    source = GatedSource()
    with offered(source) as (service, url):
        page = tabs.open(url)
        start(page)
        source.await_arrivals()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("button", name="Keep it").click()
        page.get_by_role("button", name="Cancel", exact=True).click()
        with page.expect_response("**/cancel"):
            page.get_by_role("button", name="Yes, cancel it").click()
        source.gate.set()
        status(page, "Cancelled")
        assert page.get_by_role("status").last.text_content() in {"The backfill is now: Cancelled", "100 % done"}
        assert [str(report.status) for report in service.list_backfills()] == ["cancelled"]


def test_failures_are_grouped_and_retried(tabs: Tabs) -> None:
    """What failed is shown by cause with what can be done, its markup as text; retrying opens a job with only that. [R12.5, R6.4, R6.6]"""
    broken = {"B"}

    def script(on: date, district: str) -> object:
        if district in broken:
            raise PermanentSourceError(MARKUP, kind="wrong_period")
        return {"district": district}

    with offered(ScriptedDashboard(script)) as (service, url):
        page = tabs.open(url)
        start(page)
        status(page, "Partly done")
        page.get_by_text("2 \N{MULTIPLICATION SIGN} wrong_period").click()
        page.get_by_text(MARKUP).nth(2).wait_for()
        assert page.title() == "A page"
        broken.clear()
        page.get_by_role("button", name="Retry what failed").click()
        status(page, "Complete")
        shows(page, "2 of 2 done")
        assert [report.progress.total for report in service.list_backfills()] == [2, 6]


def test_a_reload_comes_back_to_the_same_place(tabs: Tabs) -> None:
    """After a reload the panel shows the job that it showed, and goes on watching it; what was typed is still there. [R12.3]"""
    source = GatedSource()
    with offered(source) as (_, url):
        page = tabs.open(url)
        start(page)
        page.reload()
        status(page, "Running")
        source.gate.set()
        status(page, "Complete")
        page.get_by_role("tab", name="New backfill").click()
        assert page.get_by_label("Districts", exact=True).input_value() == "A B C"


def test_without_a_stream_it_asks_from_time_to_time(tabs: Tabs) -> None:
    """Where no stream can be had the panel says so, asks from time to time, and shows the end and the picture all the same. [R12.3, R9.5]"""
    tabs.allow("status of 503")
    source = GatedSource()
    with offered(source, NO_STREAMS) as (_, url):
        page = tabs.open(url)
        start(page)
        status(page, "Running")
        shows(page, "Updated from time to time")
        source.gate.set()
        status(page, "Complete")
        picture, told = page.get_by_role("application"), page.get_by_text("2026-01-05, district A: Stored").first
        for _ in range(20):  # the picture is asked for by itself, a moment after the report
            picture.blur()
            picture.focus()
            if told.is_visible():
                break
            page.wait_for_timeout(500)
        shows(page, "2026-01-05, district A: Stored")


@pytest.mark.timeout(120)
def test_twenty_tabs_share_one_stream(tabs: Tabs) -> None:
    """Twenty tabs of one browser all follow a job, though it opens six connections to a server: they share one stream. [R12.3, R9.5]"""
    source = GatedSource()
    with offered(source) as (_, url):
        first = tabs.open(url)
        start(first)
        (job,) = httpx.get(f"{url}/bf/backfills", trust_env=False).json()["items"]
        others = [tabs.open(f"{url}/") for _ in range(19)]
        for page in others:
            page.evaluate("(id) => document.querySelector('backfill-panel').setAttribute('job-id', id)", job["backfillId"])
            status(page, "Running")
            shows(page, "Live")
        metrics = httpx.get(f"{url}/bf/metrics", trust_env=False).text
        assert 'backfill_http_streams{operation="backfill"} 1\n' in metrics
        first.close()  # whoever held the stream hands it on
        source.gate.set()
        for page in others:
            status(page, "Complete")


def test_by_keyboard_alone(tabs: Tabs) -> None:
    """Without a mouse: turn the tabs with arrows, type, start with Enter, go back; focus is never lost. [R12.2]"""
    tabs.allow("status of 4")  # while the year is typed
    with offered(ScriptedDashboard()) as (_, url):
        page = tabs.open(url)
        shows(page, "There are no backfills yet.")

        def focused() -> str:
            return str(page.evaluate("document.querySelector('backfill-panel').shadowRoot.activeElement?.textContent ?? ''"))

        page.keyboard.press("Tab")
        assert focused() == "Jobs"
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('backfill-panel').shadowRoot.activeElement?.id === 'tab-start'")
        page.keyboard.press("End")
        page.wait_for_function("document.querySelector('backfill-panel').shadowRoot.activeElement?.id === 'tab-coverage'")
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("document.querySelector('backfill-panel').shadowRoot.activeElement?.id === 'tab-start'")
        page.keyboard.press("Tab")
        page.keyboard.type("01052026")
        for _ in range(2):
            page.keyboard.press("Tab")  # past the calendar of the first day
        page.keyboard.press("Tab")
        for _ in range(8):
            if page.evaluate("document.querySelector('backfill-panel').shadowRoot.activeElement?.name") == "targetDistricts":
                break
            page.keyboard.press("Tab")
        page.keyboard.type("A")
        page.get_by_role("button", name="Start this backfill").and_(page.locator(":enabled")).wait_for()
        page.keyboard.press("Enter")
        status(page, "Complete")
        assert focused() == "← All backfills"
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('backfill-panel').shadowRoot.activeElement?.id === 'tab-jobs'")


def test_coverage_shows_what_is_there(tabs: Tabs) -> None:
    """The coverage of a range is a picture, counts and a table; only what a service can do is offered. [B5, R12.2]"""
    with offered(ScriptedDashboard()) as (service, url):
        page = tabs.open(url)
        start(page)
        status(page, "Complete")
        page.get_by_role("tab", name="Coverage").click()
        page.get_by_label("First day").fill("2026-01-05")
        page.get_by_label("Last day").fill("2026-01-08")
        page.get_by_role("button", name="Show", exact=True).click()
        shows(page, "Never tried:")
        swatches = page.locator(".swatch").evaluate_all("(all) => all.map((each) => getComputedStyle(each).backgroundColor)")
        assert len(swatches) == len(CellState)
        assert "rgba(0, 0, 0, 0)" not in swatches, "a state has a colour in the picture, and none in its legend"
        page.get_by_text("The same as a table").click()
        page.get_by_role("row", name="A 2 0 0 0 0 2").wait_for()
        fill = page.get_by_role("button", name="Fill 6 gaps")
        fill.click()
        status(page, "Complete")
        assert service.coverage(day(0), day(3)).counts[CellState.FULL] == 12


def test_gaps_are_filled_of_what_is_shown(tabs: Tabs) -> None:
    """What is typed after a coverage was shown changes nothing about which gaps its button fills. [B5, R12.2]"""
    with offered(ScriptedDashboard()) as (service, url):
        page = tabs.open(url)
        show_coverage(page, "2026-01-05", "2026-01-06", "A B")
        page.get_by_label("Last day").fill("2026-01-08")
        page.get_by_label("Districts", exact=True).fill("A B C")
        page.get_by_role("button", name="Fill 4 gaps").click()
        status(page, "Complete")
        assert [report.progress.total for report in service.list_backfills()] == [4]


def test_gaps_of_a_history_of_month_ends_are_those_of_month_ends(tabs: Tabs) -> None:
    """The coverage is of the days that are chosen: who keeps ends of months has no gaps in between, and fills none. [B5, R12.2]"""
    with offered(ScriptedDashboard()) as (service, url):
        page = tabs.open(url)
        page.get_by_role("tab", name="Coverage").click()
        page.get_by_label("Which days").select_option("month-end")
        show_coverage(page, "2025-10-01", "2025-12-31", "A")
        page.get_by_role("button", name="Fill 3 gaps").click()
        status(page, "Complete")
        stored = service.coverage("2025-10-01", "2025-12-31")
        assert [on for on, _, state in stored if state is CellState.FULL] == [
            date(2025, 10, 31),
            date(2025, 11, 30),
            date(2025, 12, 31),
        ]
        page.reload()
        page.get_by_role("tab", name="Coverage").click()
        assert page.get_by_label("Which days").input_value() == "month-end"


def failing(broken: set[str]) -> Callable[[date, str], object]:
    """Return what is answered of each district: an error for those that are broken."""

    def script(_on: date, district: str) -> object:
        if district in broken:
            raise PermanentSourceError("no", kind="wrong_period")
        return {"district": district}

    return script


def test_a_double_click_begins_one_job(tabs: Tabs) -> None:
    """While a job is asked for, to fill gaps or to retry, its button is disabled: two clicks at once begin one job. [R12.2, R12.5]"""
    broken = {"B"}
    with offered(ScriptedDashboard(failing(broken))) as (service, url):
        page = tabs.open(url)
        show_coverage(page, "2026-01-05", "2026-01-06", "A B")
        click_while_asking(page, "Fill 4 gaps", "**/gaps")
        status(page, "Partly done")
        broken.clear()
        click_while_asking(page, "Retry what failed", "**/retry")
        status(page, "Complete")
        assert [report.progress.total for report in service.list_backfills()] == [2, 4]


def lose_an_answer(page: Any, tabs: Tabs, name: str, address: str) -> None:
    """Press a button whose request the server gets and whose answer is lost, and press it again."""
    tabs.allow("net::ERR_FAILED", "net::ERR_CONNECTION_FAILED")

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route(address, lose, times=1)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name=name).click()
    page.get_by_text("The server cannot be reached").first.wait_for()
    page.get_by_role("button", name=name).click()


def test_a_lost_answer_begins_no_second_job(tabs: Tabs) -> None:
    """Who presses again since no answer came gets the job that was begun: to fill gaps, to retry, and of a button in a page. [R8.5, R12.2, R12.5]"""
    broken = {"B"}
    with offered(ScriptedDashboard(failing(broken))) as (service, url):
        page = tabs.open(url)
        show_coverage(page, "2026-01-05", "2026-01-06", "A B")
        lose_an_answer(page, tabs, "Fill 4 gaps", "**/gaps")
        status(page, "Partly done")
        broken.clear()
        lose_an_answer(page, tabs, "Retry what failed", "**/retry")
        status(page, "Complete")
        assert [report.progress.total for report in service.list_backfills()] == [2, 4]
        page.close()
    with serving(ScriptedDashboard()) as service, hosted(service, BUTTON) as url:
        page = tabs.open(url)
        lose_an_answer(page, tabs, "January, please", "**/backfills")
        shows(page, "Complete")
        assert len(service.list_backfills()) == 1


def test_every_job_can_be_had(tabs: Tabs) -> None:
    """Older jobs are listed on request as far back as there are any, more than one page of them too. [R12.2, R8.3]"""
    with offered(ScriptedDashboard()) as (service, url):
        for _ in range(125):
            service.initiate_backfill(BackfillRequest(day(0), target_districts=["A"]))
        page = tabs.open(url)
        rows = page.locator("tbody tr")
        for listed in (20, 40, 60, 80, 100, 120):
            rows.nth(listed - 1).wait_for()
            assert rows.count() == listed
            page.get_by_role("button", name="Show older ones").click()
        rows.nth(124).wait_for()
        page.get_by_role("button", name="Show older ones").wait_for(state="detached")
        assert rows.count() == 125


def test_pause_and_resume(tabs: Tabs) -> None:
    """A running job is paused, says so, and is resumed to its end. [R12.2, R4.4]"""
    source = GatedSource(lambda on, district: district != "A")
    with offered(source) as (_, url):
        page = tabs.open(url)
        start(page)
        source.await_arrivals()
        with page.expect_response("**/pause"):
            page.get_by_role("button", name="Pause", exact=True).click()
        source.gate.set()
        status(page, "Paused")
        page.get_by_role("button", name="Resume", exact=True).click()
        status(page, "Complete")


BUTTON = {
    "/": """<script type="module">
      import { STRINGS } from "/bf/panel.js";
      globalThis.told = [];
      for (const name of ["started", "progress", "ended"]) addEventListener(`backfill-${name}`, ({ detail }) => told.push(`${name} ${detail.status}`));
      STRINGS.locale = "de";
    </script>
    <backfill-button start-date="2026-01-05" end-date="2026-01-06" districts="A, B">January, please</backfill-button>""",
}


def test_one_button_in_a_page_of_plain_html(tabs: Tabs) -> None:
    """`<backfill-button>` starts what its attributes say, shows how far it is, and tells the page with events. [R12.1, R12.3, B9]"""
    source = GatedSource(lambda on, district: district == "B" and on == day(1))
    with serving(source) as service, hosted(service, BUTTON) as url:
        page = tabs.open(url)
        page.get_by_role("button", name="January, please").click()
        try:
            shows(page, "Running · 50 % done")
            assert page.get_by_role("button", name="January, please").is_disabled()
        finally:
            source.gate.set()
        page.get_by_role("status").get_by_text("Complete").wait_for()
        told = page.evaluate("told")
        assert told[0].startswith("started ")
        assert told[-2:] == ["progress complete", "ended complete"]
        assert told.count("ended complete") == 1


def test_one_button_cancels_and_explains(tabs: Tabs) -> None:
    """The button cancels what it started; a request that cannot be done is explained beside it. [R12.1, R12.5]"""
    tabs.allow("status of 422")
    source = GatedSource()
    page_of = {"/": BUTTON["/"] + '<backfill-button start-date="2999-01-01" districts="A">The future</backfill-button>'}
    with serving(source) as service:
        try:
            with hosted(service, page_of) as url:
                page = tabs.open(url)
                page.get_by_role("button", name="The future").click()
                page.get_by_role("alert").wait_for()
                page.get_by_role("button", name="January, please").click()
                source.await_arrivals()
                with page.expect_response("**/cancel"):
                    page.get_by_role("button", name="Cancel").click()
                source.gate.set()
                page.get_by_role("status").get_by_text("Cancelled").wait_for()
        finally:
            source.gate.set()


REACT = """
import "/react.js";
import { BackfillClient } from "/bf/panel.js";

const { createElement: e, useSyncExternalStore } = globalThis.React;
const client = new BackfillClient({ src: "/bf" });

function useBackfills() {
  return useSyncExternalStore(client.subscribe, client.getState);
}

function App() {
  const { jobs, connection } = useBackfills();
  return e("div", null,
    e("p", { id: "hook" }, `${connection}: ${(jobs ?? []).map((job) => job.status).join(" ")}`),
    e("backfill-button", { client, request: { startDate: "2026-01-05", targetDistricts: ["A"] }, "onbackfill-ended": ({ detail }) => (document.title = detail.status) }, "Go"),
    e("backfill-panel", { client }));
}

globalThis.root = globalThis.ReactDOM.createRoot(document.querySelector("#react"));
globalThis.root.render(e(App));
"""


def test_in_react(tabs: Tabs) -> None:
    """In React the elements take properties and tell events, a hook of one line follows the state, and unmounting ends it all. [R12.1, B9]"""
    react = react_script()
    if react is None:
        pytest.skip("React is not installed: npm install react react-dom, and say in BACKFILL_NODE_MODULES where")
    page_of = {"/": '<div id="react"></div><script type="module" src="/app.js"></script>'}
    with serving(ScriptedDashboard()) as service, hosted(service, page_of, {"/app.js": REACT, "/react.js": react}) as url:
        page = tabs.open(url)
        page.get_by_role("button", name="Go").click()
        page.wait_for_function("document.title === 'complete'")
        page.wait_for_function("document.querySelector('#hook').textContent === 'live: complete'")
        page.get_by_role("button", name="District A, accepted").click()
        status(page, "Complete")
        page.evaluate("root.unmount()")
        page.wait_for_function(
            "async () => (await (await fetch('/bf/metrics')).text()).includes('backfill_http_streams{operation=\"backfill\"} 0')"
        )


def test_a_client_signs_in_with_headers(tabs: Tabs) -> None:
    """A host that signs in with a header gives it to the client, which sends it with every request, its own stream included. [R12.1, R8.5]"""
    source = GatedSource()
    script = """
      import { BackfillClient } from "/bf/panel.js";
      globalThis.client = new BackfillClient({ src: "/bf", headers: { Authorization: "Bearer sesame" } });
      client.subscribe(() => (document.title = client.state.connection));
    """
    with serving(source) as service, hosted(service, {"/": f'<script type="module">{script}</script>'}) as url:
        seen: list[tuple[str, str | None]] = []
        page = tabs.open("about:blank")
        page.on("request", lambda request: seen.append((request.url.removeprefix(url), request.headers.get("authorization"))))
        page.goto(url)
        page.wait_for_function("document.title === 'live'")
        source.gate.set()
        asked = {path.partition("?")[0]: token for path, token in seen if path.startswith("/bf/") and path != "/bf/panel.js"}
        assert asked == {"/bf/backfills": "Bearer sesame", "/bf/events": "Bearer sesame"}


def test_the_page_of_the_interface_obeys_its_own_policy(tabs: Tabs) -> None:
    """The page that the interface serves itself runs under its content security policy, and asks nobody else. [R8.3, R12.1]"""
    with offered(ScriptedDashboard()) as (_, url):
        page = tabs.open(f"{url}/bf/panel")
        start(page)
        status(page, "Complete")
        width = page.evaluate(
            "document.querySelector('backfill-panel').shadowRoot.querySelector('.bar .completed').getBoundingClientRect().width"
        )
        assert width > 100
        assert {each.removeprefix(url).partition("/")[0] for each in tabs.asked if not each.startswith("data:")} == {""}


def test_a_server_that_goes_away_and_comes_back(tabs: Tabs) -> None:
    """While the server is away the panel says so and keeps what it shows; when it is back, it goes on by itself. [R12.3]"""
    tabs.allow("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    source = GatedSource()
    with serving(source) as service:
        try:
            with hosted(service, PANEL) as url:
                page = tabs.open(url)
                start(page)
                status(page, "Running")
                shows(page, "Live")
            shows(page, "No answer from the server")
            status(page, "Running")
            source.gate.set()
            with hosted(service, PANEL, port=int(url.rpartition(":")[2])):
                status(page, "Complete")
                shows(page, "Live")
        finally:
            source.gate.set()
