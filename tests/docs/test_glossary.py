"""The glossary: in the order of the alphabet, and of words that the documentation uses."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
GLOSSARY = DOCS / "glossary.md"
TERMS = re.findall(r"^(\w[^\n]*)\n  \S", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)


def test_terms_are_found_by_their_letters() -> None:
    """The terms stand in alphabetical order, none twice. [R10.4]"""
    assert len(TERMS) > 50
    assert sorted(set(TERMS), key=str.lower) == TERMS


def test_terms_are_words_of_the_documentation() -> None:
    """Each term is used on another page, or by another term's definition. [R10.4]"""
    pages = [path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md") if "_build" not in path.parts and path != GLOSSARY]
    text = " ".join([*pages, *re.findall(r"^  .*$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)]).lower()
    stems = {term: re.escape(term.lower()).replace(r"\ ", r"[\s_-]") for term in TERMS}
    assert [term for term, stem in stems.items() if not re.search(rf"\b{stem}", text)] == []
