"""What stands on the wire, as a tree of shapes made from the attrs classes of the model.

One tree serves three: the published schema (`schema`), the strict reader of what comes in (`convert`) and the writer of what
goes out (`render`). So they cannot disagree. `wire` makes the trees.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


@frozen
class Text:
    """Text. *pattern* holds for the whole of it; *scrub* = it may quote an address, whose secrets are hidden when it goes out."""

    pattern: str | None = None
    scrub: bool = False


@frozen
class Flag:
    """``true`` or ``false``."""


@frozen
class Integer:
    """A whole number within limits."""

    least: int | None = None
    most: int | None = None


@frozen
class Number:
    """A finite number within limits."""

    least: float | None = None
    most: float | None = None


@frozen
class Choice:
    """One member of an enumeration."""

    members: type[StrEnum]


@frozen
class Day:
    """A calendar date, YYYY-MM-DD."""


@frozen
class Moment:
    """A date and time with its offset from UTC."""


@frozen
class Array:
    """A list."""

    item: Shape
    at_least: int = 0


@frozen
class Table:
    """A mapping whose keys are data: districts, days, names. *whole* = the key that stands for ``None``."""

    key: Shape
    value: Shape
    whole: str | None = None


@frozen
class Nullable:
    """A value, or ``null``."""

    inner: Shape


@frozen
class Anything:
    """Any JSON value: what a source returned."""


@frozen
class Member:
    """One member of an object.

    Attributes:
        attribute: Its name in Python.
        name: Its name on the wire.
        shape: What it holds.
        default: What it is when it is left out; `attrs.NOTHING` = it must not be left out.
        description: For people, from the class's docstring.
    """

    attribute: str
    name: str
    shape: Shape
    default: object
    description: str


@frozen(eq=False)
class Object:
    """An instance of a class. Compared by identity: there is one for each class.

    Attributes:
        cls: The class.
        name: What the published document calls it.
        description: For people.
        members: Its members, in order.
        incoming: Whether members that have a default may be left out; what goes out is always complete.
        tag: The value of its member ``kind``, where it is one of several alternatives.
    """

    cls: type
    name: str
    description: str
    members: tuple[Member, ...]
    incoming: bool = False
    tag: str | None = None


@frozen
class OneOf:
    """One of several objects, told apart by their member ``kind``."""

    name: str
    options: tuple[Object, ...]


Shape = Text | Flag | Integer | Number | Choice | Day | Moment | Array | Table | Nullable | Anything | Object | OneOf
