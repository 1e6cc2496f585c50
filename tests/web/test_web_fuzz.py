"""The published document held against the running application by tools of others."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backfill.scopes import DistrictConfigurationService
from backfill.testing.source import ScriptedDashboard
from backfill.web import WebLimits, create_app, everybody
from service_doubles import serving
from web_client import Client, finish
from web_hosts import uvicorn_serving

LIMITS = WebLimits(stream_seconds=0.0, max_queued=10_000)
"""Streams end at once, or a client in the same process would wait for their end for ever."""


@pytest.mark.slow
def test_p8_the_document_is_valid_openapi(tmp_path: Path) -> None:
    """The document is OpenAPI 3.1 as its authors define it. [P8, R8.3]"""
    found = pytest.importorskip("openapi_spec_validator", reason="it is not installed; the extra 'test-web' has it")
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    with serving(ScriptedDashboard(), scope=scope) as service:
        document = Client(create_app(service, authorize=everybody)).document
        found.OpenAPIV31SpecValidator(document).validate()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_p8_no_generated_request_finds_an_answer_that_is_not_published(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, record_property: Callable[[str, object], None]
) -> None:
    """More than a thousand generated requests, right and wrong, get answers that the document publishes, and never a 500. [P8, R8.3, R8.5]"""
    caplog.set_level(logging.ERROR, "backfill")  # the engine warns of each of the generated districts
    pytest.importorskip("schemathesis", reason="Schemathesis is not installed; the extra 'test-web' has it")
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    with serving(ScriptedDashboard(), scope=scope) as service:
        app = create_app(service, authorize=everybody, limits=LIMITS)
        finish(service, Client(app))
        with uvicorn_serving(app) as url:
            command = [
                sys.executable,
                "-c",
                "from schemathesis.cli import schemathesis; schemathesis()",
                "run",
                f"{url}/openapi.json",
            ]
            # not positive_data_acceptance: a range that lies in the future fits the schema, and cannot be done
            options = ["--checks=all", "--exclude-checks=positive_data_acceptance", "--max-examples=15", "--seed=1", "--no-color"]
            options.append(f"--report-json-path={tmp_path / 'report.json'}")
            done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    cases, operations = report["test_cases"], report["operations"]
    assert operations["tested"] == operations["selected"] > 20
    assert cases["generated"] > 1000, "the fuzzer has hardly asked"
    assert (cases["with_failures"], cases["errored"]) == (0, 0)
    figures = f"{cases['generated']} cases for {operations['tested']} operations; failures: {cases['with_failures']}"
    record_property("figures", f"Schemathesis {report['schemathesis_version']}: {figures}")
