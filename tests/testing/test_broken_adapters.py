"""Adapters that are each broken in one way: the contract finds each by the test that is named for it, and blames nothing else.

The first name of each row is the test that must find it; the others are those that cannot but see it as well. All other tests
of the suite pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from backfill.jobstores import MemoryJobStore
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.contracts import Contract, list_tests, run_contract
from backfill.testing.stateful import run_job_machine, run_owner_machine, run_store_machine
from testing import broken_archives as archives
from testing import broken_doors as doors
from testing import broken_jobs as jobs
from testing import broken_sources as sources
from testing import broken_stores as stores
from testing.tide_source import TideContract, TideSource

Names = tuple[str, ...]

STORES: Mapping[type[MemorySnapshotStore], Names] = {
    stores.TearsADay: ("test_a_day_is_never_torn",),
    stores.ForgetsDeletes: ("test_a_deleted_day_is_gone", "test_nothing_stale_is_read"),
    stores.KeepsDeleted: (
        "test_a_deleted_day_is_gone", "test_deleting_a_day_leaves_the_others", "test_nothing_stale_is_read",
        "test_raw_bytes_go_with_the_day",
    ),
    stores.LiesAboutEntries: ("test_entries_do_not_lie",),
    stores.ReturnsStaleData: (
        "test_nothing_stale_is_read", "test_a_partial_day_is_completed_later", "test_unavailable_is_no_failure",
        "test_a_summary_never_replaces_a_full_record", "test_a_full_record_replaces_a_summary", "test_older_never_replaces_newer",
        "test_summaries_of_the_day_are_merged", "test_hostile_districts_are_refused", "test_times_say_when",
        "test_a_snapshot_stays_one_state",
    ),
    stores.LosesAMerge: ("test_no_merge_is_lost",),
    stores.LeavesATrace: (
        "test_an_abandoned_draft_leaves_no_trace", "test_a_draft_is_seen_by_nobody", "test_a_draft_is_used_once",
        "test_names_that_differ_in_case_only_are_refused", "test_a_refused_commit_changes_nothing",
    ),
    stores.ShowsDrafts: ("test_a_draft_is_seen_by_nobody", "test_an_abandoned_draft_leaves_no_trace"),
    stores.SummaryOverwritesFull: ("test_a_summary_never_replaces_a_full_record",),
    stores.OlderOverwritesNewer: ("test_older_never_replaces_newer",),
    stores.StoresHalfACommit: ("test_a_refused_commit_changes_nothing",),
    stores.LosesAThread: ("test_threads_lose_nothing",),
    stores.SharesItsData: ("test_nothing_is_shared_with_callers",),
    stores.SortsKeys: ("test_p4_every_json_value_comes_back",),
    stores.ListsInTheOrderOfStoring: ("test_days_are_ascending_and_bounded",),
    stores.TakesMoments: ("test_a_moment_is_no_day",),
    stores.ForgetsFailures: (
        "test_a_partial_day_is_completed_later", "test_a_failure_hides_nothing", "test_metadata_says_everything",
        "test_a_message_with_broken_text_stops_no_day",
    ),
    stores.TakesAlteredRecords: ("test_an_altered_encoding_is_refused",),
    stores.KeepsAnotherEncoding: ("test_raw_bytes_are_what_was_put",),
    stores.KeepsItElsewhere: ("test_raw_bytes_are_what_was_put",),
    stores.PassesOnDamage: ("test_a_torn_record_is_told",),
    stores.OnceOnly: ("test_what_is_stored_outlives_the_store", "test_two_stores_over_one_folder_agree"),
}  # fmt: skip

JOBS: Mapping[type[MemoryJobStore], Names] = {
    jobs.LosesAJob: (
        "test_no_job_is_lost", "test_jobs_are_listed_newest_first", "test_jobs_are_listed_from_a_place_on", "test_threads_lose_no_change",
        "test_jobs_without_an_owner_are_found",
    ),
    jobs.CollidesIdentifiers: ("test_p1_identifiers_never_collide",),
    jobs.AcceptsChangesAfterTheEnd: ("test_nothing_changes_after_the_end",),
    jobs.AppliesTheFirstHalf: ("test_changes_happen_all_or_none", "test_what_did_not_happen_is_not_told"),
    jobs.ForgetsErrors: ("test_no_failure_is_forgotten",),
    jobs.SharesItsState: ("test_what_is_loaded_is_a_copy",),
    jobs.ListsOldestFirst: ("test_jobs_are_listed_newest_first", "test_no_job_is_lost"),
    jobs.ListsWithDetails: ("test_jobs_are_listed_without_details",),
    jobs.IgnoresKeys: (
        "test_a_key_makes_one_job", "test_a_key_of_another_request_is_refused", "test_threads_make_one_job_of_one_key",
        "test_what_was_asked_for_is_compared_where_it_is_said", "test_a_job_is_found_by_its_key",
    ),
    jobs.ComparesPlansOnly: ("test_what_was_asked_for_is_compared_where_it_is_said",),
    jobs.PagesByAgeAlone: ("test_jobs_are_listed_from_a_place_on",),
    jobs.LooksUpFirstJob: ("test_a_job_is_found_by_its_key",),
    jobs.LetsOneKeyMakeTwo: ("test_threads_make_one_job_of_one_key",),
    jobs.ForgetsOutcomes: ("test_outcomes_are_never_forgotten",),
    jobs.TellsWhatDidNotHappen: ("test_what_did_not_happen_is_not_told",),
    jobs.GivesNumbersAgain: ("test_events_go_on_after_a_job_is_forgotten",),
    jobs.KeepsTheFirstOutcome: ("test_the_last_outcome_counts", "test_a_listed_day_was_listed_after_all"),
    jobs.LosesReasons: ("test_every_change_is_kept",),
    jobs.DoubleLeases: (
        "test_a_job_has_one_owner", "test_threads_get_one_lease", "test_a_lease_expires_for_those_elsewhere",
        "test_a_renewal_prolongs_a_lease", "test_a_late_owner_goes_on_when_nobody_came",
    ),
    jobs.ThinksBeforeItLeases: ("test_threads_get_one_lease",),
    jobs.LetsTheLoserWrite: ("test_only_the_owner_changes_a_job", "test_a_lease_expires_for_those_elsewhere"),
    jobs.NeverExpires: ("test_a_lease_expires_for_those_elsewhere",),
    jobs.ForgetsToRenew: ("test_a_renewal_prolongs_a_lease", "test_a_late_owner_goes_on_when_nobody_came"),
    jobs.GivesOutEndedJobs: ("test_an_ended_job_has_no_owner_again",),
    jobs.CallsOwnedJobsAbandoned: ("test_jobs_without_an_owner_are_found",),
    jobs.LosesRequests: ("test_requests_outlast_owners",),
    jobs.AsksAgainAndAgain: ("test_requests_reach_the_owner",),
    jobs.ClaimsTwice: ("test_a_day_is_claimed_once",),
    jobs.KeepsClaims: ("test_a_claim_ends_with_its_lease",),
    jobs.Evaporates: (
        "test_jobs_outlive_the_store", "test_two_stores_over_one_folder_agree", "test_events_outlive_the_store",
        "test_outcomes_are_never_forgotten", "test_numbers_of_owners_outlive_the_store", "test_requests_outlast_owners",
    ),
}  # fmt: skip

SOURCES: Mapping[type[TideSource], Names] = {
    sources.KeepsState: ("test_it_keeps_no_state", "test_it_may_be_called_from_threads"),
    sources.RemembersDocuments: (
        "test_it_keeps_no_state", "test_it_may_be_called_from_threads", "test_it_asks_the_fetch_that_it_was_handed",
    ),
    sources.RemembersInItsClass: (
        "test_it_keeps_no_state", "test_it_asks_the_fetch_that_it_was_handed", "test_a_transient_failure_stays_transient",
        "test_a_permanent_failure_stays_permanent", "test_what_was_not_published_is_no_failure",
        "test_a_cancelled_job_is_let_go",
    ),
    sources.AsksTheFirstFetch: (
        "test_it_asks_the_fetch_that_it_was_handed", "test_it_keeps_no_state", "test_it_may_be_called_from_threads",
    ),
    sources.OpensItsOwnConnection: ("test_it_opens_no_connection",),
    sources.ReturnsNaN: (
        "test_what_it_returns_can_be_stored", "test_the_same_documents_give_the_same_figures", "test_it_keeps_no_state",
        "test_it_may_be_called_from_threads", "test_one_call_serves_several_districts", "test_p12_it_asks_only_for_what_it_planned",
    ),
    sources.TellsTheTime: (
        "test_the_same_documents_give_the_same_figures", "test_it_keeps_no_state", "test_it_may_be_called_from_threads",
        "test_one_call_serves_several_districts",
    ),
    sources.MakesUpFigures: ("test_a_transient_failure_stays_transient",),
    sources.GivesUp: (
        "test_a_transient_failure_stays_transient", "test_what_was_not_published_is_no_failure", "test_a_cancelled_job_is_let_go",
    ),
    sources.NeverGivesUp: ("test_a_permanent_failure_stays_permanent",),
    sources.IgnoresCancelling: ("test_a_cancelled_job_is_let_go",),
    sources.AsksForMoreThanItPlanned: ("test_p12_it_asks_only_for_what_it_planned",),
    sources.ListsFromElsewhere: ("test_p12_it_lists_only_from_what_it_planned",),
    sources.ListsTwice: ("test_it_lists_the_districts_of_a_day",),
    sources.ReturnsAList: ("test_one_call_serves_every_district", "test_p12_it_lists_only_from_what_it_planned"),
    sources.AnswersForOthers: ("test_one_call_serves_several_districts",),
    sources.ComparesDistricts: ("test_one_call_serves_several_districts",),
    sources.SkipsDays: ("test_its_editions_are_a_calendar",),
    sources.KnowsTheFuture: ("test_its_newest_day_is_not_in_the_future",),
    sources.NamesAnything: ("test_a_district_has_one_normal_form",),
    sources.SummarizesBytes: ("test_its_summaries_can_be_stored",),
    sources.AllowsNoCall: ("test_it_says_how_many_calls_it_stands",),
    sources.CountsItsVersions: ("test_its_rules_have_one_version",),
}  # fmt: skip

SCOPES: Mapping[type[sources.NamedDistricts], Names] = {
    sources.IsImpure: ("test_it_is_pure",),
    sources.ChangesTheRequest: ("test_it_changes_nothing", "test_it_is_pure"),
    sources.WritesADiary: ("test_it_changes_nothing",),
    sources.LetsOutsidersIn: ("test_p7_no_outsider_is_let_in", "test_what_is_left_out_is_told"),
    sources.LeavesOutSilently: ("test_what_is_left_out_is_told",),
    sources.TakesAnything: ("test_what_names_no_district_is_refused",),
    sources.SortsTargets: ("test_several_targets_are_those_named",),
    sources.MixesUpThreads: ("test_threads_may_ask",),
}

DOORS: Mapping[type[doors.Door], Names] = {
    doors.TruncatesSilently: ("test_documents_are_whole",),
    doors.StopsAtNul: ("test_documents_are_whole",),
    doors.ForgetsProvenance: (
        "test_provenance_is_recorded", "test_provenance_is_each_units_own", "test_a_cancelled_job_gets_nothing",
    ),
    doors.RecordsForTheFirst: ("test_provenance_is_each_units_own",),
    doors.RecordsInAThread: ("test_provenance_is_recorded",),
    doors.RecordsWhatItRefuses: ("test_what_was_not_handed_out_is_not_recorded",),
    doors.IgnoresCancel: ("test_a_cancelled_job_gets_nothing",),
    doors.ForgetsTheCheck: (
        "test_the_check_sees_the_answer", "test_what_the_check_refuses_is_not_returned",
        "test_what_the_check_doubts_is_not_returned", "test_what_was_not_handed_out_is_not_recorded",
    ),
    doors.AsksAgainWhateverTheCheckSays: ("test_what_the_check_refuses_is_not_returned",),
    doors.FailsForWhatIsMissing: (
        "test_what_does_not_exist_is_unavailable", "test_what_was_not_handed_out_is_not_recorded",
    ),
    doors.NamesAllTheSame: (
        "test_a_document_has_an_identity", "test_provenance_is_recorded", "test_provenance_is_each_units_own",
    ),
    doors.MixesUpThreads: ("test_documents_are_not_mixed_up",),
    doors.ClosesOnce: ("test_it_may_be_closed_twice",),
}  # fmt: skip

ARCHIVES: Mapping[type[archives.ListedArchive], Names] = {
    archives.CutsAtNul: ("test_contents_are_whole",),
    archives.ServesTheLastKept: (
        "test_the_newest_serves", "test_a_content_is_rather_as_it_was_fetched_then", "test_what_was_refused_can_be_looked_at",
    ),
    archives.ServesTheFirstOfAMoment: ("test_of_one_moment_the_last_kept_serves",),
    archives.IgnoresAges: ("test_none_that_is_too_old_serves",),
    archives.IgnoresHashes: ("test_a_content_is_found_by_its_hash", "test_what_was_refused_is_never_handed_out"),
    archives.IgnoresMoments: ("test_a_content_is_rather_as_it_was_fetched_then",),
    archives.ServesWhatWasRefused: (
        "test_what_was_refused_is_never_handed_out", "test_a_content_may_be_refused_here_and_good_there", "test_names_are_told",
    ),
    archives.RefusesTheContent: ("test_a_content_may_be_refused_here_and_good_there",),
    archives.ForgetsRefused: ("test_what_was_refused_can_be_looked_at",),
    archives.KeepsSecrets: ("test_secrets_are_not_kept",),
    archives.RoundsTimes: (
        "test_a_moment_is_kept_exactly", "test_a_document_comes_back", "test_keeping_again_changes_nothing",
        "test_none_that_is_too_old_serves", "test_a_content_is_found_by_its_hash",
        "test_a_content_is_rather_as_it_was_fetched_then",
    ),
    archives.LosesHeaders: ("test_a_document_comes_back", "test_secrets_are_not_kept"),
    archives.MixesCases: ("test_any_name_can_be_kept", "test_what_is_not_there_is_nothing"),
    archives.OneNameAContent: (
        "test_a_content_may_have_many_names", "test_threads_keep_the_same_content", "test_names_are_told",
        "test_names_can_be_forgotten",
    ),
    archives.SaysItIsFresh: ("test_a_document_says_where_it_comes_from",),
    archives.HandsOutDamage: ("test_damage_is_told_and_mended",),
    archives.NeverMends: ("test_damage_is_told_and_mended",),
    archives.LosesAThread: ("test_threads_lose_nothing", "test_threads_keep_the_same_content"),
    archives.ListsRefused: ("test_names_are_told",),
    archives.DiscardsContents: ("test_names_can_be_forgotten",),
    archives.KeepsADiscardedName: ("test_names_can_be_forgotten",),
}  # fmt: skip

MACHINES = frozenset(
    {
        "test_any_order_of_calls_gives_what_the_rule_says",
        "test_any_order_of_calls_gives_what_the_model_says",
        "test_any_order_of_owners_leaves_one",
    }
)
"""The tests that try many orders of calls: they are tried apart below, since they find nearly all."""


def found_by(contract: type[Contract], expected: Names) -> None:
    """See that exactly the *expected* tests fail."""
    assert set(expected) <= set(list_tests(contract))
    report = run_contract(contract, without=MACHINES)
    assert set(report.failed) == set(expected), str(report)
    with pytest.raises(ExceptionGroup, match=expected[0]):
        report.raise_for_failures()


@pytest.mark.parametrize("broken", STORES, ids=lambda broken: broken.__name__)
def test_a_broken_store_is_caught(broken: type[MemorySnapshotStore]) -> None:
    """Each store that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    base = stores.BrokenDurableContract if broken is stores.OnceOnly else stores.BrokenStoreContract
    found_by(type("BrokenContract", (base,), {"store": broken}), STORES[broken])


@pytest.mark.parametrize("broken", JOBS, ids=lambda broken: broken.__name__)
def test_a_broken_job_store_is_caught(broken: type[MemoryJobStore]) -> None:
    """Each job store that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    base = jobs.BrokenDurableJobsContract if broken is jobs.Evaporates else jobs.BrokenJobsContract
    found_by(type("BrokenContract", (base,), {"store": broken}), JOBS[broken])


@pytest.mark.parametrize("broken", SOURCES, ids=lambda broken: broken.__name__)
def test_a_broken_source_is_caught(broken: type[TideSource]) -> None:
    """Each source that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    fresh = type(broken.__name__, (broken,), {})  # so that what a class keeps is not there from another test
    found_by(type("BrokenContract", (TideContract,), {"source": fresh}), SOURCES[broken])


def test_state_of_a_class_is_found_by_the_test_named_for_it_alone() -> None:
    """Whichever test calls a source first, the one for state finds what its class keeps. [B7, R10.5]"""
    name = "test_it_keeps_no_state"
    tests = frozenset(list_tests(TideContract))
    for first in (None, "test_it_opens_no_connection", "test_it_asks_the_fetch_that_it_was_handed"):
        fresh = type("Fresh", (sources.RemembersInItsClass,), {})
        contract = type("BrokenContract", (TideContract,), {"source": fresh})
        if first:
            run_contract(contract, without=tests - {first})
        assert run_contract(contract, without=tests - {name}).failed == (name,), first


@pytest.mark.parametrize("broken", SCOPES, ids=lambda broken: broken.__name__)
def test_a_broken_scope_is_caught(broken: type[sources.NamedDistricts]) -> None:
    """Each scope that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    found_by(type("BrokenContract", (sources.BrokenScopeContract,), {"scope": broken}), SCOPES[broken])


@pytest.mark.parametrize("broken", DOORS, ids=lambda broken: broken.__name__)
def test_a_broken_door_is_caught(broken: type[doors.Door]) -> None:
    """Each door that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    found_by(type("BrokenContract", (doors.BrokenDoorContract,), {"door": broken}), DOORS[broken])


@pytest.mark.parametrize("broken", ARCHIVES, ids=lambda broken: broken.__name__)
def test_a_broken_archive_is_caught(broken: type[archives.ListedArchive]) -> None:
    """Each raw archive that is broken in one way fails the test named for it, and passes all that it should. [B7]"""
    found_by(type("BrokenContract", (archives.ArchiveContract,), {"archive": broken}), ARCHIVES[broken])


def test_an_archive_in_order_passes() -> None:
    """The archive that the broken ones are made of fails nothing; what it is not said to be able to do is left out. [B7]"""
    report = run_contract(archives.ArchiveContract)
    assert report.failed == (), str(report)
    assert len(report.skipped) == 3


def test_a_door_that_takes_what_comes_is_caught() -> None:
    """What the first example of any tutorial makes of bad answers is found out: errors and cut bodies pass for documents. [B7]"""
    report = run_contract(doors.NaiveFetchContract)
    assert set(report.failed) == {
        "test_a_cut_body_is_no_document", "test_a_compressed_body_is_unpacked", "test_gone_is_unavailable",
        "test_what_does_not_exist_is_unavailable", "test_refusals_are_permanent", "test_trouble_of_the_server_is_transient",
        "test_the_request_arrives_as_it_was_asked",
    }  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        stores.ForgetsDeletes, stores.KeepsDeleted, stores.ReturnsStaleData, stores.LosesAMerge, stores.LeavesATrace,
        stores.ShowsDrafts, stores.SummaryOverwritesFull, stores.OlderOverwritesNewer, stores.ListsInTheOrderOfStoring,
        stores.ForgetsFailures, stores.OnceOnly,
    ],
    ids=lambda broken: broken.__name__,
)  # fmt: skip
def test_the_machine_finds_broken_stores(broken: type[MemorySnapshotStore]) -> None:
    """Without being told where to look, trying many orders of calls finds most broken stores as well. [B7, P5]"""

    def make_store(_place: Path) -> MemorySnapshotStore:
        return broken()

    fails(lambda: run_store_machine(make_store, durable=broken is stores.OnceOnly, examples=200))


@pytest.mark.parametrize(
    "broken",
    [
        jobs.LosesAJob, jobs.CollidesIdentifiers, jobs.AcceptsChangesAfterTheEnd, jobs.AppliesTheFirstHalf,
        jobs.TellsWhatDidNotHappen, jobs.Evaporates,
    ],
    ids=lambda broken: broken.__name__,
)  # fmt: skip
def test_the_machine_finds_broken_job_stores(broken: type[MemoryJobStore]) -> None:
    """Without being told where to look, trying many orders of calls finds most broken job stores as well. [B7, P6]"""

    def make_store(_place: Path) -> MemoryJobStore:
        return broken()

    fails(lambda: run_job_machine(make_store, durable=broken is jobs.Evaporates, examples=200))


@pytest.mark.parametrize(
    "broken",
    [jobs.DoubleLeases, jobs.LetsTheLoserWrite, jobs.NeverExpires, jobs.ForgetsToRenew, jobs.CallsOwnedJobsAbandoned],
    ids=lambda broken: broken.__name__,
)
def test_the_machine_finds_broken_owners(broken: type[MemoryJobStore]) -> None:
    """Without being told where to look, trying many orders of owners finds those who have what is not theirs. [B7, B2]"""
    clock = VirtualClock()

    def make_store(_place: Path) -> MemoryJobStore:
        return broken(clock=clock)

    fails(lambda: run_owner_machine(make_store, lambda store: store, clock=clock, examples=200))


def fails(run: Callable[[], None]) -> None:
    """See that *run* raises, and that the notes hold the calls that led there."""
    with pytest.raises(Exception, match=r"\w") as caught:
        run()
    assert "state.teardown()" in "\n".join(caught.value.__notes__)


def test_every_broken_adapter_is_tried() -> None:
    """The table has every broken adapter that there is. [B7]"""
    tables: list[tuple[ModuleType, type, Mapping[type, Names]]] = [
        (stores, MemorySnapshotStore, STORES),
        (jobs, MemoryJobStore, JOBS),
        (sources, TideSource, SOURCES),
        (sources, sources.NamedDistricts, SCOPES),
        (doors, doors.Door, DOORS),
    ]
    several = {stores.SaysNothing}  # which so much depends on that it has a test of its own
    for module, base, table in tables:
        classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
        assert {one for one in classes if issubclass(one, base)} - {base} - several == set(table)


# --- what they are made of is right ---------------------------------------------------------------------------------------


class TestTideSource(TideContract):
    """The source that the broken ones are made of, with every ability."""


class TestNamedDistricts(sources.BrokenScopeContract):
    """The scope that the broken ones are made of."""

    scope = sources.NamedDistricts


class TestDoor(doors.BrokenDoorContract):
    """The door that the broken ones are made of."""

    door = doors.Door
