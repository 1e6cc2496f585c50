"""Raw documents: what a source asks for, what it is handed, and what is remembered of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from backfill.model.checks import frozen_mapping, sized
from backfill.model.redaction import REDACTED, SENSITIVE_NAMES


def _texts(value: Mapping[str, str] | None) -> Mapping[str, str]:
    return frozen_mapping(value)


def _shown(values: Mapping[str, str]) -> str:
    """Return *values* for people, secrets redacted."""
    return repr({name: REDACTED if name.lower() in SENSITIVE_NAMES else value for name, value in values.items()})


@frozen
class DocumentRequest:
    """One document that a source would ask for.

    Attributes:
        url: Absolute address.
        method: HTTP method, upper case.
        params: Query parameters to add to the address.
        headers: Request headers.
        body: Request body, or ``None``.
        name: The document's identity; ``""`` derives it from method, address, parameters and body (`document_name`).
        report: Which kind of document it is; the plan counts requests by it.
        conditional: Asked for only when another document turns out to hold nothing: the plan allows it, and does not count it.
    """

    url: str = field(repr=lambda url: repr(redact_url(url)))
    method: str = "GET"
    params: Mapping[str, str] = field(factory=dict, converter=_texts, repr=_shown)
    headers: Mapping[str, str] = field(factory=dict, converter=_texts, repr=_shown)
    body: bytes | None = field(default=None, repr=lambda body: "None" if body is None else f"<{len(body)} bytes>")
    name: str = ""
    report: str = "document"
    conditional: bool = False

    @property
    def identity(self) -> str:
        """The name, or the default one."""
        return self.name or document_name(self.url, method=self.method, params=self.params, body=self.body)


@frozen(eq=False)
class Document:
    """One document as it was received. Immutable; may be shared between threads.

    Attributes:
        url: The address it came from, secrets redacted.
        name: Its identity, under which it is archived and shared.
        content: The body, decoded from any transfer or content encoding.
        status: HTTP status.
        headers: Response headers, names in lower case.
        fetched_at: When its last byte arrived (aware, UTC).
        sha256: Of `content`, hexadecimal.
        from_archive: Whether it was read from an archive and not from the network.
        parsed: What the caller's ``check`` returned for it.
    """

    url: str
    name: str
    content: bytes = field(repr=sized("bytes"))
    fetched_at: datetime
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict, converter=_texts)
    sha256: str = ""
    from_archive: bool = False
    parsed: object = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", hashlib.sha256(self.content).hexdigest())

    @classmethod
    def of(cls, url: str, content: bytes | str, *, name: str = "", fetched_at: datetime | None = None) -> Document:
        """Return a document made by hand, for tests and for sources that read files; text is encoded as UTF-8."""
        body = content.encode() if isinstance(content, str) else content
        return cls(url=redact_url(url), name=name or document_name(url), content=body, fetched_at=fetched_at or datetime.now(UTC))

    @property
    def text(self) -> str:
        """The content as UTF-8 text (a leading byte order mark removed), or as cp1252 where it is not UTF-8."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return self.content.decode("cp1252", errors="replace")

    @property
    def ref(self) -> DocumentRef:
        """What is remembered of it in a record."""
        return DocumentRef(name=self.name, url=self.url, fetched_at=self.fetched_at, sha256=self.sha256)


@frozen
class DocumentRef:
    """Where a figure came from: one raw document, by identity, address, time and content (B3)."""

    name: str
    url: str
    fetched_at: datetime
    sha256: str


def document_name(url: str, *, method: str = "GET", params: Mapping[str, str] | None = None, body: bytes | None = None) -> str:
    """Return the default identity of a request: method, address, sorted parameters, hash of the body. Secrets are left out."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True) + list((params or {}).items())
    kept = sorted((key, value) for key, value in pairs if key.lower() not in SENSITIVE_NAMES)
    netloc = parts.netloc.rpartition("@")[2]
    address = urlunsplit((parts.scheme, netloc, parts.path, urlencode(kept), ""))
    suffix = f"#{hashlib.sha256(body).hexdigest()[:16]}" if body else ""
    return f"{method.upper()} {address}{suffix}"


def redact_url(url: str, names: frozenset[str] = SENSITIVE_NAMES) -> str:
    """Return *url* without user information and with the values of sensitive parameters replaced."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)  # decoded, since %74oken is a token as well
    if netloc == parts.netloc and not any(key.lower() in names for key, _value in pairs):
        return url
    pairs = [(key, REDACTED if key.lower() in names else value) for key, value in pairs]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(pairs, safe="*~/:"), parts.fragment))
