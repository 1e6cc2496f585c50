"""What a source's errors give away: nothing that a report, a stored file or a log would repeat."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import PermanentSourceError, TransientSourceError
from backfill.model import Collected, redact_text
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import PATIENCE, ask, day, serving

SECRET = "hunter2"
TEXTS = {
    "an address": f"GET https://example.org/r?district=61&token={SECRET}&day=1 failed",
    "user information": f"cannot reach ftp://user:{SECRET}@example.org/x",
    "half an address": f"Max retries exceeded with url: /r?API_KEY={SECRET} (Caused by nothing)",
    "an encoded name": f"/r?%74oken={SECRET}",
    "headers": f"sent {{'Authorization': 'Bearer {SECRET}', 'Accept': '*/*'}}",
    "a header of bytes": f"sent {{\"X-Api-Key\": b'{SECRET}'}}",
    "a header line": f"Proxy-Authorization: Basic {SECRET}\r\nAccept: */*",
    "cookies": f"Cookie: theme=dark; session={SECRET}",
    "a quoted cookie": f"{{'Set-Cookie': 'session={SECRET}; Path=/'}}",
    "a connection string": f"could not connect: host=db password={SECRET} user=u",
    "an assigned token": f"refused: token={SECRET}",
    "an assigned token, spaced": f"token = {SECRET}",
    "a compound name": f"aws_secret_access_key={SECRET} AWS_REGION=x",
    "camel case": f"accessToken: {SECRET}",
    "a key in two words": f"API key: {SECRET}",
    "JSON": f'{{"user": "u", "password": "two words, {SECRET}", "day": 1}}',
    "JSON with an escaped quote": f'{{"password": "a\\"{SECRET}"}}',
    "JSON within a string": f'body was "{{\\"password\\": \\"{SECRET}\\"}}"',
    "a list in JSON": f'{{"token": ["{SECRET}"]}}',
    "a quoted value": f"password='two words {SECRET}' host=h",
    "a percent-encoded pair": f"body a=1%26access_token%3D{SECRET}%26b=2",
    "percent-encoded JSON": f"%7B%22password%22%3A%22{SECRET}%22%7D",
    "a percent-encoded name": f"body was %70assword={SECRET}",
    "percent-encoded user information": f"https%3A%2F%2Fuser%3A{SECRET}%40example.org/***",
    "an account without a scheme": f"cannot reach user:{SECRET}@example.org:5432/db",
    "user information with an at-sign": f"https://user:p@{SECRET}@example.org/***",
    "a scheme of its own": f"Authorization: Token {SECRET}",
    "a digest": f'Authorization: Digest username="u", response="{SECRET}"',
    "a signed request": f"Authorization: AWS4-HMAC-SHA256 Credential=k/2026/x, Signature={SECRET}",
    "a percent-encoded header": f"Authorization=Bearer%20{SECRET}",
    "headers as pairs": f"[(b'accept', b'x'), (b'authorization', b'Bearer {SECRET}')]",
    "credentials alone": f"refused: Bearer {SECRET} is not known",
    "an arrow": f"api_key => {SECRET}",
    "an option": f"mytool --api-key {SECRET} --day 1",
    "an element": f"<user>u</user><password>{SECRET}</password>",
    "an entity": f"password&#61;{SECRET}",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_secrets_are_taken_out_of_a_text(text: str) -> None:
    """Secrets of addresses and headers do not stay in a text; what stands around them does."""
    shown = redact_text(text)
    assert SECRET not in shown
    assert "***" in shown or "ftp://example.org/x" in shown
    assert shown.split("***")[0].rstrip("'\" ") in text or ":/" in text or "%2F" in text
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Unexpected token: <",
        "KeyError: 'key'; pass the key to sorted(x, key=len)",
        "https://example.org/r?day=1&district=61#part",
        "mail me@example.org // or you@example.org",
        "a=1; b=2 & c=3? d=4",
        "the authorization was refused",
        "the bearer of bad news",
        "at 12:30, 3:45; a ratio of 1:2",
        "<day>2026-01-05</day> --districts 61 -d F",
        "sections: 5, author: Ada, monkey: 2",
    ],
)
def test_texts_without_secrets_stay_as_they_are(text: str) -> None:
    """Nothing is taken out of a text that only looks a little like it."""
    assert redact_text(text) == text


@settings(max_examples=1000)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(list("?&;=:/@#'\" \r\n%ab7token*cookie{}\\<>-[,")),
            st.sampled_from(
                ["password", "Authorization", "%3D", "%22", "%40", "%2F", "Bearer ", "***", "=>", "--", "</", "Digest ", "b'"]
            ),
        ),
        max_size=40,
    ).map("".join),
    st.booleans(),
)
def test_any_text_can_be_looked_through(text: str, wide: bool) -> None:
    """Looking for secrets never fails, and what it leaves it would leave again."""
    once = redact_text(text, wide=wide)
    assert redact_text(once, wide=wide) == once


Raised = Callable[[str], BaseException]


def _chained(text: str) -> BaseException:
    error = LookupError("no figures")
    error.__cause__ = OSError(text)
    return error


RAISED: Mapping[str, Raised] = {
    "a bug": RuntimeError,
    "permanent": PermanentSourceError,
    "transient": TransientSourceError,
    "a time-out": TimeoutError,
    "a broken connection": ConnectionResetError,
    "its cause": _chained,
}


@pytest.mark.parametrize("text", [TEXTS["an address"], TEXTS["headers"]])
@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
def test_no_secret_of_an_error_is_repeated(raised: Raised, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a source raises with a secret in its text: report, list, events, stored metadata and log do not have it. [B6, R6.2]"""
    caplog.set_level(logging.DEBUG, "backfill")

    class Leaking(ScriptedSource):
        def summarize_day(self, on: date, names: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
            raise raised(text)

    source = Leaking(lambda _on, name: 1 if name == "A" else raised(text))
    clock = VirtualClock()
    store = PerDistrictFileSnapshotStore(tmp_path, clock=clock)
    with serving(source, store, clock=clock) as service:
        job = service.initiate_backfill(ask(1, "A", "B"))
        report = job.wait(PATIENCE)
        told = repr(
            (report, report.errors, report.findings, service.list_backfills(), service.events(), service.errors(job.backfill_id))
        )
    assert (report.progress.completed, report.progress.failed) == (1, 1)
    assert [finding.kind for finding in report.findings] == ["summary_failed"]
    metadata = store.read(day(0)).metadata
    files = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    for shown in (told, repr((metadata, metadata.errors, metadata.findings)), files, caplog.text):
        assert SECRET not in shown
    if raised is not _chained:
        assert "***" in report.errors[0].message


def test_the_traceback_of_a_bug_is_logged_with_its_unit(caplog: pytest.LogCaptureFixture) -> None:
    """A bug's traceback goes to the log with job, day and district: as an exception, or as text where secrets were taken out. [R6.2]"""
    with serving(
        ScriptedSource(lambda _on, name: ZeroDivisionError(TEXTS["an address"] if name == "B" else "by zero"))
    ) as service:
        job = service.initiate_backfill(ask(1, "A", "B", concurrency=1))
        report = job.wait(PATIENCE)
    plain, redacted = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert plain.exc_info is not None
    assert str(plain.exc_info[1]) == "by zero"
    assert redacted.exc_info is None
    assert "in _answer\n" in redacted.getMessage()
    assert "ZeroDivisionError: GET https://example.org/r?district=61&token=***&day=1 failed" in redacted.getMessage()
    for record, district in ((plain, "A"), (redacted, "B")):
        said = vars(record)
        assert (said["job_id"], said["day"], said["district"]) == (job.backfill_id, "2026-01-05", district)
    assert [error.message for error in report.errors] == [
        "raised ZeroDivisionError: by zero",
        "raised ZeroDivisionError: GET https://example.org/r?district=61&token=***&day=1 failed",
    ]
