"""The engine's native half (native/placement): its records and its functions, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

from aliquot import native_programs
from aliquot.placement.engine.cluster import MOST_DEVICES, MOST_MODELS


class NativeRequest(ctypes.Structure):
    """`Request` of native/placement/cluster.h."""

    _fields_ = (
        ("cpu", ctypes.c_int64),
        ("memory", ctypes.c_int64),
        ("devices", ctypes.c_int32),
        ("share", ctypes.c_int32),
        ("device_memory", ctypes.c_int64),
        ("models", ctypes.c_uint64),
    )


class NativeTypical(ctypes.Structure):
    """`Typical` of native/placement/fragmentation.h."""

    _fields_ = (("request", NativeRequest), ("weight", ctypes.c_double))


class NativeNode(ctypes.Structure):
    """`Node` of native/placement/cluster.h."""

    _fields_ = (
        ("cpu", ctypes.c_int64),
        ("memory", ctypes.c_int64),
        ("devices", ctypes.c_int32),
        ("model", ctypes.c_int32),
        ("device_size", ctypes.c_int64),
        ("device_memory", ctypes.c_int64 * MOST_DEVICES),
        ("share", ctypes.c_int32 * MOST_DEVICES),
        ("tenants_of", ctypes.c_int16 * (MOST_DEVICES + 1)),
        ("island", ctypes.c_uint8 * MOST_DEVICES),
    )


class NativePlace(ctypes.Structure):
    """`Place` of native/placement/engine.h."""

    _fields_ = (
        ("id", ctypes.c_int64),
        ("shape", ctypes.c_int32),
        ("node", ctypes.c_int32),
        ("devices", ctypes.c_uint32),
        ("score", ctypes.c_int32),
    )


class NativeMove(ctypes.Structure):
    """`Move` of native/placement/engine.h."""

    _fields_ = (("moved", ctypes.c_int64), ("source", ctypes.c_int32), ("to", ctypes.c_int32))


class NativeExchange(ctypes.Structure):
    """`Exchange` of native/placement/engine.h."""

    _fields_ = (("larger", ctypes.c_int64), ("smaller", ctypes.c_int64))


class NativePrices(ctypes.Structure):
    """`Prices` of native/placement/policy.h."""

    _fields_ = (
        ("cpu_of_device", ctypes.c_double),
        ("stranded", ctypes.c_double),
        ("cpu", ctypes.c_double),
        ("fullest_first", ctypes.c_int32),
        ("model", ctypes.c_double * MOST_MODELS),
    )


_HANDLE = ctypes.c_void_p
_NUMBER = ctypes.c_int32
_SIGNATURES: dict[str, tuple[Any, Sequence[Any]]] = {
    "aliquot_placement_new": (
        _HANDLE,
        (
            ctypes.POINTER(NativeNode),
            _NUMBER,
            ctypes.POINTER(NativeTypical),
            _NUMBER,
            _NUMBER,
            ctypes.POINTER(NativePrices),
            ctypes.c_uint64,
        ),
    ),
    "aliquot_placement_copy": (_HANDLE, (_HANDLE,)),
    "aliquot_placement_delete": (None, (_HANDLE,)),
    "aliquot_placement_add_shape": (_NUMBER, (_HANDLE, ctypes.POINTER(NativeRequest), _NUMBER)),
    "aliquot_placement_place": (
        None,
        (_HANDLE, _NUMBER, ctypes.c_char_p, ctypes.POINTER(NativePlace)),
    ),
    "aliquot_placement_place_at": (
        None,
        (_HANDLE, _NUMBER, _NUMBER, ctypes.c_uint32, ctypes.POINTER(NativePlace)),
    ),
    "aliquot_placement_preview": (
        None,
        (_HANDLE, _NUMBER, ctypes.c_char_p, ctypes.POINTER(NativePlace)),
    ),
    "aliquot_placement_hold": (None, (_HANDLE, _NUMBER, _NUMBER, ctypes.c_int64, ctypes.c_int64)),
    "aliquot_placement_give_back": (ctypes.c_bool, (_HANDLE, ctypes.c_int64)),
    "aliquot_placement_find_move": (ctypes.c_bool, (_HANDLE, _NUMBER, ctypes.POINTER(NativeMove))),
    "aliquot_placement_place_by_move": (
        None,
        (_HANDLE, _NUMBER, ctypes.POINTER(NativeMove), ctypes.POINTER(NativePlace)),
    ),
    "aliquot_placement_find_exchange": (
        ctypes.c_bool,
        (_HANDLE, _NUMBER, ctypes.POINTER(NativeExchange)),
    ),
    "aliquot_placement_place_by_exchange": (
        None,
        (_HANDLE, _NUMBER, ctypes.POINTER(NativeExchange), ctypes.POINTER(NativePlace)),
    ),
    "aliquot_placement_node": (None, (_HANDLE, _NUMBER, ctypes.POINTER(NativeNode))),
    "aliquot_placement_places": (_NUMBER, (_HANDLE, _NUMBER, ctypes.POINTER(NativePlace), _NUMBER)),
    "aliquot_placement_scores": (None, (_HANDLE, _NUMBER, ctypes.POINTER(ctypes.c_int32))),
    "aliquot_placement_fragmented": (ctypes.c_double, (_HANDLE,)),
    "aliquot_placement_cache_bytes": (ctypes.c_uint64, (_HANDLE,)),
}


@cache
def library() -> ctypes.CDLL:
    """The library, loaded once; raises MissingNativeProgram."""
    loaded = ctypes.CDLL(native_programs.find(native_programs.PLACEMENT))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = list(arguments)
    return loaded
