"""Reads the fields of a stored JSON object; what does not fit is a ``ValueError`` that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NoReturn

from backfill.jsonvalues import JsonValue, loads

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Fields:
    """One JSON object.

    Args:
        value: What should be one.
    """

    def __init__(self, value: JsonValue) -> None:
        if not isinstance(value, dict):
            message = "not a JSON object"
            raise ValueError(message)  # noqa: TRY004 - a file's content is a value, whatever JSON type it has
        self._value: Mapping[str, JsonValue] = value

    @classmethod
    def of(cls, content: bytes) -> Fields:
        """Return the fields of the object that *content* holds."""
        return cls(loads(content))

    def text(self, name: str) -> str:
        """Return a text."""
        value = self._value.get(name)
        return value if isinstance(value, str) else _refuse(name, "a text")

    def optional_text(self, name: str) -> str | None:
        """Return a text, or ``None`` where it is missing or null."""
        return None if self._value.get(name) is None else self.text(name)

    def count(self, name: str) -> int:
        """Return a whole number."""
        value = self._value.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else _refuse(name, "a whole number")

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Return true or false; *default* where it is missing, unless that is ``None``."""
        value = self._value.get(name, default)
        return value if isinstance(value, bool) else _refuse(name, "true or false")

    def day(self, name: str) -> date:
        """Return a date."""
        return date.fromisoformat(self.text(name))

    def moment(self, name: str) -> datetime:
        """Return a time with its zone."""
        value = datetime.fromisoformat(self.text(name))
        return value if value.tzinfo is not None else _refuse(name, "a time with its zone")

    def sha256(self, name: str) -> str:
        """Return a SHA-256."""
        value = self.text(name)
        return value if _SHA256.fullmatch(value) else _refuse(name, "a SHA-256")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(item if isinstance(item, str) else _refuse(name, "a list of texts") for item in self._list(name))

    def object(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self._value.get(name))

    def objects(self, name: str) -> tuple[Fields, ...]:
        """Return a list of objects."""
        return tuple(Fields(item) for item in self._list(name))

    def as_texts(self) -> dict[str, str]:
        """Return the object itself, if all its values are texts."""
        return {name: self.text(name) for name in self._value}

    def _list(self, name: str) -> list[JsonValue]:
        value = self._value.get(name)
        return value if isinstance(value, list) else _refuse(name, "a list")


def _refuse(name: str, wanted: str) -> NoReturn:
    message = f"{name} is not {wanted}"
    raise ValueError(message)
