# SPDX-License-Identifier: MIT
"""Python's own functions on traced values, where they mean exactly what they mean in Python.

low = max(a, 0)              # a if a > 0 else 0, NaN included
if x in (1, 2, 3): ...       # (x == 1) | (x == 2) | (x == 3)
if any([a > 0, b > 0]): ...

The rewritten kernel calls these in the place of Python's. Whatever has no traced value in it goes to Python's
function. abs(), pow(), divmod(), sum() and len() of a vector need nothing: they ask the values themselves.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from enigma._enigma import GridPosition, Value, fail
from enigma.flow_hooks import and_, or_, truth

_Pick = Callable[[Any, Any], Any]


def _is_traced(value: Any) -> bool:
    return type(value) is Value or type(value) is GridPosition


def _is_integer(value: Any) -> bool:
    kind = type(value)
    return kind is int or kind is GridPosition or (kind is Value and value._type[0] in "iu")


def _extreme(which: str, python: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    values = list(args) if len(args) > 1 else _elements(args)
    if values is None or not builtins.any(map(_is_traced, values)):
        return python(*args, **options)
    if options:
        fail(
            f"{which}(): {', '.join(f'{name}=' for name in options)} cannot decide between traced values",
            [f"compare what is meant and choose: enigma.select_(f(a) > f(b), a, b), or enigma.{which}(a, b)"],
        )
    out = values[0]
    for value in values[1:]:
        out = _pick(which, out, value)
    return out


def _elements(args: tuple[Any, ...]) -> list[Any] | None:
    """The elements of the one argument, where looking at them takes nothing away."""
    if len(args) == 1 and isinstance(args[0], (list, tuple)):
        return list(args[0])
    return None


def _pick(which: str, first: Any, second: Any) -> Any:
    """As Python's: `second` where it is smaller (larger) than `first`, else `first`, NaN or not."""
    from enigma import functions

    types = [value._type for value in (first, second) if type(value) is Value]
    for name in types:
        if "x" in name:
            fail(
                f"{which}(): compares single numbers, got a vector",
                [f"write enigma.{which}(v, w), which works component by component"],
            )
    if len(types) == 2 and types[0] != types[1]:
        fail(
            f"{which}(): needs values of one type, got {types[0]} and {types[1]}",
            [
                f"convert one, enigma.{types[0]}(x), "
                f"or write enigma.{which}(a, b), which brings both to one type"
            ],
        )
    if _is_integer(first) and _is_integer(second):
        return getattr(functions, which)(first, second)
    wins = second < first if which == "min" else second > first
    if not _is_traced(wins):
        return second if wins else first
    return functions.select_(wins, second, first)


def min_(*args: Any, **options: Any) -> Any:
    return _extreme("min", builtins.min, args, options)


def max_(*args: Any, **options: Any) -> Any:
    return _extreme("max", builtins.max, args, options)


def _join(values: Iterator[Any], ends: bool, is_lazy: bool) -> Any:
    """any() ends with the first that is True, all() with the first that is False.

    What a generator has not yet computed is computed only where those before it have not decided, as it may
    read memory.
    """
    out: Any = not ends
    for value in values:
        condition = truth(value) if _is_traced(value) or type(value) is not bool else value
        if condition is ends:
            return ends
        if condition is (not ends):
            continue
        if is_lazy:
            return (or_ if ends else and_)(condition, lambda: _join(values, ends, is_lazy))
        out = condition if type(out) is bool else (out | condition if ends else out & condition)
    return out


def any_(*args: Any) -> Any:
    if len(args) != 1:
        return builtins.any(*args)
    return _join(iter(args[0]), True, not isinstance(args[0], (list, tuple)))


def all_(*args: Any) -> Any:
    if len(args) != 1:
        return builtins.all(*args)
    return _join(iter(args[0]), False, not isinstance(args[0], (list, tuple)))


def contains(value: Any, container: Any) -> Any:
    """`value in container` of a traced value, or of a Python value in a container with traced ones."""
    if isinstance(container, (list, tuple)):
        if not _is_traced(value) and not builtins.any(map(_is_traced, container)):
            return value in container
        return any_([value == element for element in container])
    if _is_traced(value) and isinstance(container, (set, frozenset)):
        return any_([value == element for element in sorted(container, key=repr)])
    if _is_traced(value) and isinstance(container, range):
        return _in_range(value, container)
    return value in container


def _in_range(value: Any, steps: range) -> Any:
    if not _is_integer(value):
        fail(
            "`in`: only an integer can be in a range",
            ["for a number between two write (a <= x) & (x < b), or a <= x < b"],
        )
    if len(steps) == 0:
        return value != value
    low, high, step = builtins.min(steps[0], steps[-1]), builtins.max(steps[0], steps[-1]), abs(steps.step)
    inside = (value >= low) & (value <= high)
    return inside if step == 1 or low == high else inside & ((value - low) % step == 0)


def not_contains(value: Any, container: Any) -> Any:
    found = contains(value, container)
    return ~found if _is_traced(found) else not found


REPLACED: dict[Any, Any] = {builtins.min: min_, builtins.max: max_, builtins.any: any_, builtins.all: all_}
