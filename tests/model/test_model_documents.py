"""Documents: their identity, their text, and the secrets that never show."""

from __future__ import annotations

import hashlib
import pickle
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.model import Document, DocumentRequest, document_name, redact_url
from backfill.model.redaction import SENSITIVE_NAMES
from foundation_samples import NOW, bounded

URL = "https://example.org/report"
SECRET = "s3cr3t-Value"
pairs = st.lists(st.tuples(st.text("abkey%&= ", min_size=1, max_size=6), st.text(max_size=6)), max_size=4)


def test_an_identity_is_method_address_parameters_and_body() -> None:
    """Two requests have one identity when they ask for the same, and else two. [R9.3]"""
    name = document_name(URL)
    assert name == f"GET {URL}"
    assert document_name(f"{URL}?b=2&a=1") == document_name(URL, params={"a": "1", "b": "2"})
    assert document_name(f"{URL}#part") == name
    others = {
        name,
        document_name(URL, method="post"),
        document_name(f"{URL}?a=1"),
        document_name(f"{URL}?a="),
        document_name(URL, body=b"x"),
        document_name(URL, body=b"y"),
    }
    assert len(others) == 6
    assert document_name(URL, method="post").startswith("POST ")


@bounded
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_parameters_is_no_part_of_an_identity(query: list[tuple[str, str]], random: object) -> None:
    """However parameters are ordered or spread over address and request, the identity is one. [R9.3]"""
    shuffled = list(query)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis's own Random
    assert document_name(f"{URL}?{urlencode(query)}") == document_name(f"{URL}?{urlencode(shuffled)}")


@bounded
@given(st.sampled_from(sorted(SENSITIVE_NAMES)), st.booleans(), pairs)
def test_no_secret_shows_in_an_identity_or_a_shown_address(name: str, encoded: bool, query: list[tuple[str, str]]) -> None:
    """Values of sensitive parameters and user information never show, however the name is written. [B3, B6]"""
    spelt = "".join(f"%{ord(letter):02X}" for letter in name.upper()) if encoded else quote(name)
    url = f"https://user:{SECRET}@example.org:8443/p?{urlencode(query)}&{spelt}={SECRET}"
    shown = redact_url(url)
    assert SECRET not in shown
    assert SECRET not in document_name(url)
    assert SECRET not in document_name(URL, params={name: SECRET})
    assert urlsplit(shown).netloc == "example.org:8443"
    assert [value for key, value in parse_qsl(urlsplit(shown).query) if key.lower() == name.lower()][-1] == "***"
    assert redact_url(shown) == shown


def test_an_address_without_secrets_is_left_as_it_is() -> None:
    """What hides nothing is shown as it was written, words that merely contain a sensitive one included. [B3]"""
    for url in (URL, f"{URL}?keyboard=1&b=%C3%A9", f"{URL}?a=token#x"):
        assert redact_url(url) == url
    assert redact_url(f"{URL}?day=1&session=9", frozenset({"session"})) == f"{URL}?day=1&session=***"


def test_a_request_names_its_document() -> None:
    """A request's identity is the name that it gives, or the default one. [R9.3]"""
    request = DocumentRequest(URL, params={"a": "1"}, body=b"x")
    assert request.identity == document_name(URL, params={"a": "1"}, body=b"x")
    assert DocumentRequest(URL, name="rain~2026").identity == "rain~2026"


def test_a_document_by_hand_is_like_a_received_one() -> None:
    """A document made for a test has identity, time and digest, hides secrets, and can be pickled. [B3, B8]"""
    document = Document.of(f"{URL}?token={SECRET}", "a,é\n", fetched_at=NOW)
    assert document.content == "a,é\n".encode()
    assert document.sha256 == hashlib.sha256(document.content).hexdigest()
    assert SECRET not in repr(document)
    assert (document.ref.name, document.ref.url, document.ref.fetched_at) == (f"GET {URL}", document.url, NOW)
    assert document.ref.sha256 == document.sha256
    named = Document.of(URL, b"", name="rain")
    assert named.name == "rain"
    assert abs((datetime.now(UTC) - named.fetched_at).total_seconds()) < 60
    copied = pickle.loads(pickle.dumps(document))
    assert (copied.ref, copied.content, copied.headers) == (document.ref, document.content, document.headers)
    assert Document(url=URL, name="n", content=b"x", fetched_at=NOW, sha256="known").sha256 == "known"


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"\xef\xbb\xbfday", "day"), ("größe".encode(), "größe"), ("größe".encode("cp1252"), "größe"), (b"\x81x", "\ufffdx")],
)
def test_text_is_utf_8_or_what_windows_writes(content: bytes, text: str) -> None:
    """Text is read as UTF-8 without its mark, else as cp1252, and never fails. [R10.2]"""
    assert Document.of(URL, content).text == text


def test_a_request_shows_no_secret() -> None:
    """What a notebook prints of a request has neither the password of its address nor the value of a secret header or parameter. [B6]"""
    request = DocumentRequest(
        "http://u:pw@h/?token=abc",
        params={"api_key": "def", "page": "2"},
        headers={"Authorization": "Bearer zzz"},
        body=b"secret",
    )
    shown = repr(request)
    assert not [secret for secret in ("pw", "abc", "def", "zzz", "secret") if secret in shown]
    assert "'page': '2'" in shown
    assert "<6 bytes>" in shown
    assert "body=None" in repr(DocumentRequest("http://h/"))
