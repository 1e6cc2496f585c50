"""The districts that may be collected, as a service of its own (R7)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from types import EllipsisType

from backfill.errors import ConfigurationChanged, InvalidRequest
from backfill.model import BackfillScope, Doubt, ScopeKind, normalize_district, refuse_collisions
from backfill.model.checks import Refusals, as_count, as_path, as_texts
from backfill.protocols import Clock
from backfill.scopes.open_scope import named_scope
from backfill.scopes.stored import ChangeAction, Configuration, ConfigurationChange, ConfigurationFile

Districts = tuple[str, ...] | None
Expected = Districts | EllipsisType
"""What a change is based on; ``...`` = whatever there is."""

SUGGESTED = 3
_LISTED = 12  # configured districts that a remedy repeats
_SHOWN = 80  # characters of an identifier that a log line or an error repeats
_ALL = "name districts, or clear the configuration to have all of them in scope"
_LONGEST_REMARK = 1000  # characters of who changed the configuration, and of why
_CLOSE = 0.5  # identifiers are short: '61' and '16' have half of their characters in common


class DistrictConfigurationService:
    """The districts that may be collected, kept in a JSON file with the history of their changes; a `ScopeResolver`.

    With nothing configured every district is in scope; with a configuration nothing outside it ever is. Any number of threads
    and processes may share one file: no change is lost, and every call sees the newest.

    Args:
        path: The file. It, and the folder that it is in, are made by the first change.
        normalize: Gives the normal form of an identifier, for instance a source's own; what it returns must obey the rule of
            `normalize_district` as well.
        clock: Dates the changes; ``None`` = the system's.

    Raises:
        InvalidRequest: *path* is no path.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        normalize: Callable[[str], str] = normalize_district,
        clock: Clock | None = None,
    ) -> None:
        self._file = ConfigurationFile(as_path("path", path))
        self._normalize = normalize
        self._clock = clock

    def __repr__(self) -> str:
        return f"DistrictConfigurationService({str(self._file.path)!r})"

    @property
    def districts(self) -> Districts:
        """The districts configured, in the order in which they were given; ``None`` = nothing is, every district is in scope.

        Raises:
            DamagedFile: The file does not hold a configuration.
            StoreUnavailable: It cannot be read.
        """
        return self._file.load().districts

    def history(self, limit: int | None = None) -> tuple[ConfigurationChange, ...]:
        """Return the changes, newest first, at most *limit* of them. A call that changed nothing is none.

        Raises:
            InvalidRequest: *limit* is not a whole number from 1.
            DamagedFile: The file does not hold a configuration.
            StoreUnavailable: It cannot be read.
        """
        most = None if limit is None else as_count("limit", limit, least=1, most=2**31)
        return self._file.load().history[::-1][:most]

    def set_districts(
        self, districts: Iterable[str], *, by: str | None = None, note: str | None = None, expected: Expected = ...
    ) -> None:
        """Configure exactly *districts*. *by* and *note* say in the history who did it and why.

        Args:
            districts: They.
            by: Who did it.
            note: Why.
            expected: The districts that the change is based on, as `districts` told them: do it only if they still are.

        Raises:
            ConfigurationChanged: They are others by now.
            InvalidRequest: None is given, one cannot name a district, or two differ only in case.
            DamagedFile: The file does not hold a configuration; it is left as it is.
            StoreUnavailable: It cannot be written, or another process keeps it locked.
        """
        after = self._identifiers(districts)
        self._change(ChangeAction.SET, lambda before: _unless_changed(before, expected, after), by, note)

    def add(self, *districts: str, by: str | None = None, note: str | None = None) -> None:
        """Configure *districts* as well; where nothing was configured, they alone are in scope from now on.

        Raises:
            InvalidRequest: One cannot name a district, or two differ only in case.
            DamagedFile: The file does not hold a configuration; it is left as it is.
            StoreUnavailable: It cannot be written, or another process keeps it locked.
        """
        added = self._identifiers(districts)
        self._change(ChangeAction.ADD, lambda before: tuple(dict.fromkeys((*(before or ()), *added))), by, note)

    def remove(self, *districts: str, by: str | None = None, note: str | None = None) -> None:
        """Configure *districts* no longer. What is stored of them stays, and so does their history.

        Raises:
            InvalidRequest: One of them is not configured, or none other would be left.
            DamagedFile: The file does not hold a configuration; it is left as it is.
            StoreUnavailable: It cannot be written, or another process keeps it locked.
        """
        gone = self._identifiers(districts)

        def without(before: Districts) -> Districts:
            known = before or ()
            for district in gone:
                if district not in known:
                    remedy = _hint(_suggest(district, known), _name_configured(known))
                    raise InvalidRequest("districts", district, "is not configured", remedy)
            return tuple(district for district in known if district not in gone)

        self._change(ChangeAction.REMOVE, without, by, note)

    def clear(self, *, by: str | None = None, note: str | None = None, expected: Expected = ...) -> None:
        """Return to the open scope: every district may be collected again. *expected* as for `set_districts`.

        Raises:
            ConfigurationChanged: The districts are not the expected ones.
            InvalidRequest: *by* or *note* is not text.
            DamagedFile: The file does not hold a configuration; it is left as it is.
            StoreUnavailable: It cannot be written, or another process keeps it locked.
        """
        self._change(ChangeAction.CLEAR, lambda before: _unless_changed(before, expected, None), by, note)

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the scope of a request for *requested* (``None`` = all); what is out of scope is left out, with the reason.

        Raises:
            InvalidRequest: None of them is in scope.
            DamagedFile: The file does not hold a configuration.
            StoreUnavailable: It cannot be read.
        """
        return resolve_within(self.districts, requested, self._identifier)

    def _identifier(self, text: str) -> str:
        return normalize_district(self._normalize(text))

    def _identifiers(self, districts: Iterable[str]) -> tuple[str, ...]:
        refusals, found = Refusals(), dict[str, None]()
        for text in as_texts("districts", districts, if_empty=_ALL):
            with refusals.noting():
                found[self._identifier(text)] = None
        refusals.check()
        return tuple(found)

    def _change(self, action: ChangeAction, rule: Callable[[Districts], Districts], by: str | None, note: str | None) -> None:
        _check_remark("by", by)
        _check_remark("note", note)
        before = self._file.load().districts
        if _checked(rule(before)) == before:
            return  # found before the lock is taken: what is refused, or changes nothing, leaves no trace on the disk
        with self._file.locked():
            stored = self._file.load()
            after = _checked(rule(stored.districts))
            if after != stored.districts:
                now = datetime.now(UTC) if self._clock is None else self._clock.now()
                change = ConfigurationChange(now, action, stored.districts, after, by, note)
                self._file.save(Configuration(after, (*stored.history, change)))


def resolve_within(configured: Districts, requested: Sequence[str] | None, identifier: Callable[[str], str]) -> BackfillScope:
    """Return the scope of a request for *requested* (``None`` = all) within *configured*; *identifier* gives the normal form. Pure.

    Raises:
        InvalidRequest: None of them is in scope.
    """
    if requested is None:
        return BackfillScope(ScopeKind.SYSTEM_WIDE, configured)
    kept: dict[str, None] = {}
    excluded: list[Doubt] = []
    for text in as_texts("target_districts", requested):
        try:
            district = identifier(text)
        except InvalidRequest as error:
            excluded.append(Doubt(text, error.rule, _suggest(text, configured or ())))
            continue
        if configured is None or district in configured:
            kept[district] = None
        else:
            excluded.append(Doubt(text, "is not configured", _suggest(district, configured)))
    if not kept:
        raise _none_left(tuple(requested), excluded, configured)
    return named_scope(tuple(kept), tuple(excluded))


def _unless_changed(before: Districts, expected: Expected, after: Districts) -> Districts:
    if expected is not ... and before != expected:
        raise ConfigurationChanged(expected, before)
    return after


def _checked(districts: Districts) -> Districts:
    if districts is not None:
        if not districts:
            raise InvalidRequest("districts", districts, "no district would be left in scope", _ALL)
        refuse_collisions(districts)
    return districts


def _check_remark(field: str, value: object) -> None:
    """Refuse what could be written into the file but not read back."""
    if value is not None and not (isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise InvalidRequest(field, value, "not text that a file can hold", "write a name or a sentence, or leave it out")
    if isinstance(value, str) and len(value) > _LONGEST_REMARK:
        raise InvalidRequest(field, value, f"longer than {_LONGEST_REMARK:,} characters", "shorten it")


def _suggest(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return what *text*, or a word of it, may have been meant to be, best first: "District 61" is close to nothing but its "61"."""
    spelt = {name.casefold(): name for name in known}
    words = (text[:_SHOWN], *reversed(text[:_SHOWN].split()))
    close = (name for word in words for name in get_close_matches(word.casefold(), spelt, n=SUGGESTED, cutoff=_CLOSE))
    return tuple(spelt[name] for name in dict.fromkeys(close))[:SUGGESTED]


def _hint(suggestions: Sequence[str], otherwise: str) -> str:
    return f"did you mean {' or '.join(map(repr, suggestions[:SUGGESTED]))}? {otherwise}" if suggestions else otherwise


def _name_configured(configured: Sequence[str]) -> str:
    """Return the remedy for a name that is not *configured*."""
    if not configured:
        return "none is configured, so there is nothing to remove"
    more = len(configured) - _LISTED
    return f"name one that is configured: {', '.join(configured[:_LISTED])}{f' and {more} more' if more > 0 else ''}"


def _none_left(requested: tuple[str, ...], excluded: Sequence[Doubt], configured: Districts) -> InvalidRequest:
    reasons = "; ".join(f"{doubt.text[:_SHOWN]!r}: {doubt.why}" for doubt in excluded[:SUGGESTED])
    suggestions = tuple(dict.fromkeys(name for doubt in excluded for name in doubt.suggestions))
    otherwise = (
        "write the publisher's identifiers"
        if configured is None
        else "name districts that are configured, or add them to the configuration"
    )
    whole = InvalidRequest("target_districts", requested, f"none of them is in scope ({reasons})", _hint(suggestions, otherwise))
    return whole.with_others(
        InvalidRequest("target_districts", doubt.text, doubt.why, _hint(doubt.suggestions, otherwise)) for doubt in excluded
    )
