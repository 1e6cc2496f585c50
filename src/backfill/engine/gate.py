"""The door, open for the documents of the plan and no others (P12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backfill.errors import PermanentSourceError
from backfill.model import Document, document_name
from backfill.protocols import Fetch


class PlannedOnly:
    """A `Fetch` that asks only for documents whose identities are among *names*. Any thread."""

    def __init__(self, fetch: Fetch, names: frozenset[str]) -> None:
        self._fetch = fetch
        self._names = names

    def __call__(
        self,
        url: str,
        /,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Document], object] | None = None,
        name: str | None = None,
    ) -> Document:
        """Return the document, if it is planned.

        Raises:
            PermanentSourceError: Kind ``unplanned_request``: it is not. Whatever else the door raises.
        """
        identity = name or document_name(url, method=method, params=params, body=body)
        if identity not in self._names:
            raise PermanentSourceError(
                f"{identity!r} is not among the documents that the source planned for this unit; name it in requests_for()",
                kind="unplanned_request",
                stage="fetch",
            )
        return self._fetch(url, method=method, params=params, headers=headers, body=body, check=check, name=identity)
