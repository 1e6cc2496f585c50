"""The public names of the package with their signatures, as text: what the reference documents, read from the source without importing it.

    python tests/public_names.py > tests/data/public_names.txt

writes the record that a test compares the source with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "data" / "public_names.txt"

_DIRECTIVE = re.compile(r"^\.\. auto(module|class|function|exception|data):: (\S+)((?:\n   :.*)*)", re.MULTILINE)


def documented() -> Iterator[tuple[str, bool]]:
    """Yield each name that the reference documents, and whether its members are documented with it."""
    for page in sorted((ROOT / "docs" / "reference").glob("*.md")):
        for kind, name, options in _DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            yield name, kind != "module" or ":no-members:" not in options


def render() -> str:
    """Return a line for every public name: modules, classes, functions, and the members of classes in their order."""
    package = griffe.load("backfill", search_paths=[ROOT / "src"])
    named = dict(documented())
    exported = [(f"backfill.{name}", True) for name in package.exports or ()]
    lines: list[str] = []
    for name, with_members in sorted({*named.items(), *exported}):
        found = package[name.removeprefix("backfill.")]
        target = found.final_target if isinstance(found, griffe.Alias) else found
        assert isinstance(target, griffe.Object), f"{name} is not in the source"
        is_there = target.path != name and (target.path in named or named.get(target.path.rpartition(".")[0], False))
        lines += [f"{name} = {target.path}"] if is_there else _lines(name, target, with_members=with_members)
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _lines(name: str, thing: griffe.Object, *, with_members: bool) -> Iterator[str]:
    if isinstance(thing, griffe.Function):
        yield f"{name}{_signature(thing)}"
    elif isinstance(thing, griffe.Attribute):
        value = f" = {thing.value}" if thing.value is not None and thing.parent is not None and thing.parent.is_class else ""
        yield f"{name}: {thing.annotation}{value}"
    else:
        bases = f"({', '.join(map(str, thing.bases))})" if isinstance(thing, griffe.Class) else ""
        yield f"{thing.kind.value} {name}{bases}"
        if with_members:
            for member, inner in thing.members.items():
                if not isinstance(inner, griffe.Alias) and _is_public(member, inner, thing):
                    yield from _lines(f"{name}.{member}", inner, with_members=True)


def _is_public(name: str, thing: griffe.Object, parent: griffe.Object) -> bool:
    if name.startswith("_") and name != "__init__":
        return False
    if parent.is_module:
        return (
            not thing.is_module
            and thing.has_docstring
            and (parent.exports is None or name in {str(one) for one in parent.exports})
        )
    return True


def _signature(function: griffe.Function) -> str:
    parts: list[str] = []
    previous = None
    for parameter in function.parameters:
        kind = parameter.kind
        if previous is griffe.ParameterKind.positional_only and kind is not previous:
            parts.append("/")
        if kind is griffe.ParameterKind.keyword_only and previous not in {kind, griffe.ParameterKind.var_positional}:
            parts.append("*")
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(kind, "")
        annotation = "" if parameter.annotation is None else f": {parameter.annotation}"
        default = "" if parameter.default is None or stars else f" = {parameter.default}"
        parts.append(f"{stars}{parameter.name}{annotation}{default}")
        previous = kind
    if previous is griffe.ParameterKind.positional_only:
        parts.append("/")
    returns = "" if function.returns is None else f" -> {function.returns}"
    return f"({', '.join(parts)}){returns}"


if __name__ == "__main__":
    sys.stdout.write(render())
