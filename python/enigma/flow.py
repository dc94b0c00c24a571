# SPDX-License-Identifier: MIT
"""Loops and branches as users write them; docs/control_flow.md says what they do.

    with enigma.for_range(0, n) as i:          for i in range(n):
        acc = acc + A[i]                           acc = acc + A[i]

rewrite_flow.py replaces them before the kernel is traced; one that is met otherwise is refused.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, NoReturn

from enigma._enigma import DType, Value, fail, flow, name_value
from enigma.carry_site import is_number, is_traced

__all__ = ["else_", "for_range", "if_", "range", "range_constexpr", "while_"]

NOT_REWRITTEN = "works in the body of a kernel, or of a function that a kernel calls"


# ---- What users write


class Condition:
    """What `enigma.if_(c)` gives: write it in a `with`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __enter__(self) -> NoReturn:
        fail(f"if_: {NOT_REWRITTEN}, as `with enigma.if_(...):`")

    def __exit__(self, *_: object) -> None: ...


class Else:
    """What `enigma.else_()` gives."""

    def __enter__(self) -> NoReturn:
        fail(
            "else_: needs an if_ just before it",
            ["write `with enigma.else_():` after the block of `with enigma.if_(...):`"],
        )

    def __exit__(self, *_: object) -> None: ...


class Test:
    """What `enigma.while_(lambda: c)` gives."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __enter__(self) -> NoReturn:
        fail(f"while_: {NOT_REWRITTEN}, as `with enigma.while_(...):`")

    def __exit__(self, *_: object) -> None: ...


class Range:
    """What `enigma.for_range(...)` and `enigma.range(...)` give."""

    def __init__(self, name: str, bounds: tuple[Any, ...], dtype: Any, init: Any) -> None:
        if not 1 <= len(bounds) <= 3:
            fail(f"{name}: needs (stop), (start, stop) or (start, stop, step), got {len(bounds)} arguments")
        start, stop, step = 0, bounds[0], 1
        if len(bounds) > 1:
            start, stop = bounds[0], bounds[1]
        if len(bounds) > 2:
            step = bounds[2]
        if dtype is None:
            dtype = flow.type_named("i32").dtype
        elif not isinstance(dtype, DType) or dtype.is_float or dtype.name == "b1":
            fail(f"{name}: dtype must be an integer type, got {dtype!r}", ["write dtype=enigma.u32"])
        for what, bound in (("start", start), ("stop", stop), ("step", step)):
            _check_bound(name, what, bound, dtype)
        if is_number(step) and step == 0:
            fail(f"{name}: the step must not be 0")
        if is_number(step) and step < 0 and not dtype.is_signed:
            fail(
                f"{name}: a {dtype.name} position cannot go down by {step}",
                ["give a signed dtype, such as enigma.i32"],
            )
        self.start, self.stop, self.step, self.dtype, self.init = start, stop, step, dtype, init

    @property
    def runs(self) -> bool:
        """Whether there is a first round for sure."""
        return (
            all(map(is_number, (self.start, self.stop, self.step)))
            and len(builtins.range(self.start, self.stop, self.step)) > 0
        )

    def initial(self, count: int) -> tuple[Any, ...]:
        """The values of `init`, for the names after the position."""
        values = (
            ()
            if self.init is None
            else tuple(self.init)
            if isinstance(self.init, (list, tuple))
            else (self.init,)
        )
        if len(values) != count:
            fail(
                f"for_range: init has {len(values)} values for {count} names",
                ["write as (i, a, b) with init=[a0, b0]"],
            )
        return values

    def __enter__(self) -> NoReturn:
        fail(f"for_range: {NOT_REWRITTEN}, as `with enigma.for_range(...) as i:`")

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> NoReturn:
        fail(
            f"range: {NOT_REWRITTEN}, as `for i in enigma.range(...):`",
            ["Python's range(...) of ints makes a list that is known while tracing"],
        )


def _check_bound(name: str, what: str, bound: Any, dtype: DType) -> None:
    if is_traced(bound):
        type_ = flow.type_of(name_value(bound, "")) if type(bound) is Value else flow.type_named("u32")
        own = type_.dtype
        if not type_.is_scalar or own.is_float or own.name == "b1":
            fail(f"{name}: {what} must be an integer, got {type_}", ["convert it: enigma.i32(x)"])
        if own.itemsize > dtype.itemsize:
            fail(
                f"{name}: {what} is {own.name} but the position is {dtype.name}",
                [f"give dtype=enigma.{own.name}, or convert it: enigma.{dtype.name}(x)"],
            )
    elif not is_number(bound) or int(bound) != bound or isinstance(bound, (bool, float)):
        fail(
            f"{name}: {what} must be an integer, got {bound!r}"
            if is_number(bound)
            else f"{name}: {what} must be an integer, got {type(bound).__name__}"
        )


def for_range(*bounds: Any, dtype: DType | None = None, init: Any = None) -> Range:
    """A loop on the GPU: `with enigma.for_range(start, stop, step) as i:`.

    Bounds are Python ints or traced integers; the step may be negative. The position is an i32, or of
    `dtype`. A bound of the same
    width and other signedness is taken by its bits (a u32 bound must be below 2**31), a wider one is an
    error. `init=[...]` gives first
    values of names: `as (i, acc)`. Variables that the block assigns are carried from round to round, and
    keep their last value.
    """
    return Range("for_range", bounds, dtype, init)


def range(*bounds: Any, dtype: DType | None = None) -> Any:
    """The same loop as for_range in a plain `for`: `for i in enigma.range(n):`. Never unrolled."""
    return Range("range", bounds, dtype, None)


def range_constexpr(*bounds: int) -> builtins.range:
    """Python's range of ints: the loop is unrolled while tracing."""
    for bound in bounds:
        if is_traced(bound):
            fail(
                "range_constexpr: needs Python ints, got a traced value",
                ["write enigma.range(...) for a loop on the GPU"],
            )
    return builtins.range(*bounds)


def if_(condition: Any) -> Condition:
    """A branch: `with enigma.if_(c):`, after it `with enigma.else_():`, or both arms as
    `with enigma.if_(c) as (then, otherwise): with then: ... with otherwise: ...`."""
    return Condition(condition)


def else_() -> Else:
    """The other arm of the `if_` just before it."""
    return Else()


def while_(condition: Callable[[], Any]) -> Test:
    """A loop while `condition()` holds, which sees the variables as the block leaves them: `with
    enigma.while_(lambda: i < n):`."""
    if not callable(condition):
        fail(
            "while_: needs a function, so that the condition is computed anew for each round",
            ["write enigma.while_(lambda: i < n)"],
        )
    return Test(condition)
