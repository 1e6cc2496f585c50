"""The commands that the documentation shows are commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from backfill.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
MANUAL = ROOT / "docs" / "how-to" / "use-the-command-line.md"


def shown_in(page: Path) -> Iterator[list[str]]:
    """Iterate over the calls of `backfill` in the shell blocks of a page, each as its words."""
    for block in re.findall(r"^```bash\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            for part in re.split(r"&&|>", line.partition("#")[0]):
                words = shlex.split(part) if part.count('"') % 2 == 0 else []
                if words and Path(words[0]).name == "backfill":
                    yield words[1:]


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a call down to its last subcommand, without running anything.

    Raises:
        click.UsageError: There is no such call.
    """
    with command.make_context(name, list(words), parent=parent) as context:
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if isinstance(command, click.Group) and rest:
            found, following, arguments = command.resolve_command(context, rest)
            assert following is not None
            parse(following, str(found), arguments, context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_can_be_called_as_they_are_shown(page: Path) -> None:
    """Every call in a shell block has a command, arguments and options that there are. [R10.4]"""
    for words in shown_in(page):
        parse(app, "backfill", words)


def test_the_manual_shows_every_command_and_option() -> None:
    """The page on the command line shows each command, each way to configure, and each option of a run. [R10.4]"""
    text = MANUAL.read_text(encoding="utf-8")
    called = [words for words in shown_in(MANUAL) if words]
    assert {words[0] for words in called} == set(COMMANDS)
    with app.make_context("backfill", ["--version"], resilient_parsing=True) as context:
        config, run = app.get_command(context, "config"), app.get_command(context, "run")
        assert isinstance(config, click.Group)
        assert run is not None
        assert {words[2] for words in called if words[0] == "config"} == set(config.commands) - {"show"}
        options = [option for parameter in run.params for option in parameter.opts if option.startswith("--")]
    assert len(options) > 10
    assert [option for option in options if f"`{option}" not in text and option not in {"--verbose", "--quiet"}] == []


def test_a_call_that_is_wrong_would_be_noticed() -> None:
    """An option that does not exist is refused, also of a command within a command."""
    for words in (["run", "x", "2023-01-31", "--speed", "9"], ["config", "x", "put", "61"], ["fly"]):
        with pytest.raises(click.UsageError):
            parse(app, "backfill", words)
