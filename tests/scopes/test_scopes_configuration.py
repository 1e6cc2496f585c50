"""The configuration of districts as a service."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backfill.errors import InvalidRequest
from backfill.model import BackfillScope, Doubt, ScopeKind
from backfill.protocols import ScopeResolver
from backfill.scopes import ChangeAction, ConfigurationChange, DistrictConfigurationService
from backfill.scopes.stored import ConfigurationFile
from backfill.testing import VirtualClock
from foundation_samples import bounded, district_names

NAMES = ("61", "F", "117", "42")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a configuration may be, in a folder that is not there yet."""
    return tmp_path / "config" / "districts.json"


@pytest.fixture
def service(path: Path) -> DistrictConfigurationService:
    """Return a service with nothing configured."""
    return DistrictConfigurationService(path, clock=VirtualClock())


# --- resolving --------------------------------------------------------------------------------------------------------


def test_with_nothing_configured_everything_is_in_scope(service: DistrictConfigurationService, path: Path) -> None:
    """Without a configuration every district is in scope, named or not, and nothing is written. [R7.2, R2.2]"""
    assert isinstance(service, ScopeResolver)
    assert service.districts is None
    assert service.history() == ()
    assert service.resolve(None) == BackfillScope(ScopeKind.SYSTEM_WIDE, None)
    assert service.resolve(["61"]) == BackfillScope(ScopeKind.SINGLE_DISTRICT, ("61",))
    assert service.resolve([" 61 ", "F", "61"]) == BackfillScope(ScopeKind.TARGETED, ("61", "F"))
    assert not path.parent.exists()


def test_without_targets_all_configured_districts_are_in_scope(service: DistrictConfigurationService) -> None:
    """A request without targets touches exactly what is configured, in its order. [R2.2, R7.3]"""
    service.set_districts(["F", "61"])
    assert service.resolve(None) == BackfillScope(ScopeKind.SYSTEM_WIDE, ("F", "61"))


@bounded
@given(
    st.sets(district_names.map(str.casefold), min_size=1, max_size=5),
    st.lists(district_names | st.text(max_size=6), min_size=1, max_size=6),
    st.data(),
)
def test_p7_nothing_outside_the_configuration_is_in_scope(configured: set[str], others: list[str], data: st.DataObject) -> None:
    """For any configuration and request what is kept is configured, the rest is left out with a reason, and nothing is written. [P7, R7.3, R7.5]"""
    requested = data.draw(st.permutations([*others, *data.draw(st.lists(st.sampled_from(sorted(configured))))]))
    with tempfile.TemporaryDirectory() as folder:
        service = DistrictConfigurationService(Path(folder) / "districts.json")
        service.set_districts(configured)
        before = {item: item.read_bytes() for item in Path(folder).iterdir()}
        try:
            scope = service.resolve(requested)
        except InvalidRequest as error:
            assert error.field == "target_districts"  # noqa: PT017 - either outcome is right
            assert not {text.strip() for text in requested} & configured
        else:
            assert scope.districts is not None
            assert set(scope.districts) == {text.strip() for text in requested} & configured
            assert {doubt.text for doubt in scope.excluded} == {text for text in requested if text.strip() not in configured}
            assert all(doubt.why and set(doubt.suggestions) <= configured for doubt in scope.excluded)
            assert (scope.kind is ScopeKind.SINGLE_DISTRICT) is (len(scope.districts) == 1)
        assert {item: item.read_bytes() for item in Path(folder).iterdir()} == before


def test_what_is_out_of_scope_is_reported(service: DistrictConfigurationService) -> None:
    """Targets that are not configured, or cannot name a district, are left out, with the reason and suggestions. [R7.4, R2.3]"""
    service.set_districts(NAMES)
    scope = service.resolve(["61", "16", "District 61", "f", "../etc", "x\nz"])
    rule = "a district is 1 to 64 of the letters A-Z, digits, '.', '_' and '-', and does not begin with a dot"
    assert scope == BackfillScope(
        ScopeKind.SINGLE_DISTRICT,
        ("61",),
        (
            Doubt("16", "is not configured", ("61",)),
            Doubt("District 61", rule, ("61",)),
            Doubt("f", "is not configured", ("F",)),
            Doubt("../etc", rule),
            Doubt("x\nz", rule),
        ),
    )


def test_removing_what_is_not_there_names_what_is(service: DistrictConfigurationService) -> None:
    """The remedy is in the words of the configuration, whoever changes it, and repeats a dozen names at most. [R7.1, R7.4]"""
    with pytest.raises(InvalidRequest, match="none is configured, so there is nothing to remove"):
        service.remove("zzz")
    service.set_districts([str(number) for number in range(100, 114)])
    with pytest.raises(InvalidRequest, match=r"name one that is configured: 100, .* 111 and 2 more(\n|$)"):
        service.remove("zzz")


def test_a_request_with_no_target_left_is_refused(service: DistrictConfigurationService) -> None:
    """When none of the targets is in scope the request is refused, with what each may have meant. [R7.5, R7.4]"""
    service.set_districts(NAMES)
    with pytest.raises(InvalidRequest) as caught:
        service.resolve(["16", "a/b"])
    error = caught.value
    assert (error.field, error.value) == ("target_districts", ("16", "a/b"))
    assert error.rule.startswith("none of them is in scope ('16': is not configured; 'a/b': a district is")
    assert error.remedy == "did you mean '61'? name districts that are configured, or add them to the configuration"
    with pytest.raises(InvalidRequest, match="; name districts that are configured"):
        service.resolve(["zzz"])


def test_a_target_that_names_nothing_is_refused_without_a_configuration_too(service: DistrictConfigurationService) -> None:
    """With nothing configured, what cannot name a district is left out, and refused when nothing else was named. [R7.2, R7.4]"""
    assert service.resolve(["a/b", "61"]).excluded[0].text == "a/b"
    with pytest.raises(InvalidRequest, match="write the publisher's identifiers"):
        service.resolve(["a/b"])
    with pytest.raises(InvalidRequest, match="empty list"):
        service.resolve([])


def test_the_best_three_suggestions_come_first(service: DistrictConfigurationService) -> None:
    """At most three suggestions are made, the closest first. [R7.4]"""
    service.set_districts(["1001", "1002", "1003", "1004", "100", "9"])
    (doubt,) = service.resolve(["9", "1000"]).excluded
    assert len(doubt.suggestions) == 3
    assert doubt.suggestions[0] == "100"
    assert len(service.resolve(["9", "x" * 100_000]).excluded[0].text) == 100_000


def test_a_source_may_bring_its_own_normal_form(path: Path) -> None:
    """A configuration speaks the source's normal form, under the rule that every name obeys. [R7.1, R10.5]"""
    service = DistrictConfigurationService(path, normalize=lambda text: text.removeprefix("District ").upper())
    service.set_districts(["District 61", "f"])
    assert service.districts == ("61", "F")
    assert service.resolve(["District f"]).districts == ("F",)
    with pytest.raises(InvalidRequest, match="a district is"):
        DistrictConfigurationService(path, normalize=lambda text: f"../{text}").add("61")


# --- changing ---------------------------------------------------------------------------------------------------------


def test_changes_are_kept_with_their_history(path: Path) -> None:
    """Each change is dated, and told with what was before and after, by whom and why, newest first. [R7.1]"""
    clock = VirtualClock()
    service = DistrictConfigurationService(path, clock=clock)
    start = clock.now()
    service.set_districts(["F", "61", "F"], by="Ada", note="the first\ntwo")
    clock.advance(60)
    service.add("117", "61")
    clock.advance(60)
    service.remove("F", by="Bob")
    clock.advance(60)
    service.clear(note="open again")
    reader = DistrictConfigurationService(path)
    assert reader.districts is None
    assert reader.history() == (
        ConfigurationChange(start + timedelta(minutes=3), ChangeAction.CLEAR, ("61", "117"), None, None, "open again"),
        ConfigurationChange(start + timedelta(minutes=2), ChangeAction.REMOVE, ("F", "61", "117"), ("61", "117"), "Bob"),
        ConfigurationChange(start + timedelta(minutes=1), ChangeAction.ADD, ("F", "61"), ("F", "61", "117")),
        ConfigurationChange(start, ChangeAction.SET, None, ("F", "61"), "Ada", "the first\ntwo"),
    )
    assert reader.history(2) == reader.history()[:2]
    assert reader.history(99) == reader.history()


def test_changes_are_dated_by_the_systems_clock_by_default(path: Path) -> None:
    """Without a clock of its own the service dates changes in UTC. [R7.1]"""
    service = DistrictConfigurationService(path)
    before = datetime.now(UTC)
    service.add("61")
    assert before <= service.history()[0].at <= before + timedelta(minutes=1)


def test_a_call_that_changes_nothing_leaves_no_trace(service: DistrictConfigurationService, path: Path) -> None:
    """Setting what is set, adding what is there and clearing what is clear is no change. [R7.1]"""
    service.clear()
    assert not path.parent.exists()
    service.set_districts(["61", "F"])
    content = path.read_bytes()
    service.set_districts(("61", "F", "61"))
    service.add("F")
    assert path.read_bytes() == content
    assert len(service.history()) == 1
    service.set_districts(["F", "61"])
    assert service.districts == ("F", "61")


@pytest.mark.parametrize(
    ("call", "field", "words"),
    [
        (lambda service: service.set_districts([]), "districts", "clear the configuration to have all of them in scope"),
        (lambda service: service.set_districts(iter(())), "districts", "clear the configuration"),
        (lambda service: service.set_districts("61"), "districts", "write \\['61'\\]"),
        (lambda service: service.set_districts(["61", 5]), "districts", "not a string"),
        (lambda service: service.set_districts(["a/b"]), "district", "a district is"),
        (lambda service: service.set_districts(["f", "F"]), "districts", "upper and lower case"),
        (lambda service: service.add(), "districts", "empty list"),
        (lambda service: service.add("f"), "districts", "upper and lower case"),
        (lambda service: service.remove(), "districts", "empty list"),
        (lambda service: service.remove("16"), "districts", "did you mean '61'\\? name one that is configured: 61, F"),
        (
            lambda service: service.remove("61", "F"),
            "districts",
            "no district would be left in scope; .* clear the configuration",
        ),
        (lambda service: service.clear(by=5), "by", "not text"),
        (lambda service: service.clear(note="\ud800"), "note", "not text"),
        (lambda service: service.history(0), "limit", "whole number from 1"),
    ],
)
def test_a_bad_change_is_refused_and_changes_nothing(
    service: DistrictConfigurationService, path: Path, call: object, field: str, words: str
) -> None:
    """An empty configuration, names that collide or are none, and unknown districts are refused with the remedy. [R7.1, R7.4]"""
    service.set_districts(["61", "F"])
    content = path.read_bytes()
    with pytest.raises(InvalidRequest, match=words) as caught:
        call(service)  # type: ignore[operator] # each is one
    assert caught.value.field == field
    assert path.read_bytes() == content


def test_removing_from_nothing_is_refused_without_a_trace(service: DistrictConfigurationService, path: Path) -> None:
    """With nothing configured nothing can be removed, and no folder is made for it. [R7.1]"""
    with pytest.raises(InvalidRequest, match="is not configured"):
        service.remove("61")
    assert not path.parent.exists()


def test_two_that_make_the_same_change_make_one(
    service: DistrictConfigurationService, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another process has just made the same change, it is not made, nor told, twice. [R7.1]"""
    locked = ConfigurationFile.locked

    def late(file: ConfigurationFile) -> AbstractContextManager[None]:
        monkeypatch.setattr(ConfigurationFile, "locked", locked)
        DistrictConfigurationService(path).add("61", by="another")
        return file.locked()

    monkeypatch.setattr(ConfigurationFile, "locked", late)
    service.add("61")
    assert [change.by for change in service.history()] == ["another"]


class ConfigurationMachine(RuleBasedStateMachine):
    """A configuration that two services share, beside a list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        clock = VirtualClock()
        self.services = [DistrictConfigurationService(self.folder / "sub" / "districts.json", clock=clock) for _ in range(2)]
        self.districts: tuple[str, ...] | None = None
        self.changes: list[tuple[str, tuple[str, ...] | None]] = []

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def _expect(self, action: str, after: tuple[str, ...] | None) -> None:
        if after != self.districts:
            self.changes.append((action, after))
            self.districts = after

    @rule(who=st.integers(0, 1), names=st.lists(st.sampled_from(NAMES), unique=True))
    def set(self, who: int, names: list[str]) -> None:
        """Set, or fail to."""
        if names:
            self.services[who].set_districts(names)
            self._expect("set", tuple(names))
        else:
            with pytest.raises(InvalidRequest):
                self.services[who].set_districts(names)

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES))
    def add(self, who: int, name: str) -> None:
        """Add one."""
        self.services[who].add(name)
        self._expect("add", tuple(dict.fromkeys((*(self.districts or ()), name))))

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES))
    def remove(self, who: int, name: str) -> None:
        """Remove one, or fail to."""
        left = tuple(known for known in self.districts or () if known != name)
        if left and left != self.districts:
            self.services[who].remove(name)
            self._expect("remove", left)
        else:
            with pytest.raises(InvalidRequest):
                self.services[who].remove(name)

    @rule(who=st.integers(0, 1))
    def clear(self, who: int) -> None:
        """Return to the open scope."""
        self.services[who].clear()
        self._expect("clear", None)

    @invariant()
    def all_agree(self) -> None:
        """Both services tell the same, and the history leads to the configuration."""
        for service in self.services:
            assert service.districts == self.districts
            history = service.history()[::-1]
            assert [(change.action, change.after) for change in history] == self.changes
            assert [change.before for change in history] == [None, *(after for _action, after in self.changes)][: len(history)]


def test_configuration_and_history_always_agree() -> None:
    """For any changes by two services on one file both see the newest, and the history leads there step by step. [R7.1, P7]"""
    run_state_machine_as_test(
        ConfigurationMachine, settings=settings(max_examples=25, stateful_step_count=12, deadline=None, database=None)
    )
