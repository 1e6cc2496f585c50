"""The panel as the server hands it out: a page, a module that is one text, types made of the published document; and the units it draws."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backfill.errors import JobNotFound
from backfill.jobstores import MemoryJobStore
from backfill.testing.source import ScriptedCatalog
from backfill.web import panel
from backfill.web.panel.typedefs import render_types
from service_doubles import GatedSource, day, serving
from web_client import finish, offering, problem, start

HOME = Path(panel.__file__).parent


def test_the_page_loads_the_module_and_nothing_else() -> None:
    """The panel's page runs the module of its own mount, may ask that server only, and has no style or script but its own. [R8.3, R12.1]"""
    with offering(root="/bf") as (_, client):
        response = client.get("/panel")
        assert re.findall(r'(?:src|href)="([^"]*)"', response.text) == ["data:,", "/bf/panel.js", "/bf/docs"]
        policy = response.headers["content-security-policy"]
        (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
        assert f"style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy


def test_the_module_is_one_text() -> None:
    """The module needs nothing beside it: no import is left, it exports the public names only, and no name stands for two things. [R12.1, B9]"""
    with offering() as (_, client):
        response = client.get("/panel.js")
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        text = response.text
    assert not re.findall(r"^import\b.*", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == [
        "export { BackfillButton, BackfillClient, BackfillPanel, BackfillProblem, STRINGS };"
    ]
    names = re.findall(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) > 50
    assert len(names) == len(set(names))


def test_the_module_for_a_cell_is_the_same_and_one_part_more() -> None:
    """A notebook is handed the whole panel and what lets its kernel stand for the server, as one text with one export. [R12.1, B9]"""
    text = panel.cell_module()
    assert not re.findall(r"^import\b.*", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default cell;"]
    assert all(panel.part(name).splitlines()[0] in text for name in (*panel.MODULES, panel.CELL))
    names = re.findall(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))


def test_every_part_is_in_the_module_after_those_that_it_imports() -> None:
    """Each part lies beside the others, and is put in after what it imports, so that it finds it. [R10.2]"""
    assert {path.stem for path in HOME.glob("*.js")} == {*panel.MODULES, panel.CELL, "types"}
    for place, name in enumerate(panel.MODULES):
        for imported in re.findall(r'^import .* from "\./(\w+)\.js";$', panel.part(name), re.MULTILINE):
            assert imported in panel.MODULES[:place], f"{name} imports {imported}"


def test_nothing_that_comes_in_can_become_markup() -> None:
    """No part of the module makes markup of a text, or code of one. [R8.5, R12.5]"""
    for path in HOME.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc", path.read_text("utf-8")
        )
        assert not found, path.name


def code_of(name: str) -> str:
    """Return a part of the module without its comments."""
    without = re.sub(r"/\*.*?\*/", "", panel.part(name), flags=re.DOTALL)
    return re.sub(r"^\s*//.*$|(?<=[;{},)])\s+//.*$", "", without, flags=re.MULTILINE)


SIGNS = re.compile(
    "[\N{EN DASH}\N{HORIZONTAL ELLIPSIS}\N{MULTIPLICATION SIGN}\N{GREATER-THAN OR EQUAL TO}\N{LEFTWARDS ARROW}]| %"
)


def test_every_word_stands_in_one_place() -> None:
    """What people read stands in the part for it: no other part has a text of several words, or a sign that is shown, developers' errors aside. [R12.2]"""
    for name in {*panel.MODULES, panel.CELL} - {"strings", "style"}:
        code = code_of(name)
        assert "export" in code
        texts = re.findall(r'"([^"\n]*)"|`([^`]*)`', re.sub(r"new (?:Type)?Error\(.*?\);", "", code))
        shown = [re.sub(r"\$\{.*?\}", "", plain or template) for plain, template in texts]
        told = [text for text in shown if re.search(r"[A-Z][a-z]+ [a-z]+", text) or SIGNS.search(text)]
        assert not told, (name, told)


def test_units_of_numbers_stand_with_the_words() -> None:
    """What follows a number is a word of the panel's too: the part that writes numbers has no text of its own. [R12.2]"""
    assert set(re.findall(r'"(\w+)"', code_of("format"))) == {"medium", "short"}


def test_the_words_of_the_page_stand_with_the_others() -> None:
    """The page's title, language and what it says without a script are those of the panel's words, as markup cannot break them. [R12.2, R12.5]"""
    words = panel.part("strings")
    page = panel.panel_page('/"><b>')
    assert '  title: "Backfills",' in words
    assert "<title>Backfills</title>" in page
    (said,) = re.findall(r'^  noScript: "(.*)",$', words, re.MULTILINE)
    assert f"<noscript>{said} " in page
    assert '<html lang="en">' in page
    assert "<b>" not in page
    source = (HOME / "__init__.py").read_text("utf-8")
    assert "Backfills" not in source
    assert said not in source


def test_the_types_are_those_of_the_published_document() -> None:
    """The panel's types are made of what the server publishes, so that the two cannot drift apart. [P11, P8]"""
    made = subprocess.run(
        [sys.executable, "-m", "backfill.web.panel.typedefs"], capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout
    assert (HOME / "types.js").read_text("utf-8") == made == render_types()


def test_units_are_a_table_of_days_by_districts() -> None:
    """Of each day and district the table has the state that it is in, and says where there is no unit. [R9.5, R12.3, P8]"""
    source = GatedSource(lambda on, district: district == "B" and on == day(1))
    with offering(source) as (service, client):
        backfill_id = start(client)
        source.await_arrivals()
        view = client.get(f"/backfills/{backfill_id}/units").json()
        assert view["districts"] == ["A", "B"]
        assert [row["day"] for row in view["rows"]] == ["2026-01-05", "2026-01-06"]
        assert view["states"][view["rows"][1]["cells"][1]] == "pending"
        source.gate.set()
        service.get_job(backfill_id).wait(20)
        response = client.get(f"/backfills/{backfill_id}/units")
        assert {view["states"][cell] for row in response.json()["rows"] for cell in row["cells"]} == {"completed"}
        etag = {"If-None-Match": response.headers["etag"]}
        assert client.get(f"/backfills/{backfill_id}/units", headers=etag).status_code == 304
        problem(client.get("/backfills/nowhere/units"), 404, "job-not-found")


def test_units_of_days_with_lists_of_their_own() -> None:
    """Where the days' lists differ, a cell that is no unit of its day is -1; a day that was never listed has a state as a whole. [R9.5, P8]"""

    class Growing(ScriptedCatalog):
        def list_districts(self, on: object, _fetch: object, /) -> tuple[str, ...]:
            if on == day(2):
                message = "no list"
                raise ConnectionError(message)
            return ("A", "B") if on == day(0) else ("B",)

    with offering(Growing()) as (service, client):
        body = {"targetDistricts": None, "endDate": "2026-01-07", "detail": "full"}
        backfill_id = finish(service, client, **body)
        view = client.get(f"/backfills/{backfill_id}/units").json()
        completed, failed = view["states"].index("completed"), view["states"].index("failed")
        assert view["rows"] == [
            {"day": "2026-01-05", "whole": None, "cells": [completed, completed]},
            {"day": "2026-01-06", "whole": None, "cells": [-1, completed]},
            {"day": "2026-01-07", "whole": failed, "cells": [-1, -1]},
        ]


def test_the_service_tells_the_units_of_any_job() -> None:
    """The units are those that the job store keeps, in the order of the plan, for whoever opens it. [R4.4, R9.5]"""
    kept = MemoryJobStore()
    with offering(jobs=kept) as (service, client):
        backfill_id = finish(service, client)
        rows = service.units(backfill_id)
        assert list(rows) == [day(1), day(0)]
        with serving(GatedSource(), jobs=kept) as other:
            assert other.units(backfill_id) == rows
        with pytest.raises(JobNotFound):
            service.units("nowhere")
