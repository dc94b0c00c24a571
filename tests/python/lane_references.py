# SPDX-License-Identifier: MIT
"""What operations among lanes give, lane by lane in plain Python: the reference for host and Metal text.

    Simd(width=32).run("simd_sum", [np.float32(1), ...], active=[True, ...])

Every function gets the active lanes of one group as {lane: value} and gives {lane: value} for them; a lane
whose value Metal leaves open is left out, and `OPEN` says what the host gives there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from elements import FLOATS, INTEGERS, wrapped

OPEN = 0
Lanes = dict[int, Any]


def _folded(
    start: Any, step: Callable[[Any, Any], Any], before: Callable[[int, int], bool]
) -> Callable[..., Lanes]:
    def run(x: Lanes, width: int, name: str) -> Lanes:
        out = {}
        for lane in x:
            total = start
            for other in sorted(x):
                if before(other, lane):
                    total = step(total, x[other])
            out[lane] = wrapped(total, name) if name in INTEGERS else total
        return out

    return run


def _everyone(other: int, lane: int) -> bool:
    return True


def _logical(
    fold: Callable[[list[bool]], bool], bits: Callable[[int, int], int], start: int
) -> Callable[..., Lanes]:
    def run(x: Lanes, width: int, name: str) -> Lanes:
        if name == "b1":
            return dict.fromkeys(x, fold([bool(v) for v in x.values()]))
        total = start
        for value in x.values():
            total = bits(total, int(value))
        return dict.fromkeys(x, wrapped(total, name))

    return run


def _moved(source: Callable[..., int | None], own: bool = False) -> Callable[..., Lanes]:
    """`source(lane, number, width)` is the lane that the value comes from, None for none."""

    def run(x: Lanes, width: int, name: str, number: Lanes) -> Lanes:
        out = {}
        for lane in x:
            place = source(lane, int(number[lane]), width)
            if place is None and own:
                out[lane] = x[lane]
            elif place in x:
                out[lane] = x[place]
        return out

    return run


def _filled(sign: int) -> Callable[..., Lanes]:
    def run(x: Lanes, width: int, name: str, fill: Lanes, number: Lanes, modulo: int) -> Lanes:
        out = {}
        for lane in x:
            first = lane - lane % modulo
            vector = [(x, at) for at in range(first, first + modulo)]
            other = [(fill, at) for at in range(first, first + modulo)]
            # Down: the vector followed by fill; up: fill followed by the vector.
            row = other + vector if sign < 0 else vector + other
            at = lane - first + sign * int(number[lane]) + (modulo if sign < 0 else 0)
            values, place = row[at]
            if place in values:
                out[lane] = values[place]
        return out

    return run


def _inside(lane: int, width: int) -> int | None:
    return lane if 0 <= lane < width else None


def _vote(of: Callable[[Lanes], Any]) -> Callable[..., Lanes]:
    return lambda x, width, name: dict.fromkeys(x, of(x))


def _bits(x: Lanes) -> int:
    return sum(1 << lane for lane, value in x.items() if value)


_FUNCTIONS: dict[str, Callable[..., Lanes]] = {
    "sum": _folded(0, lambda a, b: a + b, _everyone),
    "product": _folded(1, lambda a, b: a * b, _everyone),
    "prefix_inclusive_sum": _folded(0, lambda a, b: a + b, lambda o, lane: o <= lane),
    "prefix_exclusive_sum": _folded(0, lambda a, b: a + b, lambda o, lane: o < lane),
    "prefix_inclusive_product": _folded(1, lambda a, b: a * b, lambda o, lane: o <= lane),
    "prefix_exclusive_product": _folded(1, lambda a, b: a * b, lambda o, lane: o < lane),
    "min": _vote(lambda x: min(x.values())),
    "max": _vote(lambda x: max(x.values())),
    "and": _logical(all, lambda a, b: a & b, -1),
    "or": _logical(any, lambda a, b: a | b, 0),
    "xor": _logical(lambda v: sum(v) % 2 == 1, lambda a, b: a ^ b, 0),
    "broadcast_first": _vote(lambda x: x[min(x)]),
    "broadcast": _moved(lambda lane, n, w: _inside(n, w)),
    "shuffle": _moved(lambda lane, n, w: _inside(n, w)),
    "shuffle_xor": _moved(lambda lane, n, w: _inside(lane ^ n, w)),
    "shuffle_up": _moved(lambda lane, n, w: _inside(lane - n, w), own=True),
    "shuffle_down": _moved(lambda lane, n, w: _inside(lane + n, w), own=True),
    "shuffle_rotate_up": _moved(lambda lane, n, w: (lane - n) % w),
    "shuffle_rotate_down": _moved(lambda lane, n, w: (lane + n) % w),
    "shuffle_and_fill_up": _filled(-1),
    "shuffle_and_fill_down": _filled(1),
    "all": _vote(lambda x: all(x.values())),
    "any": _vote(lambda x: any(x.values())),
    "ballot": _vote(_bits),
    "is_first": lambda x, width, name: {lane: lane == min(x) for lane in x},
    "active_threads_mask": lambda x, width, name: dict.fromkeys(x, sum(1 << lane for lane in x)),
}
LANE_REFERENCES = {f"{p}_{name}": function for p in ("simd", "quad") for name, function in _FUNCTIONS.items()}


def expected(
    name: str,
    element: str,
    columns: list[np.ndarray],
    active: np.ndarray,
    lane: np.ndarray,
    group: np.ndarray,
    modulo: int = 32,
) -> tuple[list[Any], np.ndarray]:
    """Per thread: the value (a Python number) and whether it is specified.

    columns: one array per operand; lane, group: where each thread stands (lane in the simdgroup, and a number
    that is the same in a simdgroup and differs between them).
    """
    width = 4 if name.startswith("quad") else 32
    values: list[Any] = [OPEN] * len(active)
    known = np.zeros(len(active), bool)
    extra = [modulo if width == 32 else width] if "_fill_" in name else []
    for key in sorted(set(zip(group.tolist(), (lane // width).tolist(), strict=True))):
        threads = [t for t in range(len(active)) if (group[t], lane[t] // width) == key and active[t]]
        if not threads:
            continue
        at = {t: int(lane[t]) % width for t in threads}
        lanes = [{at[t]: _number(column[t], element) for t in threads} for column in columns]
        lanes = lanes or [dict.fromkeys(at.values(), 0)]
        result = LANE_REFERENCES[name](lanes[0], width, element, *lanes[1:], *extra)
        for t in threads:
            if at[t] in result:
                values[t], known[t] = result[at[t]], True
    return values, known


def _number(value: Any, element: str) -> Any:
    if value.dtype == np.bool_:
        return bool(value)
    return float(value) if element in FLOATS and value.dtype.kind not in "iu" else int(value)


def tolerance(name: str, element: str, columns: list[np.ndarray]) -> float:
    """Largest error of a float sum or product of 32 values rounded at each step."""
    if element not in FLOATS or not any(word in name for word in ("sum", "product")):
        return 0.0
    eps = {"f32": 2.0**-23, "f16": 2.0**-10, "bf16": 2.0**-7}[element]
    size = np.abs(columns[0].astype(np.float64))
    return 40 * eps * (float(size.max()) * 32 if "sum" in name else math.pow(max(float(size.max()), 1.0), 32))
