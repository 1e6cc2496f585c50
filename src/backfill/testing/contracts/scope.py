"""The contract of scope resolvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, cast

from backfill.errors import InvalidRequest
from backfill.model import BackfillScope, ScopeKind
from backfill.protocols import ScopeResolver
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._given import refuse_no_factory, refuse_too_few
from backfill.testing.contracts._suite import Contract, ContractReport, prove, skip


class ScopeContract(Contract):
    """Everything that a scope must do: it answers, and changes nothing.

    .. code-block:: python

        class TestMyScope(ScopeContract):
            inside, outside = ("61", "F"), ("42", "U")

            def make_scope(self, place):
                return MyScope(["61", "F", "117"])

    Attributes:
        inside: At least two districts that are in scope, in their normal form.
        outside: Districts that are not; none where every district is in scope.
    """

    inside: ClassVar[Sequence[str]] = ("61", "F")
    outside: ClassVar[Sequence[str]] = ()

    def make_scope(self, place: Path, /) -> ScopeResolver:
        """Return the scope; *place* is an empty folder for those that need one."""
        raise NotImplementedError

    def new_scope(self) -> ScopeResolver:
        """Return the scope."""
        refuse_too_few(self.inside)
        scope = self.make_scope(self.place)
        self.closing(scope)
        return scope

    def outsiders(self) -> tuple[str, ...]:
        """Return the districts out of scope; leave the test out where there are none."""
        if not self.outside:
            skip("every district is said to be in scope", "name in outside = (…) some that are not, if there are any")
        return tuple(self.outside)

    def test_it_has_every_member(self) -> None:
        """The scope has the member of the protocol. [B7, R10.5]"""
        holds(isinstance(self.new_scope(), ScopeResolver), "the scope lacks a member of backfill.protocols.ScopeResolver")

    def test_without_targets_all_are_in_scope(self) -> None:
        """A request without targets touches all of the scope: every district (``None``), or those configured. [R2.2, R7.2, R7.3]"""
        scope = self.new_scope().resolve(None)
        equal(scope.kind, ScopeKind.SYSTEM_WIDE, "kind of the scope of a request without targets")
        equal(scope.excluded, (), "what it leaves out")
        if self.outside:
            districts = scope.districts or ()
            holds(set(self.inside) <= set(districts), f"of {tuple(self.inside)} not all are in {scope.districts}")
        else:
            equal(scope.districts, None, "districts of an open scope without targets")

    def test_one_target_is_one_district(self) -> None:
        """One district that is named and in scope is touched, and no other. [R2.1, R2.4]"""
        for district in self.inside:
            expected = BackfillScope(ScopeKind.SINGLE_DISTRICT, (district,))
            equal(self.new_scope().resolve([district]), expected, f"scope of a request for {district}")

    def test_several_targets_are_those_named(self) -> None:
        """Several districts are touched in the order in which they were named, each once. [R2.1, R2.5]"""
        wanted = [*reversed(self.inside), *self.inside]
        expected = BackfillScope(ScopeKind.TARGETED, tuple(reversed(self.inside)))
        equal(self.new_scope().resolve(wanted), expected, f"scope of a request for {wanted}")

    def test_p7_no_outsider_is_let_in(self) -> None:
        """Nothing outside the scope is touched, whether it is named alone, among others, or not at all. [P7, R7.3, P2]"""
        outside = self.outsiders()
        scope = self.new_scope()
        holds(
            not set(outside) & set(scope.resolve(None).districts or outside),
            f"a request without targets touches some of {outside}",
        )
        for outsider in outside:
            equal(
                scope.resolve([outsider, *self.inside]).districts, tuple(self.inside), f"districts of a request with {outsider}"
            )
            with refused(InvalidRequest, f"a request for {outsider} alone", naming=outsider):
                scope.resolve([outsider])

    def test_what_is_left_out_is_told(self) -> None:
        """Each target that is left out is reported as it was written, with the reason. [R7.5, R2.3, R7.4]"""
        outside = self.outsiders()
        scope = self.new_scope().resolve([*outside, self.inside[0], outside[0]])
        equal(scope.districts, (self.inside[0],), "districts in scope")
        equal({doubt.text for doubt in scope.excluded}, set(outside), "targets left out")
        for doubt in scope.excluded:
            holds(doubt.why, f"why {doubt.text} is left out is not told")
            holds(
                not set(doubt.suggestions) & set(outside), f"{doubt.suggestions} are suggested, and some of them are out of scope"
            )

    def test_a_request_with_none_left_is_refused(self) -> None:
        """A request all of whose targets are out of scope is refused. [R7.5, R7.4]"""
        outside = self.outsiders()
        with refused(InvalidRequest, f"a request for {outside}"):
            self.new_scope().resolve(outside)

    def test_what_names_no_district_is_refused(self) -> None:
        """An empty list, one text in the place of a list, and other things than texts are refused. [R7.4]"""
        scope = self.new_scope()
        for requested in ([], (), self.inside[0], [self.inside[0], 5], [None]):
            with refused(InvalidRequest, f"a request for {requested!r}"):
                scope.resolve(cast("Sequence[str]", requested))

    def test_it_is_pure(self) -> None:
        """The same request has the same scope however often it is resolved, and whatever was resolved in between. [R10.5, B1]"""
        scope = self.new_scope()
        requests: list[list[str] | None] = [None, list(self.inside), [self.inside[0]], [*self.outside, *self.inside]]
        first = [scope.resolve(requested) for requested in requests]
        equal(
            [scope.resolve(requested) for requested in reversed(requests)],
            first[::-1],
            "scopes of the same requests, asked again",
        )

    def test_it_changes_nothing(self) -> None:
        """Resolving leaves the request as it was, and writes nothing. [B1, R7.4]"""
        scope = self.new_scope()
        before = _files(self.place)
        requested = [*self.outside, *self.inside, self.inside[0]]
        kept = list(requested)
        scope.resolve(requested)
        scope.resolve(None)
        equal(requested, kept, "the list that was resolved")
        equal(_files(self.place), before, "the files of the scope")

    def test_threads_may_ask(self) -> None:
        """Any number of threads may ask at once, and each gets its own answer. [R9.2]"""
        scope = self.new_scope()
        with ThreadPoolExecutor(4) as pool:
            scopes = list(pool.map(lambda number: scope.resolve([self.inside[number % 2]]), range(40)))
        equal(
            [found.districts for found in scopes],
            [(self.inside[number % 2],) for number in range(40)],
            "districts for each thread",
        )


def check_scope(
    make_scope: Callable[[Path], ScopeResolver], /, *, inside: Sequence[str] = ("61", "F"), outside: Sequence[str] = ()
) -> ContractReport:
    """Run the contract of scopes, without any test framework.

    Args:
        make_scope: Returns the scope; it is given an empty folder.
        inside: At least two districts that are in scope.
        outside: Districts that are not.

    Raises:
        InvalidRequest: *make_scope* is no factory, or *inside* does not name two districts.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_scope", make_scope, Path(), write="check_scope(lambda place: MyScope(), …)")
    refuse_too_few(inside)
    given = {"make_scope": staticmethod(make_scope), "inside": inside, "outside": outside}
    return prove(type("Checked", (ScopeContract,), given))


def _files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
