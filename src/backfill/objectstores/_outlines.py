"""The outlines of all days in one object: a cache that makes a coverage over ten years a handful of requests.

An outline is believed if it carries the tag of the day's pointer as the bucket lists it, and the object if it carries the checksum of its own
content. Anything else is as good as none, and is written anew by whoever had to read the manifests. So the object needs no condition:
of two who write it at once one is lost, and what is missing is read again.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import TypeAlias

from backfill.errors import StoreUnavailable
from backfill.model import DayOutline
from backfill.objectstores._bucket import Bucket
from backfill.stores._outlines import decode_outlines, encode_outlines

KEY = "index/outlines.json.gz"

Tagged: TypeAlias = tuple[tuple[str], DayOutline]
"""An outline, and the tag of the pointer to the state that it is of."""


def load_outlines(bucket: Bucket) -> dict[date, Tagged]:
    """Return what is known of days, whichever state they are in by now. One request.

    Raises:
        StoreUnavailable: The bucket cannot be reached.
    """
    kept = bucket.read(KEY)
    if kept is None:
        return {}
    try:
        return decode_outlines(gzip.decompress(kept), _as_tag)
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        TypeError,
        IndexError,
    ):  # a cache that cannot be believed is one that is not there
        return {}


def save_outlines(bucket: Bucket, outlines: Mapping[date, Tagged]) -> None:
    """Keep outlines in the place of those that were kept, where that is possible. One request."""
    with suppress(StoreUnavailable):  # whoever may only read reads the manifests each time
        bucket.write(KEY, gzip.compress(encode_outlines(outlines), 4, mtime=0))


def _as_tag(mark: Sequence[str]) -> tuple[str]:
    (tag,) = mark
    return (tag,)
