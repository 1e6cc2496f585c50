"""The service in a Flask application: a route that starts a job, one that tells how it is, and the whole interface mounted beside them.

Serve it with ``flask --app examples/embed_flask.py run``; run it to see it asked. Needs ``backfill[wsgi]`` and ``flask``.

    python examples/embed_flask.py

It prints:

    a click: 202
    the same click again: the same job
    complete: 31 stored
    the interface beside it: 200 complete
"""

from __future__ import annotations

import atexit
from datetime import date

from flask import Flask, Response, jsonify, make_response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from backfill import BackfillRequest, BackfillService, Fetch, JobNotFound, function_source
from backfill.stores import MemorySnapshotStore
from backfill.web import as_wsgi, create_app, everybody


@function_source("example")
def example(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


app = Flask(__name__)
service = BackfillService(example, MemorySnapshotStore())  # with workers that fork: in the hook that runs in each of them
interface = as_wsgi(create_app(service, authorize=everybody))
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/backfill": interface})  # type: ignore[method-assign] # as Flask's documentation has it
atexit.register(service.close)


@app.post("/january")
def january() -> Response:
    """Start January, once, however often the button is pressed."""
    job = service.initiate_backfill(BackfillRequest("2024-01-01", "2024-01-31", ["north"]), idempotency_key="january-2024")
    return make_response(jsonify(job=job.backfill_id), 202)


@app.get("/jobs/<backfill_id>")
def job_state(backfill_id: str) -> Response:
    """Tell how a job is; never waits."""
    try:
        report = service.get_backfill_status(backfill_id)
    except JobNotFound as error:
        return make_response(jsonify(error=str(error)), 404)
    return jsonify(status=report.status, stored=report.progress.completed)


def main() -> None:
    """Ask the application as a browser would, without a socket."""
    client = app.test_client()
    first, second = client.post("/january"), client.post("/january")
    print(f"a click: {first.status_code}")
    job_id = first.get_json()["job"]
    print(f"the same click again: {'the same job' if second.get_json()['job'] == job_id else 'another job'}")
    service.get_job(job_id).wait()
    state = client.get(f"/jobs/{job_id}").get_json()
    print(f"{state['status']}: {state['stored']} stored")
    answer = client.get(f"/backfill/backfills/{job_id}")
    print(f"the interface beside it: {answer.status_code} {answer.get_json()['status']}")
    interface.close()
    service.close()


if __name__ == "__main__":
    main()
