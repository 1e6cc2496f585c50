"""Hands a table over through the Arrow C data interface, by structures of ctypes.

Each structure that is handed out is kept alive here until its consumer releases it, as the interface demands; a child is kept by itself,
since consumers may take it and release its parent.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any, TypeAlias

Columns: TypeAlias = Sequence[tuple[str, str, Sequence[Any]]]
"""Of each column its name, its format in the words of Arrow, and its values, ``None`` where one is missing."""

DAYS, INTEGERS, NUMBERS, FLAGS, TEXTS = "tdD", "l", "g", "b", "u"
"""The formats that are known here."""

_EPOCH = date(1970, 1, 1).toordinal()
_NULLABLE = 2
_STREAM, _SCHEMA = b"arrow_array_stream", b"arrow_schema"
_NO_ERROR, _IO_ERROR = 0, 5


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_release_schema = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_release_array = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_release_stream = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))
_get_schema = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))
_get_next = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))
_get_last_error = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Stream))
_destructor = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64), ("children", ctypes.POINTER(ctypes.POINTER(_Schema))), ("dictionary", ctypes.c_void_p),
    ("release", _release_schema), ("private_data", ctypes.c_void_p),
]  # fmt: skip
_Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64), ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p), ("release", _release_array), ("private_data", ctypes.c_void_p),
]  # fmt: skip
_Stream._fields_ = [
    ("get_schema", _get_schema), ("get_next", _get_next), ("get_last_error", _get_last_error), ("release", _release_stream),
    ("private_data", ctypes.c_void_p),
]  # fmt: skip

_MESSAGE = ctypes.create_string_buffer(b"a column holds a value that its format cannot have")

_kept: dict[int, Any] = {}
_numbers = count(1)

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, _destructor]
_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype, _pointer_in.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]


def kept() -> int:
    """Return how many structures are handed out and not released yet."""
    return len(_kept)


def schema_capsule(columns: Columns) -> object:
    """Return the schema of *columns* in a capsule."""
    schema = _Schema()
    _fill_schema(schema, b"+s", b"", [(form.encode(), name.encode()) for name, form, _values in columns])
    return _capsule(schema, _SCHEMA, _drop_schema)


def stream_capsule(columns: Columns) -> object:
    """Return *columns*, of one length, as a stream of one batch, in a capsule."""
    stream = _Stream()
    batches = [columns]

    def get_schema(_stream: Any, out: Any) -> int:
        _fill_schema(out.contents, b"+s", b"", [(form.encode(), name.encode()) for name, form, _values in columns])
        return _NO_ERROR

    def get_next(_stream: Any, out: Any) -> int:
        try:
            _fill_batch(out.contents, batches.pop()) if batches else _end(out.contents)
        except Exception:  # noqa: BLE001 - an exception cannot cross into C
            return _IO_ERROR
        return _NO_ERROR

    def get_last_error(_stream: Any) -> int:
        return ctypes.addressof(_MESSAGE)

    stream.get_schema, stream.get_next = _get_schema(get_schema), _get_next(get_next)
    stream.get_last_error, stream.release = _get_last_error(get_last_error), _release_stream(_let_go)
    stream.private_data = _keep((stream.get_schema, stream.get_next, stream.get_last_error, stream.release))
    return _capsule(stream, _STREAM, _drop_stream)


# --- lifetimes --------------------------------------------------------------------------------------------------------


def _keep(things: Any) -> int:
    number = next(_numbers)
    _kept[number] = things
    return number


def _let_go(pointer: Any) -> None:
    """Release a structure: its children that nobody took, then itself."""
    held = pointer.contents
    for index in range(getattr(held, "n_children", 0)):
        child = held.children[index]
        if child.contents.release:
            child.contents.release(child)
    things = _kept.pop(held.private_data, None)
    held.release = type(held.release)()
    del things


_let_schema_go = _release_schema(_let_go)
_let_array_go = _release_array(_let_go)


def _capsule(structure: Any, name: bytes, drop: Any) -> object:
    address = ctypes.addressof(structure)
    _kept[-address] = structure
    return _new_capsule(address, name, drop)


def _dropped(name: bytes, kind: Any) -> Any:
    def drop(capsule: int) -> None:
        address = _pointer_in(capsule, name)
        structure = kind.from_address(address)
        if structure.release:
            structure.release(ctypes.pointer(structure))
        _kept.pop(-address, None)

    return _destructor(drop)


_drop_stream = _dropped(_STREAM, _Stream)
_drop_schema = _dropped(_SCHEMA, _Schema)


# --- contents ---------------------------------------------------------------------------------------------------------


def _fill_schema(schema: _Schema, form: bytes, name: bytes, children: Sequence[tuple[bytes, bytes]]) -> None:
    made = []
    for child_form, child_name in children:
        child = _Schema()
        _fill_schema(child, child_form, child_name, ())
        child.flags = _NULLABLE
        made.append(child)
    pointers = (ctypes.POINTER(_Schema) * len(made))(*map(ctypes.pointer, made))
    schema.format, schema.name, schema.metadata, schema.flags = form, name, None, 0
    schema.n_children, schema.children, schema.dictionary = len(made), pointers, None
    schema.release = _let_schema_go
    schema.private_data = _keep((form, name, made, pointers))


def _fill_batch(batch: _Array, columns: Columns) -> None:
    children = []
    for _name, form, values in columns:
        child = _Array()
        nulls, buffers = _buffers(form, values)
        _fill_array(child, len(values), nulls, buffers, ())
        children.append(child)
    _fill_array(batch, children[0].length if children else 0, 0, (None,), children)


def _fill_array(into: _Array, length: int, nulls: int, buffers: Sequence[Any], children: Sequence[_Array]) -> None:
    addresses = [None if buffer is None else ctypes.addressof(buffer) for buffer in buffers]
    places = (ctypes.c_void_p * len(addresses))(*addresses)
    pointers = (ctypes.POINTER(_Array) * len(children))(*map(ctypes.pointer, children))
    into.length, into.null_count, into.offset, into.dictionary = length, nulls, 0, None
    into.n_buffers, into.buffers = len(addresses), places
    into.n_children, into.children = len(children), pointers
    into.release = _let_array_go
    into.private_data = _keep((buffers, places, children, pointers))


def _end(into: _Array) -> None:
    ctypes.memset(ctypes.addressof(into), 0, ctypes.sizeof(into))


def _buffers(form: str, values: Sequence[Any]) -> tuple[int, tuple[Any, ...]]:
    """Return how many values are missing, and the buffers of a column: which are there, where texts begin, and the values."""
    missing = sum(value is None for value in values)
    there = _bits([value is not None for value in values]) if missing else None
    if form == TEXTS:
        texts = [b"" if value is None else str(value).encode() for value in values]
        offsets, end = array("i", [0]), 0
        for text in texts:
            end += len(text)
            offsets.append(end)
        return missing, (there, _bytes(offsets.tobytes()), _bytes(b"".join(texts)))
    if form == FLAGS:
        return missing, (there, _bits([value is True for value in values]))
    return missing, (there, _bytes(_numbers_of(form, values).tobytes()))


def _numbers_of(form: str, values: Sequence[Any]) -> array[Any]:
    if form == DAYS:
        return array("i", [0 if value is None else value.toordinal() - _EPOCH for value in values])
    return array("q" if form == INTEGERS else "d", [0 if value is None else value for value in values])


def _bits(flags: Sequence[bool]) -> Any:
    packed = bytearray((len(flags) + 7) // 8)
    for index, flag in enumerate(flags):
        if flag:
            packed[index >> 3] |= 1 << (index & 7)
    return _bytes(bytes(packed))


def _bytes(content: bytes) -> Any:
    return ctypes.create_string_buffer(content, max(1, len(content)))
