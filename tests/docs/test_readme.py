"""The README does what it says when its text is pasted as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from backfill.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """Return the README's code blocks in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_first_example_runs_as_pasted_and_prints_what_the_readme_says(tmp_path: Path) -> None:
    """The Python block runs in an empty directory, leaves it empty, and prints the two lines that the text promises. [R10.4]"""
    (example,) = fenced("python")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert f"It prints `{first}` and `{second}`" in README
    assert list(tmp_path.iterdir()) == []


def test_first_example_stands_early_and_is_short() -> None:
    """A newcomer meets the example before line 30, and it has under 20 lines of code. [R10.4, R10.5]"""
    (example,) = fenced("python")
    assert README[: README.index(example)].count("\n") < 30
    assert sum(1 for line in example.splitlines() if line.strip()) < 20
    assert README.count("\n") < 120


def test_commands_are_one_line_each() -> None:
    """Both commands can be pasted: one line each, the demo first, then the tests; `.ci/run` takes them from here."""
    commands = fenced("bash")
    assert [command.count("\n") for command in commands] == [1, 1]
    setup, installed = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[", "]' && .venv/bin/"
    assert all(command.startswith(setup) for command in commands)
    assert [command.removeprefix(setup).strip().split(installed) for command in commands] == [
        ["cli", "backfill demo"],
        ["test", "python -m pytest"],
    ]
    for word in ("backfill demo", "pytest"):
        assert sum(word in command for command in commands) == 1
        assert word in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_commands_that_the_readme_names_exist() -> None:
    """Each command that the README lists is one of the program, and the example that it runs is there. [R10.4]"""
    (line,) = re.findall(r"\*\*A command line\.\*\* (.+?): results", README, re.DOTALL)
    assert sorted(re.findall(r"`(?:backfill )?([a-z]+)`", line)) == sorted(set(COMMANDS) - {"demo"})
    assert (ROOT / "examples" / "flights" / "backfill_weather.py").is_file()
    assert "examples/flights/backfill_weather.py" in README


def test_files_that_the_readme_names_exist() -> None:
    """Each relative link, and each path of the table of what is where, leads somewhere."""
    links = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    cells = [cell for row in re.findall(r"^\| (`.+?) \|", README, re.MULTILINE) for cell in re.findall(r"`(.+?)`", row)]
    paths = [cell if (ROOT / cell.split("/")[0]).exists() else f"src/backfill/{cell}" for cell in cells]
    assert len(links) > 5
    assert len(paths) > 8
    assert [path for path in (*links, *paths) if not (ROOT / path).exists()] == []
