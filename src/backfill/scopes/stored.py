"""A configuration of districts on disk: one file that holds it together with the history of its changes.

The file is replaced as a whole, so that configuration and history agree whatever is interrupted. Its history only grows, so
that its size alone tells a reader of nearly every change.
"""

from __future__ import annotations

import threading
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from backfill.errors import DamagedFile
from backfill.jsonvalues import JsonValue, dumps, loads
from backfill.model import normalize_district, refuse_collisions
from backfill.wholefile import Stamp, WholeFile

SCHEMA_VERSION = "1.0.0"


class ChangeAction(StrEnum):
    """What was done to a configuration."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"


@frozen
class ConfigurationChange:
    """One change of a configuration.

    Attributes:
        at: When (aware, UTC).
        action: What was done.
        before: The districts configured before; ``None`` = nothing was, every district was in scope.
        after: The districts configured since; ``None`` = as above.
        by: Who did it, where they said so.
        note: Why, where they said so.
    """

    at: datetime
    action: ChangeAction
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None
    by: str | None = None
    note: str | None = None


@frozen
class Configuration:
    """What the file holds: the districts, and the changes that led to them, oldest first."""

    districts: tuple[str, ...] | None = None
    history: tuple[ConfigurationChange, ...] = ()


class ConfigurationFile(WholeFile):
    """The file, read anew when it has changed, and replaced under a lock. Any thread, any process."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lock = threading.Lock()
        self._seen: Stamp | None = None
        self._loaded = Configuration()

    def load(self) -> Configuration:
        """Return the newest configuration; an empty one when there is no file.

        Raises:
            DamagedFile: The file does not hold a configuration.
            StoreUnavailable: It cannot be read.
        """
        with self._lock:
            if self._seen is None or self.stamp() != self._seen:
                found = self.read()
                self._loaded = Configuration() if found is None else _decode(found[1], self.path)
                self._seen = None if found is None else found[0]
            return self._loaded

    def save(self, configuration: Configuration) -> None:
        """Write *configuration*, durably and as a whole; the caller holds the lock.

        Raises:
            StoreUnavailable: It cannot be written; the file is as it was.
        """
        self.replace(_encode(configuration))


def _encode(configuration: Configuration) -> bytes:
    newest = configuration.history[-1]
    return dumps(
        {
            "schemaVersion": SCHEMA_VERSION,
            "version": len(configuration.history),
            "configuredDistricts": configuration.districts,
            "lastUpdated": newest.at.isoformat(),
            "updatedBy": newest.by,
            "history": [
                {
                    "at": change.at.isoformat(),
                    "action": change.action,
                    "previousDistricts": change.before,
                    "newDistricts": change.after,
                    "by": change.by,
                    "note": change.note,
                }
                for change in configuration.history
            ],
        }
    )


def _decode(content: bytes, path: Path) -> Configuration:
    try:
        stored = _object(loads(content))
        version = _text(stored["schemaVersion"])
        if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            rule = f"has schema version {version}, and this release reads {SCHEMA_VERSION}"
            raise DamagedFile(str(path), rule, "use the release of backfill that wrote it, or a newer one")
        districts = _texts(stored["configuredDistricts"])
        if districts is not None:
            _check_names(districts)
        return Configuration(districts, tuple(_decode_change(change) for change in _list(stored["history"])))
    except (ValueError, TypeError, KeyError) as error:
        rule = f"does not hold a configuration of districts ({type(error).__name__}: {error})"
        raise DamagedFile(str(path), rule, "restore it from a copy, or move it away and configure the districts again") from error


def _decode_change(value: JsonValue) -> ConfigurationChange:
    change = _object(value)
    return ConfigurationChange(
        at=datetime.fromisoformat(_text(change["at"])),
        action=ChangeAction(_text(change["action"])),
        before=_texts(change["previousDistricts"]),
        after=_texts(change["newDistricts"]),
        by=None if change["by"] is None else _text(change["by"]),
        note=None if change["note"] is None else _text(change["note"]),
    )


def _check_names(districts: tuple[str, ...]) -> None:
    """Refuse what no call of ours would have written: somebody has edited the file, and slipped."""
    if not districts or len(set(districts)) != len(districts) or any(normalize_district(name) != name for name in districts):
        message = f"{districts} are not district identifiers, each once"
        raise ValueError(message)
    refuse_collisions(districts)


def _object(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        message = "an object is expected"
        raise TypeError(message)
    return value


def _list(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        message = "a list is expected"
        raise TypeError(message)
    return value


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        message = "text is expected"
        raise TypeError(message)
    return value


def _texts(value: JsonValue) -> tuple[str, ...] | None:
    return None if value is None else tuple(map(_text, _list(value)))
