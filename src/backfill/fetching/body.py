"""Receiving a body: all of it, or an error. Nothing that was cut passes for a document.

What HTTP itself does not notice is noticed here: a gzip stream that ends before its end mark, and a body without a length, of which
nobody can say whether it was cut. The HTTP library's own decoding is not used, since it is content with both.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from backfill.errors import PermanentSourceError, TransientSourceError
from backfill.fetching.connection import seconds_left

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

_CHUNK = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_NAMES = frozenset({"gzip", "x-gzip"})
_DRAINED = 1 << 16


@frozen
class BodyLimits:
    """What a body may be.

    Attributes:
        where: The request, for messages.
        max_bytes: Bytes, on the wire and decoded.
        may_lack_length: Whether a caller's check will say if a body without a length is whole.
        received: Told of each piece's bytes.
    """

    where: str
    max_bytes: int
    may_lack_length: bool
    received: Callable[[int], None]


def read_body(raw: HTTPResponse, limits: BodyLimits) -> bytes:
    """Return the body of *raw*, decoded.

    Raises:
        TransientSourceError: Kind ``truncated``: it was cut.
        PermanentSourceError: Kind ``too_large``, ``unframed`` or ``bad_encoding``.
        TimeoutError: The deadline passed.
        Cancelled: The job was cancelled.
        urllib3.exceptions.HTTPError: The connection broke, or the framing was wrong.
    """
    encoding = raw.headers.get("content-encoding", "identity").strip().lower()
    coded = raw.headers.get("transfer-encoding", "").strip().lower()
    if encoding not in _GZIP_NAMES | {"identity", ""} or coded not in {"chunked", ""}:
        message = (
            f"{limits.where}: answered in the encoding {coded or encoding!r}, which was not asked for; ask the publisher for gzip"
        )
        raise PermanentSourceError(message, kind="bad_encoding", stage="fetch")
    has_length = bool(coded) or raw.length_remaining is not None
    if not (has_length or limits.may_lack_length or encoding in _GZIP_NAMES):
        message = (
            f"{limits.where}: answered without saying how long the document is, so that a cut one would look whole; "
            "pass a check= that recognises a whole document"
        )
        raise PermanentSourceError(message, kind="unframed", stage="fetch")
    _refuse_too_large(raw.length_remaining or 0, limits)
    pieces = _pieces(raw, limits)
    return _joined(_inflated(pieces, limits) if encoding in _GZIP_NAMES else pieces, limits)


def drain(raw: HTTPResponse) -> None:
    """Read what little there is, so that the connection can be used again; a long body is left, and costs the connection.

    Raises:
        TimeoutError: The deadline passed.
        Cancelled: The job was cancelled.
        urllib3.exceptions.HTTPError: The connection broke.
    """
    size = 0
    while size < _DRAINED and (data := raw.read1(_CHUNK, decode_content=False)):
        seconds_left()
        size += len(data)


def _pieces(raw: HTTPResponse, limits: BodyLimits) -> Iterator[bytes]:
    size = 0
    while True:
        seconds_left()
        data = raw.read1(_CHUNK, decode_content=False)
        if not data:
            return
        limits.received(len(data))
        size += len(data)
        _refuse_too_large(size, limits)
        yield data


def _joined(pieces: Iterator[bytes], limits: BodyLimits) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        _refuse_too_large(len(content), limits)
    return bytes(content)


def _inflated(pieces: Iterator[bytes], limits: BodyLimits) -> Iterator[bytes]:
    """Iterate over the decoded pieces of one or more gzip members, each bounded, whatever it was made from."""
    stream, begun = zlib.decompressobj(_GZIP), False
    for piece in pieces:
        data, begun = piece, True
        while data:
            if stream.eof:
                stream = zlib.decompressobj(_GZIP)
            try:
                yield stream.decompress(data, _CHUNK)
            except zlib.error:
                message = f"{limits.where}: the body is not the gzip stream that its header promises; another attempt may succeed"
                raise TransientSourceError(message, kind="bad_encoding", stage="fetch") from None
            data = stream.unconsumed_tail or stream.unused_data.lstrip(b"\0")  # members may be padded
    if begun and not stream.eof:
        message = f"{limits.where}: the compressed document was cut; another attempt may bring the whole"
        raise TransientSourceError(message, kind="truncated", stage="fetch")


def _refuse_too_large(size: int, limits: BodyLimits) -> None:
    if size > limits.max_bytes:
        message = f"{limits.where}: larger than max_bytes={limits.max_bytes}; raise max_bytes if it may be"
        raise PermanentSourceError(message, kind="too_large", stage="fetch")
