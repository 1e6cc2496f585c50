"""The service in a Django project: views that start a job and tell how it is, in one file.

In a project of your own, make the service in the ``ready`` of an application's configuration, or at first use as here; `as_wsgi` and the ASGI
application are mounted as docs/how-to/serve-over-http.md shows. Needs ``django``.

    python examples/embed_django.py

It prints:

    who may not: 403
    a click: 202
    complete: 31 stored
    no such job: 404
"""

from __future__ import annotations

import atexit
import logging
from datetime import date
from functools import cache

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.http import require_POST

from backfill import BackfillRequest, BackfillService, Fetch, JobNotFound, function_source
from backfill.stores import MemorySnapshotStore


@function_source("example")
def example(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


@cache
def service() -> BackfillService:
    """Return the service of this process, made when it is asked for first: after the server has forked."""
    made = BackfillService(example, MemorySnapshotStore())
    atexit.register(made.close)
    return made


@require_POST  # type: ignore[untyped-decorator] # Django has no types; its check against forged requests guards it as it does any view
def january(request: HttpRequest) -> JsonResponse:
    """Start January for who may."""
    if request.headers.get("X-User") != "ada":  # a project asks request.user.has_perm(…)
        return JsonResponse({"error": "not for you"}, status=403)
    job = service().initiate_backfill(BackfillRequest("2024-01-01", "2024-01-31", ["north"]))
    return JsonResponse({"job": job.backfill_id}, status=202)


def job_state(_request: HttpRequest, backfill_id: str) -> JsonResponse:
    """Tell how a job is; never waits."""
    try:
        report = service().get_backfill_status(backfill_id)
    except JobNotFound as error:
        return JsonResponse({"error": str(error)}, status=404)
    return JsonResponse({"status": report.status, "stored": report.progress.completed})


urlpatterns = [path("january", january), path("jobs/<str:backfill_id>", job_state)]


def main() -> None:
    """Ask the project as a browser would, without a socket."""
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="of this example", LOGGING_CONFIG=None)  # noqa: S106 - signs nothing here
    django.setup()
    logging.getLogger("django.request").setLevel(logging.ERROR)  # the refusals below are meant
    client = Client()
    print(f"who may not: {client.post('/january').status_code}")
    started = client.post("/january", headers={"X-User": "ada"})
    print(f"a click: {started.status_code}")
    job_id = started.json()["job"]
    service().get_job(job_id).wait()
    state = client.get(f"/jobs/{job_id}").json()
    print(f"{state['status']}: {state['stored']} stored")
    print(f"no such job: {client.get('/jobs/lost').status_code}")
    service().close()


if __name__ == "__main__":
    main()
