"""Secrets: in no error, log, identity, document or archive."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from backfill.errors import SourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.fetching.redaction import Secrets
from backfill.model import DocumentRequest, RetryPolicy
from backfill.testing.server import FaultServer, reply
from fetching_doubles import document, source_error, unit

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]
SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.org/x?b=1&token=s3cr3t&c=%41", "https://a.org/x?b=1&token=***&c=%41"),
        ("https://user:s3cr3t@a.org/x", "https://a.org/x"),
        ("https://a.org/x?%74oken=s3cr3t", "https://a.org/x?%74oken=***"),
        ("https://a.org/x?LICENSE=s3cr3t", "https://a.org/x?LICENSE=***"),
        ("https://a.org/x#access_token=s3cr3t", "https://a.org/x"),
        ("https://a.org/x?token", "https://a.org/x?token=***"),
        ("http://[s3cr3t", "<an address that cannot be read>"),
        ("/x?token=s3cr3t", "/x?token=***"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    """User information, fragments and the values of secret parameters go; everything else stays as it is."""
    assert Secrets(["license"]).address(url) == shown


def test_identities_leave_secrets_out() -> None:
    """The identity of a document does not depend on the secrets it was asked with; a name is taken as it is given."""
    secrets = Secrets(["License"])
    plain = DocumentRequest("https://a.org/x?b=1")
    assert (
        secrets.identity(DocumentRequest("https://u:s3cr3t@a.org/x?b=1&license=s3cr3t", params={"LICENSE": "s3cr3t"}))
        == plain.identity
    )
    assert secrets.identity(DocumentRequest("http://[", name="mine")) == "mine"


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(b"x" * 9999),
        reply(status="403 Forbidden"),
        reply(status="404 Not Found"),
        reply(status="503 Unavailable"),
        reply(status="302 Found", Location="/again?token=s3cr3t&n=1"),
        reply(status="302 Found", Location="ftp://u:s3cr3t@a.org/?token=s3cr3t"),
        reply(b"cut", Content_Length="100"),
        reply(b"cut", Content_Length=""),
        reply(b"cut", Content_Encoding="br"),
        reply(b"cut", Content_Encoding="gzip"),
        FaultServer.reset,
        b"",
        b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_no_error_and_no_log_shows_a_secret(
    server: FaultServer, polite: MakeFetcher, caplog: pytest.LogCaptureFixture, behaviour: bytes
) -> None:
    """Neither the error with its traceback, nor any log of ours or of the HTTP library at its most talkative. [R6.2]"""
    caplog.set_level(logging.DEBUG)
    server.on("/again", behaviour)
    url = server.on("/doc", behaviour).replace("http://", f"http://user:{SECRET}@")
    fetcher = polite(redact=["license"], retry=RetryPolicy(max_attempts=2, base=0), max_bytes=1000)
    fetch = fetcher.bind(unit())
    text = ""
    try:
        fetch(url, params={"token": SECRET, "license": SECRET}, headers={"Authorization": SECRET})
    except SourceError as error:
        text = "".join(traceback.format_exception(error)) + repr(error)
        assert "***" in text or "token" not in text
    records = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert SECRET not in text + records + repr(fetcher) + repr(fetch) + repr(fetcher.status())
    assert SECRET in server.requests[0].target


def test_no_document_and_no_archive_shows_a_secret(server: FaultServer, polite: MakeFetcher, tmp_path: Path) -> None:
    """What is handed out and what is kept carry neither the secrets that were sent nor those that came back. [B3]"""
    headers = {"Set_Cookie": f"session={SECRET}", "X_License": SECRET, "Location": f"/x?token={SECRET}"}
    url = server.on("/doc", reply(b"figures", **headers))
    archive = RawArchive(tmp_path)
    fetch = polite(archive=archive, redact=["x-license"]).bind(unit())
    got = fetch(url, params={"token": SECRET, "a": "b"}, headers={"X-Api-Key": SECRET})
    assert SECRET not in f"{got!r} {dict(got.headers)} {got.ref!r}"
    assert (got.url, got.headers["set-cookie"]) == (f"{url}?token=***&a=b", "***")
    archive.put(document(url=f"https://u:{SECRET}@a.org/?key={SECRET}", name="mine", headers={"Cookie": SECRET}))
    archive.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"***" in stored
    assert SECRET.encode() not in stored


def test_a_refused_address_is_shown_without_its_secrets(polite: MakeFetcher) -> None:
    """Also an address that cannot be asked may hold a password."""
    for url in (f"ftp://u:{SECRET}@a.org/", f"http://u:{SECRET}@[broken"):
        assert SECRET not in str(source_error(partial(polite().bind(unit()), url)))


def test_the_library_s_loggers_are_left_as_they_were(server: FaultServer) -> None:
    """The filter that hides secrets in the HTTP library's log goes with the fetcher, and sets no level."""
    loggers = [logging.getLogger(name) for name in ("urllib3.connectionpool", "urllib3.connection")]
    before = [(logger.filters[:], logger.level, logger.handlers[:]) for logger in loggers]
    fetcher = PoliteFetcher()
    fetcher.bind(unit())(server.on("/doc", reply(b"x")))
    assert [logger.filters for logger in loggers] != [filters for filters, _level, _handlers in before]
    fetcher.close()
    assert [(logger.filters, logger.level, logger.handlers) for logger in loggers] == before


def test_a_log_record_without_arguments_passes(
    server: FaultServer, polite: MakeFetcher, caplog: pytest.LogCaptureFixture
) -> None:
    """The filter leaves records alone that carry nothing."""
    polite().bind(unit())(server.on("/doc", reply(b"x")))
    with caplog.at_level(logging.DEBUG, "urllib3.connection"):
        logging.getLogger("urllib3.connection").debug("%(a)s", {"a": "mapping"})
    assert "mapping" in caplog.text
