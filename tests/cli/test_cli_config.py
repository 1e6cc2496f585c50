"""Which districts may be collected, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from cli_running import call


def test_districts_are_configured_and_shown(tmp_path: Path) -> None:
    """Set, add, remove and clear do what they say, and each prints what is configured then. [R7.1]"""
    root = tmp_path / "root"
    assert call("config", root).stdout == "none configured: every district is in scope\n"
    assert not root.exists()
    assert call("config", root, "set", "91", "f", "--by", "Ada", "--note", "the pilot").stdout == "91 F\n"
    assert call("config", root, "add", "61").stdout == "91 F 61\n"
    assert call("config", root, "remove", "F").stdout == "91 61\n"
    assert json.loads(call("config", root, "show", "--json").stdout) == {"districts": ["91", "61"]}
    assert call("config", root, "clear").stdout == "none configured: every district is in scope\n"


def test_the_history_says_who_changed_what(tmp_path: Path) -> None:
    """The newest change comes first, with who made it and why. [R7.1]"""
    assert call("config", tmp_path, "history").stdout == "Nothing was ever changed.\n"
    call("config", tmp_path, "set", "91", "--by", "Ada", "--note", "the pilot")
    call("config", tmp_path, "clear")
    newest, oldest = call("config", tmp_path, "history").stdout.splitlines()
    assert newest.endswith("clear: every district in scope")
    assert oldest.endswith("set: 91 (Ada; the pilot)")
    changes = json.loads(call("config", tmp_path, "history", "--json").stdout)
    assert [change["action"] for change in changes] == ["clear", "set"]
    assert changes[1]["by"] == "Ada"


def test_what_is_no_district_is_refused(tmp_path: Path) -> None:
    """A name that cannot be a district changes nothing, and neither does removing what is not there. [R7.4]"""
    assert call("config", tmp_path, "set", "../x").exit_code == 2
    call("config", tmp_path, "set", "91")
    refused = call("config", tmp_path, "remove", "19")
    assert refused.exit_code == 2
    assert "did you mean '91'? name one that is configured: 91\n" in refused.stderr
    assert "clear the configuration" in call("config", tmp_path, "remove", "91").stderr
    assert call("config", tmp_path, "show").stdout == "91\n"


def test_a_damaged_configuration_is_exit_code_3(tmp_path: Path) -> None:
    """A file that holds no configuration is named and left as it is. [R7.1]"""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "districts.json").write_text("{")
    done = call("config", tmp_path, "add", "91")
    assert done.exit_code == 3
    assert "districts.json" in done.stderr
    assert (tmp_path / "config" / "districts.json").read_text() == "{"


def test_changes_answer_in_json_too(tmp_path: Path) -> None:
    """Every change says in JSON which districts are configured after it. [R10.1]"""
    root = tmp_path / "root"
    for words, districts in (
        ("set 91 61", ["91", "61"]),
        ("add F", ["91", "61", "F"]),
        ("remove 91", ["61", "F"]),
        ("clear", None),
    ):
        assert json.loads(call("config", root, *words.split(), "--json").stdout) == {"districts": districts}
