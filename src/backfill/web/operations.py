"""What an operation of the interface is: a line of the table in `routes`, what its handler is given, and what it returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast
from urllib.parse import parse_qsl, urlencode

from attrs import AttrsInstance, asdict, define, field, frozen

from backfill.model import JobEvent
from backfill.service import BackfillService
from backfill.web.shapes import Day, Object, Shape, Text
from backfill.web.slots import Slots

T = TypeVar("T")

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"

PATH: Mapping[str, Shape] = {
    "backfillId": Text(r"[A-Za-z0-9_-]{1,64}"),
    "day": Day(),
    "districtId": Text(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}"),
}
"""What may stand in the path; anything else there is not found."""

HEADERS: Mapping[str, tuple[Text, str]] = {
    "If-None-Match": (Text(), "ETags of what the client has: 304 if one of them is still right."),
    "If-Match": (Text(), "ETag of what the client has seen: 412 if it was changed since."),
    "Idempotency-Key": (
        Text(r"[!-~]{1,255}"),
        "A text of the client's making: the same key again gets the first job, for as long as that is kept; 422 if it asked for something else.",
    ),
    "Last-Event-ID": (Text(r"[0-9]{1,15}"), "Sequence number of the last event received; sent by browsers when they reconnect."),
}
"""The headers that operations look at."""


@frozen
class WebLimits:
    """How much one application lets its clients ask for.

    Attributes:
        max_body: Bytes of a request's body.
        max_units: Units of (day, district) of one job, plan or coverage.
        max_queued: Jobs that may wait in the queue when another is started.
        max_streams: Streams of events at once.
        max_streams_each: Of these, streams at once of one who asks, where ``authorize`` says who does.
        workers: Threads that call the service.
        max_waiting: Requests that may wait for one of these threads.
        poll_seconds: Seconds between two looks at the job store on behalf of a stream.
        heartbeat_seconds: Seconds of silence after which a stream says that it is alive.
        stream_seconds: Seconds after which a stream ends; browsers reconnect, and go on where they were.
        unread_seconds: Seconds after which a stream ends whose client does not take what it is sent.
    """

    max_body: int = 65_536
    max_units: int = 1_000_000
    max_queued: int = 100
    max_streams: int = 32
    max_streams_each: int = 4
    workers: int = 8
    max_waiting: int = 64
    poll_seconds: float = 0.5
    heartbeat_seconds: float = 15.0
    stream_seconds: float = 600.0
    unread_seconds: float = 30.0


@frozen
class Answer:
    """What a handler returns: written as the operation's reply of this status says.

    Attributes:
        value: What the body says.
        status: The HTTP status.
        headers: Further headers.
        content: The body, where it exists already.
    """

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    content: bytes | None = None


@frozen
class Stream:
    """What a handler returns to send events for as long as the client listens.

    Attributes:
        read: Returns the events after a sequence number, oldest first.
        after: The sequence number to begin after; ``None`` = from the oldest kept.
        has_ended: Tells whether no event will follow any more; ``None`` = there is no end.
    """

    read: Callable[[int | None], Sequence[JobEvent]]
    after: int | None
    has_ended: Callable[[], bool] | None = None


@define
class State:
    """What one application knows of itself.

    Attributes:
        operations: What it offers.
        slots: Places for streams of events.
        answered: How many requests it has answered, by method, path of the operation (``""`` = none) and status.
    """

    operations: tuple[Operation, ...]
    slots: Slots
    answered: Counter[tuple[str, str, int]] = field(factory=Counter)


@frozen
class Call:
    """What a handler is given. Everything in it has been checked.

    Attributes:
        service: The service.
        limits: How much may be asked for.
        state: What the application knows of itself.
        root: The path that the application is mounted at, quoted; ``""`` = none.
        path: The path's parameters.
        query: The query, an instance of the operation's class.
        body: The body, likewise.
        headers: The headers that the operation looks at.
        principal: Who asks, as ``authorize`` said; ``None`` = it did not say.
        address: The path and query as they were asked for, for links to further pages.
    """

    service: BackfillService
    limits: WebLimits
    state: State
    root: str = ""
    path: Mapping[str, object] = field(factory=dict)
    query: object = None
    body: object = None
    headers: Mapping[str, str] = field(factory=dict)
    principal: str | None = None
    address: str = ""

    def part(self, name: str, _kind: type[T], /) -> T:
        """Return a parameter of the path."""
        return cast("T", self.path[name])

    def asked(self, _kind: type[T], /) -> T:
        """Return the query."""
        return cast("T", self.query)

    def given(self, _kind: type[T], /) -> T:
        """Return the body."""
        return cast("T", self.body)

    @property
    def given_values(self) -> Mapping[str, object]:
        """The values of query and body, by their names in Python."""
        found: dict[str, object] = {}
        for part in (self.query, self.body):
            if isinstance(part, dict):
                found |= part
            elif part is not None:
                found |= asdict(cast("AttrsInstance", part), recurse=False)
        return found

    def next_page(self, **changes: object) -> str:
        """Return the address of the next page: this one, with some of its query's values replaced; 0 leaves a value out."""
        path, _, query = self.address.partition("?")
        kept = [(name, value) for name, value in parse_qsl(query) if name not in changes]
        return f"{path}?{urlencode([*kept, *((name, value) for name, value in changes.items() if value)])}"


Handler = Callable[[Call], Answer | Stream]


@frozen
class Reply:
    """One possible answer of an operation.

    Attributes:
        description: For people.
        shape: What its body holds; ``None`` = there is no body, or it is no JSON.
        media_type: Of the body; ``None`` = there is none.
        headers: The headers that it carries besides those that every answer has.
    """

    description: str
    shape: Shape | None = None
    media_type: str | None = JSON
    headers: tuple[str, ...] = ()


@frozen
class Operation:
    """One thing that the interface can do: a method on a path.

    Attributes:
        method: The HTTP method.
        path: With parameters in braces.
        handler: Carries it out; called in a thread that may block.
        replies: What it answers, by status.
        problems: The statuses of the problems that it may answer with, besides those that every operation has.
        query: What may stand in the query; ``None`` = nothing.
        body: What the body holds; ``None`` = there is none.
        headers: The headers of the request that it looks at.
        needs: Tells whether a service can do it; ``None`` = every service can.
        conditional: Whether it answers with an ETag, and with 304 to who has it already.
    """

    method: str
    path: str
    handler: Handler
    replies: Mapping[int, Reply]
    problems: tuple[int, ...] = ()
    query: Object | None = None
    body: Object | None = None
    headers: tuple[str, ...] = ()
    needs: Callable[[BackfillService], bool] | None = None
    conditional: bool = False

    @property
    def name(self) -> str:
        """Its name in the published document."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, in a sentence: the first line of its handler's docstring."""
        return (self.handler.__doc__ or "").partition("\n")[0]

    @property
    def is_stream(self) -> bool:
        """Whether it sends events for as long as the client listens."""
        return any(reply.media_type == EVENTS for reply in self.replies.values())
