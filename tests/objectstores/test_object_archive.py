"""The raw archive in a bucket: what goes in comes out, for ever, by whoever asks; and nothing else does."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore, ObjectStore, S3Store

from backfill.errors import DamagedFile, StoreUnavailable
from backfill.fetching import ArchiveFetch
from backfill.fetching.pinned import KeepsRefused
from backfill.fetching.reuse import Archive
from backfill.objectstores import ObjectRawArchive
from fetching_doubles import NOW, document
from object_doubles import FailingMemory, FailingRequests, unreachable

DAY = timedelta(days=1)


@pytest.fixture(params=["memory", "server"])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    """A bucket where nothing is yet: in memory, and on a real server."""
    return MemoryStore() if request.param == "memory" else S3Store(**request.getfixturevalue("bucket_options"))


@pytest.fixture
def archive(objects: ObjectStore) -> ObjectRawArchive:
    """An archive in it."""
    return ObjectRawArchive(objects, "raw")


def keys(objects: ObjectStore, part: str = "") -> list[str]:
    """Return all keys that hold *part*."""
    return sorted(found["path"] for page in objects.list() for found in page if part in found["path"])


def test_a_document_comes_out_as_it_went_in(archive: ObjectRawArchive) -> None:
    """Content, address, time, status and headers are the same; it says that it comes from the archive. [B4]"""
    assert isinstance(archive, Archive)
    assert isinstance(archive, KeepsRefused)
    kept = document("figures", name="club~61", status=203, headers={"etag": '"1"', "content-type": "text/csv"})
    archive.put(kept)
    got = archive.get("club~61")
    assert got is not None
    assert (got.content, got.sha256, got.url, got.name, got.status) == (kept.content, kept.sha256, kept.url, "club~61", 203)
    assert (got.fetched_at, dict(got.headers), got.from_archive, got.parsed) == (NOW, dict(kept.headers), True, None)
    assert archive.get("club~62") is None
    assert archive.get("club") is None


def test_the_newest_that_is_recent_enough_serves(archive: ObjectRawArchive) -> None:
    """Of several answers the newest counts, whatever order they came in; none that is too old. [R9.3]"""
    for content, age in (("second", DAY), ("first", 2 * DAY), ("third", 0 * DAY), ("third again", 0 * DAY)):
        archive.put(document(content, name="n", fetched_at=NOW - age))
    newest = archive.get("n")
    assert newest is not None
    assert newest.content == b"third again"
    assert archive.get("n", NOW) is not None
    assert archive.get("n", NOW + timedelta(microseconds=1)) is None


def test_a_content_can_be_asked_for_by_its_hash(archive: ObjectRawArchive) -> None:
    """A content is had by its hash, and rather as it was fetched at the moment asked for. [B3]"""
    for age in (2, 1, 0):
        archive.put(document("same", name="n", fetched_at=NOW - age * DAY))
    archive.put(document("other", name="n", fetched_at=NOW))
    sha256 = document("same").sha256
    for moment, found in ((None, NOW), (NOW - DAY, NOW - DAY), (NOW - 9 * DAY, NOW)):
        got = archive.get("n", sha256=sha256, fetched_at=moment)
        assert got is not None
        assert (got.content, got.fetched_at) == (b"same", found)
    assert archive.get("n", sha256="0" * 64) is None


def test_refused_answers_are_kept_but_never_replayed(archive: ObjectRawArchive) -> None:
    """A refused answer is had by who asks for it, and by nobody else. [B4]"""
    archive.put(document("<html>", name="n"), usable=False)
    assert archive.get("n") is None
    assert archive.names() == []
    refused = archive.refused("n")
    assert refused is not None
    assert refused.content == b"<html>"
    assert archive.refused("m") is None
    assert [each.content for each in archive.documents(refused=True)] == [b"<html>"]
    assert list(archive.documents()) == []


@pytest.mark.parametrize(
    "name",
    [
        "club~61~2024-01-31",
        "GET https://example.org/a?b=c&d=%2F",
        "ä/ö",
        "..",
        ".",
        "a=b",
        "=2F",
        "x" * 900,
        "/" * 400,
        "sha256=1",
    ],
)
def test_any_name_can_be_kept(archive: ObjectRawArchive, name: str) -> None:
    """An identity is any text: it is found again, listed as it is, and taken for no other. [B4]"""
    archive.put(document("figures", name=name))
    archive.put(document("other", name=f"{name}/"))
    got = archive.get(name)
    assert got is not None
    assert (got.name, got.content) == (name, b"figures")
    assert archive.names() == sorted([name, f"{name}/"])
    assert [each.content for each in archive.documents(name)] == [b"figures"]


@settings(max_examples=20, deadline=None)
@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_every_content_survives_the_round_trip(bodies: list[bytes]) -> None:
    """Whatever bytes are archived, in whatever order, come out in that order. [B4]"""
    archive = ObjectRawArchive(MemoryStore())
    for body in bodies:
        archive.put(document(body))
    assert [each.content for each in archive.documents()] == bodies


def test_equal_contents_are_kept_once(archive: ObjectRawArchive, objects: ObjectStore) -> None:
    """A content that is there is not written again, and gives the same bytes anywhere. [R9.3]"""
    for name in ("a", "b"):
        archive.put(document("same", name=name))
    (key,) = keys(objects, "/contents/")
    other = MemoryStore()
    ObjectRawArchive(other, "raw").put(document("same", name="c"))
    assert bytes(other.get(key).bytes()) == bytes(objects.get(key).bytes())


@pytest.mark.parametrize("damage", [b"", b"no gzip", None])
def test_a_damaged_content_is_found_out_and_mended(archive: ObjectRawArchive, objects: ObjectStore, damage: bytes | None) -> None:
    """A content that is missing or another is told, and written anew when it is fetched again. [B4]"""
    archive.put(document("figures", name="n"))
    (key,) = keys(objects, "/contents/")
    if damage is None:
        objects.delete([key])
    else:
        objects.put(key, damage)
    with pytest.raises(DamagedFile, match="SHA-256"):
        archive.get("n")
    archive.put(document("figures", name="n"))
    assert archive.get("n") is not None


def test_a_damaged_answer_is_told(archive: ObjectRawArchive, objects: ObjectStore) -> None:
    """An answer that does not say what it must is damage that names its key. [B4]"""
    archive.put(document("figures", name="n"))
    (key,) = keys(objects, "/answers/")
    for damage in (b"", b"{}", b'{"url": 1}'):
        objects.put(key, damage)
        with pytest.raises(DamagedFile) as error:
            archive.get("n")
        assert key.endswith(error.value.path)
    objects.put("raw/answers/usable/m/stray.json", b"{}")
    with pytest.raises(DamagedFile, match="not the key of an answer"):
        archive.get("m")


def test_names_are_forgotten_with_what_nobody_else_needs(archive: ObjectRawArchive, objects: ObjectStore) -> None:
    """Discarding removes answers of both kinds, and of their contents those that no other answer has. [B4]"""
    archive.put(document("shared", name="a"))
    archive.put(document("shared", name="b"))
    archive.put(document("own", name="a"))
    archive.put(document("bad", name="a"), usable=False)
    archive.discard(["a", "unknown"])
    archive.discard([])
    assert archive.names() == ["b"]
    assert archive.refused("a") is None
    assert len(keys(objects, "/contents/")) == 1
    assert archive.get("b") is not None


def test_secrets_are_not_kept(archive: ObjectRawArchive, objects: ObjectStore) -> None:
    """Neither in an address nor in a header, and in no key. [B3]"""
    archive.put(
        document("figures", url="https://u:hidden@example.org/?api_key=hidden", name="n", headers={"set-cookie": "hidden"})
    )
    for key in keys(objects):
        assert "hidden" not in key
        assert b"hidden" not in bytes(objects.get(key).bytes())


def test_writers_beside_one_another_lose_nothing(archive: ObjectRawArchive) -> None:
    """Sixteen that archive the same and different things at once are all there. [R9.1]"""

    def put(number: int) -> None:
        archive.put(document("same", name=f"same-{number}"))
        archive.put(document(f"own {number}", name=f"own-{number}"))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(16)))
    assert len(archive.names()) == 32
    assert sorted(each.content for each in archive.documents())[16:] == [b"same"] * 16


def test_an_end_between_two_requests_leaves_what_was_there() -> None:
    """Wherever archiving ends, what was there is there, the new one is or is not, and archiving it again succeeds. [B2]"""
    counting = FailingMemory()
    counting.requests = FailingRequests()
    ObjectRawArchive(counting).put(document("new", name="n"))
    for number in range(len(counting.requests.log)):
        for answered in (False, True):
            objects = FailingMemory()
            objects.requests = FailingRequests()
            archive = ObjectRawArchive(objects)
            archive.put(document("old", name="o"))
            objects.requests = FailingRequests(number, unreachable, answered=answered)
            with pytest.raises(StoreUnavailable):
                archive.put(document("new", name="n"))
            objects.requests = FailingRequests()
            assert archive.get("o") is not None
            found = archive.get("n")
            assert found is None or found.content == b"new"
            archive.put(document("new", name="n"))
            assert archive.get("n") is not None
    assert len(counting.requests.log) == 2


def test_a_worker_answers_from_it(bucket_options: dict[str, Any]) -> None:
    """It can be pickled, and a fetch that answers from it as well. [B8]"""
    archive = ObjectRawArchive(S3Store(**bucket_options), "raw")
    archive.put(document("figures", name="n"))
    door = pickle.loads(pickle.dumps(ArchiveFetch(archive)))
    assert door("https://example.org/", name="n").content == b"figures"
    assert repr(door.archive) == repr(archive)
    archive.close()
    archive.close()
