"""Many ways to damage the root of a store of two days, and what is to be told of each."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

from attrs import frozen

from backfill.jsonvalues import dumps
from backfill.serialization import encode_record
from backfill.stores import ProblemKind
from backfill.stores._manifest import FileFacts
from backfill.testing.samples import DAY, record

OTHER = date(2024, 2, 29)

DAMAGED, INTERRUPTED, LEFT_OVER, UNKNOWN = ProblemKind


def read(path: Path) -> dict[str, object]:
    """Return the object that a file holds."""
    value = json.loads(path.read_bytes())
    assert isinstance(value, dict)
    return value


def manifest_of(root: Path, day: date = DAY) -> Path:
    """Return the manifest of a day."""
    return root / str(day) / "manifest.json"


@frozen
class Damage:
    """One way in which a root is damaged, and what is to be told of it.

    Attributes:
        do: Does it.
        kind: Of the problem.
        path: Which is named.
        rule: Words of the rule.
        data: Whether only reading the content tells.
        repaired: Whether `repair` puts it right.
    """

    do: Callable[[Path], object]
    kind: ProblemKind
    path: str
    rule: str
    data: bool = False
    repaired: bool = False


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _edit(path: Path, **changes: object) -> None:
    path.write_bytes(json.dumps({**read(path), **changes}).encode())


def _swap_record(root: Path) -> None:
    """Let the manifest speak of a file that holds another district."""
    foreign = encode_record(record("U", "second"), job_id="")
    (root / str(DAY) / "district_61.json").write_bytes(foreign.content)
    _edit_entry(root, fileSize=foreign.header.size, sha256=foreign.header.sha256)


def _edit_entry(root: Path, **changes: object) -> None:
    entries = read(manifest_of(root))["districts"]
    assert isinstance(entries, list)
    entries[0] = {**entries[0], **changes}
    _edit(manifest_of(root), districts=entries)


def _seal(root: Path, name: str, content: bytes) -> None:
    """Write a file, and let the manifest speak of it as if it had always been so."""
    facts = FileFacts.of(content)
    (root / str(DAY) / name).write_bytes(content)
    if name == "metadata.json":
        _edit(manifest_of(root), metadata={"fileName": name, "size": facts.size, "sha256": facts.sha256})
    elif name.startswith("district_"):
        _edit_entry(root, fileSize=facts.size, sha256=facts.sha256)
    else:
        summaries = read(manifest_of(root))["summaries"]
        assert isinstance(summaries, list)
        _edit(manifest_of(root), summaries=[{**summaries[0], "size": facts.size, "sha256": facts.sha256}])


def _lie_in_the_index(root: Path) -> None:
    path = root / ".index" / f"{DAY}.json"
    content = path.read_bytes()[8:].replace(b'"full"', b'"summary"')
    path.write_bytes(b"%08x" % zlib.crc32(content) + content)


def leave_a_draft(root: Path) -> None:
    """Leave a draft whose writer has ended."""
    path = root / ".staging" / "0123456789abcdef"
    path.mkdir()
    (path / "in-use").touch()
    (path / "0.json").write_text("{")


def _become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _set_aside(root: Path, damage: Callable[[Path], None]) -> None:
    """Set the later day aside as a writer does, one of its files damaged."""
    damage(root / str(OTHER) / "district_61.json")
    (root / str(OTHER)).rename(root / f".old-{OTHER}")


def _write(path: Path) -> None:
    path.parent.mkdir()
    path.touch()


DAMAGES = {
    "file lost": Damage(lambda r: (r / "2024-01-31/district_F.json").unlink(), DAMAGED, "2024-01-31/district_F.json", "is missing"),
    "file cut": Damage(lambda r: _cut(r / "2024-01-31/district_61.json"), DAMAGED, "2024-01-31/district_61.json", "the manifest says"),
    "bit flipped": Damage(
        lambda r: flip(r / "2024-01-31/district_61.json"), DAMAGED, "2024-01-31/district_61.json", "SHA-256", data=True
    ),
    "summary flipped": Damage(lambda r: flip(r / "2024-01-31/totals.json"), DAMAGED, "2024-01-31/totals.json", "SHA-256", data=True),
    "summary lost": Damage(lambda r: (r / "2024-01-31/totals.json").unlink(), DAMAGED, "2024-01-31/totals.json", "is missing"),
    "summary is no JSON": Damage(
        lambda r: _seal(r, "totals.json", b"{"), DAMAGED, "2024-01-31/totals.json", "is not JSON", data=True
    ),
    "directory in a file's place": Damage(
        lambda r: _become_a_directory(r / "2024-01-31/district_F.json"),
        DAMAGED, "2024-01-31/district_F.json", "is missing",
    ),
    "records swapped": Damage(_swap_record, DAMAGED, "2024-01-31/district_61.json", "holds district U", data=True),
    "no record in it": Damage(
        lambda r: _seal(r, "district_61.json", b"[]"), DAMAGED, "2024-01-31/district_61.json", "does not hold", data=True
    ),
    "manifest lost": Damage(lambda r: manifest_of(r).unlink(), DAMAGED, "2024-01-31", "no manifest.json"),
    "manifest cut": Damage(lambda r: _cut(manifest_of(r)), DAMAGED, "2024-01-31/manifest.json", "is not the manifest"),
    "manifest of another day": Damage(
        lambda r: shutil.copy(manifest_of(r, OTHER), manifest_of(r)), DAMAGED, "2024-01-31/manifest.json", "snapshotId"
    ),
    "manifest of a later version": Damage(
        lambda r: _edit(manifest_of(r), schemaVersion="9.0.0"), DAMAGED, "2024-01-31/manifest.json", "newer version"
    ),
    "metadata lost": Damage(lambda r: (r / "2024-01-31/metadata.json").unlink(), DAMAGED, "2024-01-31/metadata.json", "is missing"),
    "metadata flipped": Damage(lambda r: flip(r / "2024-01-31/metadata.json"), DAMAGED, "2024-01-31/metadata.json", "SHA-256"),
    "metadata are none": Damage(lambda r: _seal(r, "metadata.json", b"{}"), DAMAGED, "2024-01-31/metadata.json", "is not the metadata"),
    "metadata of other districts": Damage(
        lambda r: _seal(r, "metadata.json", dumps({**read(r / "2024-01-31/metadata.json"), "successfulDistricts": ["61"]})),
        DAMAGED, "2024-01-31/metadata.json", "speaks of",
    ),
    "file in a day's place": Damage(lambda r: (r / "2024-03-01").touch(), UNKNOWN, "2024-03-01", "stands where a day's directory"),
    "temporary file": Damage(lambda r: (r / "2024-01-31/.district_61.json.tmp").touch(), UNKNOWN, "2024-01-31/.district_61.json.tmp", "does not list"),
    "unknown file": Damage(lambda r: (r / "2024-01-31/notes.txt").touch(), UNKNOWN, "2024-01-31/notes.txt", "does not list it"),
    "unknown folder": Damage(lambda r: (r / "backup").mkdir(), UNKNOWN, "backup", "neither a day"),
    "stray file among drafts": Damage(lambda r: (r / ".staging/stray").touch(), UNKNOWN, ".staging/stray", "is no draft"),
    "empty day": Damage(lambda r: (r / "2024-03-01").mkdir(), LEFT_OVER, "2024-03-01", "is an empty day", repaired=True),
    "foreign day": Damage(
        lambda r: _write(r / "2024-03-01/data.csv"), DAMAGED, "2024-03-01", "no manifest.json"
    ),
    "dead draft": Damage(leave_a_draft, LEFT_OVER, ".staging/0123456789abcdef", "writer has ended", repaired=True),
    "half a deletion": Damage(
        lambda r: (r / "2024-02-29").rename(r / ".staging/deleted-1"), LEFT_OVER, ".staging/deleted-1", "a deleted day", repaired=True
    ),
    "garbage among former states": Damage(
        lambda r: (r / ".retired/garbage").mkdir(), LEFT_OVER, ".retired/garbage", "no former state", repaired=True
    ),
    "day set aside": Damage(
        lambda r: (r / "2024-02-29").rename(r / ".old-2024-02-29"), INTERRUPTED, ".old-2024-02-29", "to be put back", repaired=True
    ),
    "damaged day set aside": Damage(
        lambda r: _set_aside(r, lambda path: path.unlink()),
        DAMAGED, ".old-2024-02-29", "all there is of the day, and damaged: .old-2024-02-29/district_61.json is missing",
    ),
    "flipped day set aside": Damage(
        lambda r: _set_aside(r, flip),
        DAMAGED, ".old-2024-02-29", "SHA-256 is not the manifest's",
    ),
    "former state set aside": Damage(
        lambda r: shutil.copytree(r / "2024-02-29", r / ".old-2024-02-29"), INTERRUPTED, ".old-2024-02-29", "to be retired", repaired=True
    ),
    "index of a day that is not stored": Damage(
        lambda r: shutil.copy(r / ".index/2024-01-31.json", r / ".index/2024-05-01.json"),
        LEFT_OVER, ".index/2024-05-01.json", "which is not stored", repaired=True,
    ),
    "index flipped": Damage(lambda r: flip(r / ".index/2024-01-31.json"), LEFT_OVER, ".index/2024-01-31.json", "is damaged", repaired=True),
    "index that is none": Damage(
        lambda r: (r / ".index/2024-01-31.json").write_bytes(b"no number"), LEFT_OVER, ".index/2024-01-31.json", "is damaged", repaired=True
    ),
    "index that lies": Damage(_lie_in_the_index, LEFT_OVER, ".index/2024-01-31.json", "what its manifest does not", repaired=True),
    "stray file in the index": Damage(lambda r: (r / ".index/notes").touch(), LEFT_OVER, ".index/notes", "no index file", repaired=True),
}  # fmt: skip
