"""``backfill config``: which districts may be collected."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import Function, as_json, opened, root_argument, several
from backfill.cli.printing import print_facts, print_json
from backfill.scopes import ConfigurationChange, DistrictConfigurationService
from backfill.wording import listing

_EVERY = "none configured: every district is in scope"


def _remarks(command: Function) -> Function:
    return several(
        click.option("--by", metavar="NAME", help="Who changes it, for the history."),
        click.option("--note", metavar="TEXT", help="Why, for the history."),
        as_json,
    )(command)


_names = click.argument("districts", nargs=-1, required=True, metavar="DISTRICT...")
_configuration = click.make_pass_decorator(DistrictConfigurationService)


@click.group(short_help="Say which districts may be collected.", invoke_without_command=True)
@root_argument
@click.pass_context
def command(ctx: click.Context, root: Path) -> None:
    """Show or change the districts that may be collected into ROOT. With none configured, every district may."""
    ctx.obj = ctx.with_resource(opened(root)).configuration
    if ctx.invoked_subcommand is None:
        ctx.invoke(show)


@command.command()
@as_json
@_configuration
def show(configuration: DistrictConfigurationService, *, json_: bool = False) -> None:
    """Show the districts configured."""
    _say(configuration, json_=json_)


@command.command("set")
@several(_names, _remarks)
@_configuration
def set_(
    configuration: DistrictConfigurationService, districts: tuple[str, ...], *, by: str | None, note: str | None, json_: bool
) -> None:
    """Configure exactly these districts."""
    configuration.set_districts(districts, by=by, note=note)
    _say(configuration, json_=json_)


@command.command()
@several(_names, _remarks)
@_configuration
def add(
    configuration: DistrictConfigurationService, districts: tuple[str, ...], *, by: str | None, note: str | None, json_: bool
) -> None:
    """Configure these districts as well; where none was configured, they alone are in scope from now on."""
    configuration.add(*districts, by=by, note=note)
    _say(configuration, json_=json_)


@command.command()
@several(_names, _remarks)
@_configuration
def remove(
    configuration: DistrictConfigurationService, districts: tuple[str, ...], *, by: str | None, note: str | None, json_: bool
) -> None:
    """Configure these districts no longer. What is stored of them stays."""
    configuration.remove(*districts, by=by, note=note)
    _say(configuration, json_=json_)


@command.command()
@_remarks
@_configuration
def clear(configuration: DistrictConfigurationService, *, by: str | None, note: str | None, json_: bool) -> None:
    """Configure none: every district is in scope again."""
    configuration.clear(by=by, note=note)
    _say(configuration, json_=json_)


@command.command()
@as_json
@_configuration
def history(configuration: DistrictConfigurationService, *, json_: bool) -> None:
    """Show who changed what, newest first."""
    changes = configuration.history()
    if json_:
        print_json(changes)
    elif changes:
        print_facts(results(), ((f"{change.at:%Y-%m-%d %H:%M}", _told(change)) for change in changes))
    else:
        results().print("Nothing was ever changed.")


def _say(configuration: DistrictConfigurationService, *, json_: bool) -> None:
    if json_:
        print_json({"districts": configuration.districts})
    else:
        results().print(_shown(configuration.districts), soft_wrap=True)


def _shown(districts: tuple[str, ...] | None) -> str:
    return _EVERY if districts is None else " ".join(districts)


def _told(change: ConfigurationChange) -> str:
    after = "every district in scope" if change.after is None else listing(change.after)
    remark = "; ".join(filter(None, (change.by, change.note)))
    return f"{change.action}: {after}{f' ({remark})' if remark else ''}"
