"""Who owns a job, and what its owner is asked for. Pure."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import LeaseLost
from backfill.model import Ownership, Requests, Wanted
from backfill.model.lease import expiry
from foundation_samples import NOW, bounded


@bounded
@given(st.lists(st.sampled_from(Wanted)))
def test_the_last_request_counts_and_cancelling_is_for_good(asked: list[Wanted]) -> None:
    """To pause and to resume take each other back; to cancel stays, and nothing changes it. [R4.4]"""
    requests = Requests()
    for wanted in asked:
        requests = requests.after(wanted)
    before = asked[: asked.index(Wanted.CANCEL)] if Wanted.CANCEL in asked else asked
    assert requests == Requests(cancel=Wanted.CANCEL in asked, pause=bool(before) and before[-1] is Wanted.PAUSE)


def test_asking_twice_changes_nothing() -> None:
    """What is asked for already, and to resume what nobody asked to pause, leaves the requests equal. [R4.4]"""
    assert Requests().after(Wanted.RESUME) == Requests()
    for wanted in (Wanted.PAUSE, Wanted.CANCEL):
        once = Requests().after(wanted)
        assert once != Requests()
        assert once.after(wanted) == once


def test_each_owner_has_a_number_of_its_own() -> None:
    """A number is good while its owner has the job, 0 while nobody ever had it; every other is refused by name. [B2, R4.1]"""
    free = Ownership()
    free.check("j1", 0)
    owned = free.taken_by("a", machine=None, until=expiry(NOW, 20))
    owned.check("j1", 1)
    again = owned.released().taken_by("b", machine="here", until=NOW)
    again.check("j1", 2)
    for ownership, epoch in ((free, 1), (owned, 0), (owned, 2), (owned.released(), 1), (owned.released(), 0), (again, 1)):
        assert not ownership.is_under(epoch)
        with pytest.raises(LeaseLost, match="stop working on it") as caught:
            ownership.check("j1", epoch)
        assert (caught.value.backfill_id, caught.value.epoch, caught.value.current) == ("j1", epoch, ownership.epoch)


def test_a_lease_expires_to_the_moment() -> None:
    """A lease has expired from its moment on; what nobody owns has expired always. [R4.1]"""
    owned = Ownership().taken_by("a", machine=None, until=expiry(NOW, 1.5))
    assert not owned.has_expired(NOW + timedelta(seconds=1.4))
    assert owned.has_expired(NOW + timedelta(seconds=1.5))
    assert Ownership().has_expired(NOW)
    assert owned.released().has_expired(NOW)
