"""The interface is an extra: imported when used, and named when its library is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

import backfill.web
from backfill.errors import MissingExtra


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Let the package's public names be loaded anew, and put everything back afterwards."""
    names = [name for name in sys.modules if name.startswith("backfill.web.")]
    kept = {name: sys.modules.pop(name) for name in names}
    values = {name: vars(backfill.web).pop(name) for name in backfill.web.__all__ if name in vars(backfill.web)}
    for name in names:
        vars(backfill.web).pop(name.rpartition(".")[2], None)  # or "from backfill.web import …" would find the old module there
    yield
    for name in [name for name in sys.modules if name.startswith("backfill.web.")]:
        del sys.modules[name]
    sys.modules.update(kept)
    vars(backfill.web).update(values)
    for name, module in kept.items():
        setattr(backfill.web, name.rpartition(".")[2], module)


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [("starlette", "create_app", "web"), ("anyio", "create_app", "web"), ("a2wsgi", "as_wsgi", "wsgi")],
)
def test_a_missing_library_names_its_extra(
    library: str, name: str, extra: str, forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its library a name is refused with the command that installs it. [R10.2]"""
    for module in [module for module in sys.modules if module.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Without(library), *sys.meta_path])
    with pytest.raises(MissingExtra, match=rf'pip install "backfill\[{extra}\]"') as caught:
        getattr(backfill.web, name)
    assert caught.value.extra == extra


class _Without:
    """An import system in which one library is not installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Refuse the library; leave everything else to others."""
        if name.partition(".")[0] == self._library:  # also what was loaded before is looked for anew
            raise ModuleNotFoundError(name=name)


def test_another_missing_module_is_told_as_it_is(forgotten: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is missing for another reason is not taken for an extra. [R10.2]"""
    monkeypatch.delitem(sys.modules, "html", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Without("html"), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError) as caught:
        _ = backfill.web.create_app
    assert not isinstance(caught.value, MissingExtra)
    assert caught.value.name == "html"


def test_public_names_are_loaded_on_use() -> None:
    """Importing the package loads no library; its public names are listed, and no others are there. [R10.2]"""
    script = "import backfill.web, sys; print(sorted({name.partition('.')[0] for name in sys.modules} & {'starlette', 'anyio', 'a2wsgi', 'asyncio'}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
    assert dir(backfill.web) == backfill.web.__all__ == sorted(backfill.web.__all__)
    assert all(getattr(backfill.web, name) is not None for name in backfill.web.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'creat_app'"):
        _ = backfill.web.creat_app
