"""Calls of the source in an executor: only this process fetches, the pure part runs there.

A call runs there with the answers that are known so far. The first that it lacks ends it, and names what it needs; that is fetched here,
through the unit's own door, and the call runs again. So limits, breaker, archive and provenance are the job's own, whatever the
executor. What comes before the first document is run here once it is known that there is one: it is an address that is put together, and
nothing to compute. What a check says of a document is asked of the call itself: it runs with the document, and tells whether it was refused.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from attrs import define, evolve, field, frozen

from backfill.engine.errands import Errand
from backfill.engine.failures import as_source_error
from backfill.engine.pickled import Carried
from backfill.errors import BackfillError, Cancelled, HostDown, SourceError
from backfill.jsonvalues import to_json_value
from backfill.model import Collected, Document, EncodedRecord
from backfill.protocols import DataSource, Fetch

Check = Callable[[Document], object]


@frozen
class Asked:
    """What a source asks for, and for which time.

    Attributes:
        number: So often it was asked for before, in the same call.
        has_check: Whether the answer is checked.
    """

    url: str
    method: str
    params: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    name: str | None
    number: int = 0
    has_check: bool = field(default=False, eq=False)

    def of(self, fetch: Fetch, check: Check | None) -> Document:
        """Return the answer of a door."""
        return fetch(
            self.url,
            method=self.method,
            params=dict(self.params) or None,
            headers=dict(self.headers) or None,
            body=self.body,
            check=check,
            name=self.name,
        )


Answers = Mapping[Asked, Document | SourceError]


@frozen
class SourceCall:
    """A call of a source: the method and its arguments, but for the door."""

    method: str
    arguments: tuple[object, ...]
    extra: Mapping[str, object]


@frozen
class Ran:
    """What became of a call.

    Attributes:
        value: What it returned, in a form that goes from process to process.
        error: What it raised instead.
        needed: The answer that it lacks, instead of both.
        refused: What its checks said of documents that they refused.
    """

    value: object = None
    error: SourceError | None = None
    needed: Asked | None = None
    refused: Mapping[Asked, SourceError] = field(factory=dict)


class _NeededError(BaseException):
    """Ends a call that lacks an answer; no ``except Exception`` of a source keeps it."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        super().__init__(asked)


class Elsewhere:
    """Calls a source in an executor. Any thread.

    Args:
        source: The source.
        executor: Where it is called. One of other processes must be able to unpickle the source.

    Raises:
        InvalidRequest: The source cannot go to another process.
    """

    def __init__(self, source: DataSource, executor: Executor) -> None:
        self._executor = executor
        self._asks = False
        remedy = "use a ThreadPoolExecutor, or leave the executor out"
        self._source = Carried(source, executor, source, what="the source", remedy=remedy)

    def call(self, call: SourceCall, fetch: Fetch, cancel: threading.Event | None = None) -> object:
        """Return what the call of the source returns, each answer that it needs fetched by *fetch*, in this thread.

        Args:
            call: The call.
            fetch: The unit's door.
            cancel: The flag of its job; ``None`` = it cannot be stopped.

        Raises:
            SourceError: What the source raised, or would have; kind ``worker_lost``: the workers that had the call died.
            Cancelled: The job was stopped, and the call dropped.
            ServiceUnusable: The executor runs nothing any more, or cannot run this.
        """
        answers: dict[Asked, Document | SourceError] = {}
        ran = self._begun(call, cancel)
        while ran.needed is not None:
            asked, trial = ran.needed, _Trial()

            def check(document: Document, asked: Asked = asked, trial: _Trial = trial) -> None:
                trial.ran = None
                try:
                    found = self._run(call, {**answers, asked: _plain(document)}, cancel)
                except BackfillError as error:  # nothing that the document is to blame for, as any other error would say
                    trial.failure = error
                    raise Cancelled("the call was lost") from error
                refusal = found.refused.get(asked)
                if refusal is not None:
                    raise refusal
                trial.ran = found

            try:
                answers[asked] = _plain(asked.of(fetch, check if asked.has_check else None))
            except SourceError as error:
                if trial.failure is not None:
                    raise trial.failure from error
                if isinstance(error, Cancelled | HostDown):  # the source has no say in what follows
                    raise
                answers[asked] = error
                trial.ran = None
            ran = trial.ran or self._run(call, answers, cancel)
        if ran.error is not None:
            raise ran.error
        return ran.value

    def _begun(self, call: SourceCall, cancel: threading.Event | None) -> Ran:
        """Run a call as far as its first document: here, where calls like it were seen to ask for one, which saves a way there and back."""
        ran = run(self._source, call, {}) if self._asks else self._run(call, {}, cancel)
        self._asks = ran.needed is not None
        return ran

    def _run(self, call: SourceCall, answers: Answers, cancel: threading.Event | None) -> Ran:
        return Errand(self._executor, run, self._source, call, dict(answers)).result(cancel)


@define
class _Trial:
    """What came of running a call with a document that is to be checked: it ran, or was lost."""

    ran: Ran | None = None
    failure: BackfillError | None = None


def refuse_unfit(source: DataSource, executor: Executor) -> None:
    """Raise if *source* cannot be called in *executor*.

    Raises:
        InvalidRequest: It cannot go to another process.
    """
    Elsewhere(source, executor)


def run(source: Carried[DataSource], call: SourceCall, answers: Answers) -> Ran:
    """Call the source, in whichever process this runs, with the answers that are known."""
    replay = _Replay(answers)
    try:
        value = getattr(source.value, call.method)(*call.arguments, replay)
        return Ran(_portable(value, is_mapping=call.method != "collect_district"), refused=replay.refused)
    except _NeededError as needed:
        return Ran(needed=needed.asked, refused=replay.refused)
    except BaseException as error:  # noqa: BLE001 - a source may raise anything at all
        return Ran(error=as_source_error(error, extra=dict(call.extra)), refused=replay.refused)


class _Replay:
    """A `Fetch` that hands out the answers that are known. For one call, in one thread."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._times: Counter[Asked] = Counter()
        self.refused: dict[Asked, SourceError] = {}

    def __call__(
        self,
        url: str,
        /,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Check | None = None,
        name: str | None = None,
    ) -> Document:
        """Return the known answer, or raise the one that is an error."""
        texts = tuple((params or {}).items()), tuple((headers or {}).items())
        first = Asked(url, method, *texts, body, name, has_check=check is not None)
        asked = evolve(first, number=self._times[first])
        self._times[first] += 1
        answer = self._answers.get(asked)
        if answer is None:
            raise _NeededError(asked)
        if isinstance(answer, SourceError):
            raise answer
        return answer if check is None else evolve(answer, parsed=self._checked(asked, check, answer))

    def _checked(self, asked: Asked, check: Check, document: Document) -> object:
        try:
            return check(document)
        except Exception as error:
            refusal = as_source_error(error, extra={})
            refusal.stage = refusal.stage or "validate"
            self.refused[asked] = refusal
            raise


def _plain(document: Document) -> Document:
    return document if document.parsed is None else evolve(document, parsed=None)


def _portable(value: object, *, is_mapping: bool) -> object:
    """Return what a source returned, as values that go from process to process, each with the error that it has instead."""
    if is_mapping and isinstance(value, Mapping):
        return {key: _portable(item, is_mapping=False) for key, item in value.items()}
    try:
        if isinstance(value, SourceError | EncodedRecord):
            return value
        if not isinstance(value, Collected):
            return to_json_value(value)[0]
        return value if isinstance(value.data, EncodedRecord) else evolve(value, data=to_json_value(value.data)[0])
    except SourceError as error:
        return error
