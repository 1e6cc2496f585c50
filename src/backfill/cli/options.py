"""The arguments and options that several commands share, and what they make: a request, an opened service."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import click
from attrs import frozen
from click.shell_completion import CompletionItem
from rich.console import Console

from backfill.cli.console import logging_to, remarks
from backfill.cli.printing import print_command, print_text
from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, CollectionType, Detail, Frequency, Order
from backfill.toastmasters import DASHBOARD_URL, DashboardService, open_service
from backfill.toastmasters.opening import DEFAULT_RATE

Function = Callable[..., object]
Decorator = Callable[[Function], Function]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

NO_LIMIT = "none"

COMPLETED = 100
"""So many jobs a shell is offered."""


def as_day(text: str) -> date:
    """Return the date that *text* writes, YYYY-MM-DD; a type for click.

    Raises:
        click.BadParameter: It is none.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # 2023-02-30
    message = f"{text!r} is not a date of the calendar; write it as YYYY-MM-DD, for instance 2023-01-31."
    raise click.BadParameter(message)


def as_rate(text: str) -> float:
    """Return requests a second; 0 = ``none``, no limit (click takes ``None`` for an option that is not there). A type for click.

    Raises:
        click.BadParameter: It is no number above 0.
    """
    if text == NO_LIMIT:
        return 0.0
    try:
        number = float(text)
    except ValueError:  # no number at all: refused below, as 0 is
        number = 0.0
    if not 0 < number < math.inf:
        message = f"{text!r} is not a number above 0; write for instance 2, 0.5 or {NO_LIMIT}."
        raise click.BadParameter(message)
    return number


@frozen
class Talk:
    """How much a command says beside its result.

    Attributes:
        console: Standard error.
        quiet: Whether it says nothing but errors.
    """

    console: Console
    quiet: bool

    def say(self, text: str = "", *, indent: str = "", style: str = "", whole: bool = False) -> None:
        """Write a text, unless the command is to be quiet: wrapped on a terminal, as one line elsewhere, or where it is *whole*."""
        if self.quiet:
            return
        write = print_text if self.console.is_terminal and not whole else print_command
        write(self.console, text, indent=indent, style=style)


def several(*decorators: Decorator) -> Decorator:
    """Return a decorator that applies all of *decorators*, so that help shows them in this order."""

    def apply(command: Function) -> Function:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def talking(command: Function) -> Function:
    """Add ``-v`` and ``-q``."""
    return several(
        click.option("-v", "--verbose", count=True, help="Show the log on standard error; -vv shows all of it."),
        click.option("-q", "--quiet", is_flag=True, help="Show neither progress nor remarks, nothing but the result and errors."),
    )(command)


def as_json(command: Function) -> Function:
    """Add ``--json``."""
    return click.option("--json", "json_", is_flag=True, help="Print one JSON document instead of text.")(command)


def root_argument(command: Function) -> Function:
    """Add the folder."""
    return click.argument("root", type=click.Path(file_okay=False, path_type=Path))(command)


def complete_job(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the newest jobs of the folder that was typed before, for the shell to offer."""
    root = context.params.get("root")
    if not isinstance(root, Path) or not root.is_dir():
        return []
    with open_service(root, resume=False) as service:
        reports = service.list_backfills(limit=COMPLETED)
    return [CompletionItem(one.backfill_id, help=str(one.status)) for one in reports if one.backfill_id.startswith(begun)]


def job_argument(command: Function) -> Function:
    """Add the job."""
    return click.argument("job", metavar="JOB", shell_complete=complete_job)(command)


def district_option(command: Function) -> Function:
    """Add ``-d``."""
    return click.option(
        "-d", "--district", "districts", multiple=True, metavar="ID",
        help="A district, such as 61 or F; may be repeated. Default: all that are configured, else all there are.",
    )(command)  # fmt: skip


def choice(name: str, choices: type[CollectionType | Detail | Frequency | Order], default: str, words: str) -> Decorator:
    """Return an option that takes one member of an enumeration, by its value."""
    return click.option(
        f"--{name}", type=click.Choice([str(member) for member in choices]), default=default, show_default=True, help=words
    )


def range_arguments(command: Function) -> Function:
    """Add the days, and which districts."""
    return several(click.argument("start", type=as_day), click.argument("end", type=as_day, required=False), district_option)(
        command
    )


def processes_option(command: Function) -> Function:
    """Add ``--processes``."""
    return click.option(
        "--processes", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
        help="Make records in so many processes; 1 = in this one.",
    )(command)  # fmt: skip


@contextmanager
def executor_of(processes: int) -> Iterator[Executor | None]:
    """Yield an executor of so many processes; ``None`` = one process is enough."""
    if processes == 1:
        yield None
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        yield executor


def frequency_option(command: Function) -> Function:
    """Add ``--frequency``."""
    words = "Every day, every seventh from START, or the last of each month."
    return choice("frequency", Frequency, "daily", words)(command)


def publisher_options(command: Function) -> Function:
    """Add where to ask, and how fast."""
    return several(
        click.option("--base-url", default=DASHBOARD_URL, show_default=True, metavar="URL", help="The dashboard's address."),
        click.option(
            "--rate", type=as_rate, default=str(DEFAULT_RATE), show_default=True, metavar="N",
            help=f"Requests a second, over all processes that use ROOT; {NO_LIMIT} = no limit.",
        ),
    )(command)  # fmt: skip


def request_options(command: Function) -> Function:
    """Add everything that a request may say."""
    return several(
        click.argument("start", type=as_day),
        click.argument("end", type=as_day, required=False),
        district_option,
        choice("detail", Detail, "auto", "auto = full for named districts, a summary for all of them."),
        choice("type", CollectionType, "auto", "How days are collected; auto takes the cheapest way."),
        frequency_option,
        choice("order", Order, "newest-first", "Which days come first."),
        click.option("--concurrency", type=int, default=3, show_default=True, help="So much in work at once, 1 to 64."),
        click.option("--min-interval", type=float, metavar="SECONDS", help="Seconds between requests, on top of the rate."),
        click.option(
            "--max-failures", type=int, metavar="N", help="Pause once so many (day, district) have failed; default: never."
        ),
        click.option("--no-skip", is_flag=True, help="Collect also what is stored already."),
        click.option("--no-cache", is_flag=True, help="Ask the publisher anew even for what is archived."),
        click.option("--no-retry", is_flag=True, help="Make one attempt a document."),
        publisher_options,
    )(command)


@frozen
class Asked:
    """What `request_options` read.

    Attributes:
        start: First day.
        end: Last day, inclusive; ``None`` = the first alone.
        districts: Which; empty = all.
        detail: As for `BackfillRequest`, and so the others.
        type: How days are collected.
        frequency: Which days.
        order: Which first.
        concurrency: So much at once.
        min_interval: Seconds between requests, or ``None``.
        max_failures: Pause after so many, or ``None``.
        no_skip: Whether what is stored is collected again.
        no_cache: Whether the publisher is asked anew.
        no_retry: Whether a document gets one attempt only.
        base_url: The publisher's address.
        rate: Requests a second; 0 = no limit.
    """

    start: date
    end: date | None
    districts: tuple[str, ...]
    detail: str
    type: str
    frequency: str
    order: str
    concurrency: int
    min_interval: float | None
    max_failures: int | None
    no_skip: bool
    no_cache: bool
    no_retry: bool
    base_url: str
    rate: float

    def request(self) -> BackfillRequest:
        """Return the request.

        Raises:
            InvalidRequest: A value breaks its rule.
        """
        return BackfillRequest(
            self.start,
            self.end,
            self.districts or None,
            collection_type=self.type,
            detail=self.detail,
            concurrency=self.concurrency,
            retry_failures=not self.no_retry,
            skip_existing=not self.no_skip,
            enable_caching=not self.no_cache,
            min_interval=self.min_interval,
            max_failures=self.max_failures,
            frequency=self.frequency,
            order=self.order,
        )


@contextmanager
def talk(*, verbose: int, quiet: bool) -> Iterator[Talk]:
    """Yield how to talk beside the result; the library's log goes there while the block runs."""
    console = remarks()
    with logging_to(console, verbose if verbose or not quiet else -1):
        yield Talk(console, quiet)


@contextmanager
def opened(
    root: Path, base_url: str = DASHBOARD_URL, rate: float = DEFAULT_RATE, executor: Executor | None = None
) -> Iterator[DashboardService]:
    """Yield the service over *root*, which is closed at the end. For reading alone *root* has to be there; see `existing`.

    Interrupted jobs are left alone: a command that works on jobs goes on with them where it can show that (`go_on_first`).

    Raises:
        InvalidRequest: The address is none.
        StoreError: The folder cannot be used.
    """
    with open_service(root, base_url=base_url, rate=rate or None, resume=False, executor=executor) as service:
        yield service


def existing(root: Path) -> Path:
    """Return *root* if it is there, so that a slip of the pen is not taken for an empty history.

    Raises:
        InvalidRequest: It is not.
    """
    if not root.is_dir():
        raise InvalidRequest(
            "ROOT", str(root), "there is no such folder", "name one that `backfill run` or `backfill demo` has made"
        )
    return root
