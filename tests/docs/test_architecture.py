"""The picture of the architecture is what the imports are."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("grimp", reason="grimp is not installed; the extra 'docs' has it")
pytest.importorskip("docutils", reason="docutils is not installed; the extra 'docs' has it")


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    """The extension of the documentation that draws it."""
    path = Path(__file__).parents[2] / "docs" / "_ext" / "imports_picture.py"
    spec = importlib.util.spec_from_file_location("imports_picture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_part_stands_above_what_it_imports(picture: ModuleType) -> None:
    """Each part of the package is in the picture once, above all that it imports. [R10.2, R10.4]"""
    imports = picture.read_imports()
    rows = picture.levels(imports)
    place = {part: number for number, row in enumerate(rows) for part in row}
    assert sorted(place) == sorted(imports)
    assert {"engine", "service", "model", "errors", "cli"} <= set(place)
    assert all(place[part] < place[other] for part, others in imports.items() for other in others)
    texts = ["".join(text.itertext()) for text in ET.fromstring(picture.draw(imports)).iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(texts) == sorted(imports)


def test_what_follows_is_left_out(picture: ModuleType) -> None:
    """An import that follows from two others is not drawn; every one can still be followed. [R10.4]"""
    assert picture.reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert picture.levels({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == [["a"], ["b"], ["c"]]
    assert picture.tell({"a": {"b", "c"}, "b": {"c"}, "c": set()})[0] == ("a", "", "b")


def test_every_part_says_what_it_is(picture: ModuleType) -> None:
    """Beside the picture stands what each part says of itself, so that a newcomer finds the one that is looked for. [R10.4]"""
    told = {part: what for part, what, _others in picture.tell(picture.read_imports())}
    assert told["clock"].startswith("The system's clock")
    assert [part for part, what in told.items() if not what.endswith((".", "!"))] == []
