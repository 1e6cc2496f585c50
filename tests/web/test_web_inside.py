"""The application asked inside its process: the same answers, without a server."""

from __future__ import annotations

import json

from backfill.testing.source import ScriptedSource
from backfill.web import create_app, everybody
from backfill.web.inside import ask_inside
from service_doubles import PATIENCE, serving


def test_it_answers_as_a_server_does() -> None:
    """Path, query, headers and body reach the operation; status, headers and body come back. [R12.1, R8.3]"""
    with serving(ScriptedSource()) as service:
        app = create_app(service, authorize=everybody)
        body = json.dumps({"startDate": "2026-01-05", "targetDistricts": ["A"]}).encode()
        started = ask_inside(app, "POST", "/backfills", {"Content-Type": "application/json"}, body)
        assert started.status == 202
        backfill_id = json.loads(started.body)["backfillId"]
        assert started.headers["location"].endswith(f"/backfills/{backfill_id}")
        service.get_job(backfill_id).wait(PATIENCE)
        listed = ask_inside(app, "GET", "/backfills?limit=1&status=complete", {})
        assert [job["backfillId"] for job in json.loads(listed.body)["items"]] == [backfill_id]
        assert ask_inside(app, "GET", "/nowhere", {}).status == 404


def test_a_stream_ends_at_once() -> None:
    """Of a stream of events, which nobody would read to its end, there is the beginning. [R8.5]"""
    with serving(ScriptedSource()) as service:
        answer = ask_inside(create_app(service, authorize=everybody), "GET", "/events", {})
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
