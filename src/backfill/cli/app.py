"""The group of all commands. Each is a module of this package with the object ``command``, loaded when it is asked for."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module

import click

from backfill.cli.exits import ExitCode, Failure, failure_of
from backfill.errors import BackfillError

COMMANDS = (
    "demo", "run", "plan", "coverage", "show", "refresh", "config", "serve",
    "jobs", "cancel", "pause", "resume", "retry", "fill", "cleanup", "check", "repair",
    "verify", "rebuild", "rerank", "import", "findings", "history", "diff", "prune",
)  # fmt: skip
"""Their names, in the order in which a newcomer needs them."""

_MODULES = {"import": "importing"}
"""The modules of the commands that Python would not let be called so."""


class Commands(click.Group):
    """A group that loads a command when it is asked for, and turns errors that are expected into a few lines and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Return the names of the commands, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        """Return a command; ``None`` = there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"backfill.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            Failure: It ended in an error that was expected, or was interrupted before there was a job to cancel.
        """
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # here, where it is known what a reader who has left means
        except BrokenPipeError:  # the reader of the output has left, which an exit code of its own tells
            _leave_unread()
            ctx.exit(ExitCode.UNREAD)
        except BackfillError as error:
            raise failure_of(error) from error
        except KeyboardInterrupt as error:
            raise Failure("Interrupted.", ExitCode.INTERRUPTED) from error


def _leave_unread() -> None:
    """Let what is still to be written go nowhere, so that Python does not complain of it at its end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a test's stream has no descriptor
            descriptor = stream.fileno()
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no path, but the system's name for nothing
                os.dup2(nowhere.fileno(), descriptor)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all of it, 1 some of it, 2 cannot be meant, 3 failed, 130 stopped by Ctrl-C.",
)
@click.version_option(package_name="backfill", prog_name="backfill")
def app() -> None:
    """Rebuild history: collect any range of past days for any set of districts, one snapshot per day.

    The commands work on a folder, ROOT, that holds everything: snapshots, raw documents, configuration. Figures come from the
    public dashboard of Toastmasters districts. Begin with `backfill demo`, which needs no network.
    """


def run_app() -> None:
    """Run the command with the arguments of the process, and end the process."""
    try:
        app(prog_name="backfill")
    except Exception:  # noqa: BLE001 - a bug: Python would end with 1, which says that something was collected
        traceback.print_exc()
        sys.exit(ExitCode.FAILED)
