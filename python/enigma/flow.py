# SPDX-License-Identifier: MIT
"""Loops and branches of kernels: what users write, and what the rewritten code of rewrite_flow.py calls.

    with enigma.for_range(0, n) as i:          for i in range(n):
        acc = acc + A[i]                           acc = acc + A[i]

A block is entered with the values of the variables that it assigns, its body runs on stand-ins, and what
they hold at its end
tells what the block carries. The merging of values is in carry.py.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from enigma._enigma import DType, GridPosition, Value, fail, flow, name_value
from enigma.carry import (
    Arms,
    Carry,
    Site,
    Unbound,
    is_number,
    is_traced,
    roots_of,
)

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


# ---- Conditions


def truth(value: Any) -> Any:
    """A condition: a Python bool, or a traced b1."""
    if type(value) is Condition:
        value = value.value
    if type(value) is GridPosition:
        value = name_value(value, "")
    if type(value) is Value:
        kind = flow.type_of(value)
        if not kind.is_scalar:
            fail(f"a condition must be one number, got {kind}", ["enigma.any(v) or enigma.all(v) makes one"])
        return value if kind.dtype.name == "b1" else value != 0
    if type(value) is Unbound:
        value.fail()
    return bool(value)


def _choose(
    condition: Any, this: Callable[[], Any], that: Callable[[], Any], join: Callable[[Any, Any], Any] | None
) -> Any:
    """`this()` where the condition holds, else `that()`; both are traced in place where they are only
    arithmetic."""
    from enigma.functions import select_

    frame = sys._getframe(2)
    site = Site.at(frame, ("@expression",), "if")
    arms = Arms(site, condition, frame, roots_of(this) + roots_of(that))
    arms.open()
    a = this()
    arms.values_then = (a,)
    plain_a = arms.next_arm(may_splice=True)
    b = that()
    plain_b = arms.end_arm(may_splice=plain_a)
    if plain_a and plain_b:
        if join is not None and type(b) is Value and flow.type_of(b).dtype.name == "b1":
            return join(condition, b)
        return arms.select(a, b, select_)
    return arms.finish((b,), plain_a, plain_b)[0]


def if_expression(condition: Any, this: Callable[[], Any], that: Callable[[], Any]) -> Any:
    condition = truth(condition)
    if condition is True:
        return this()
    if condition is False:
        return that()
    return _choose(condition, this, that, None)


def and_(a: Any, b: Callable[[], Any]) -> Any:
    if not is_traced(a):
        return a and b()
    condition = truth(a)
    if condition is a:
        return _choose(condition, b, lambda: False, lambda x, y: x & y)
    return _choose(condition, b, lambda: a, None)


def or_(a: Any, b: Callable[[], Any]) -> Any:
    if not is_traced(a):
        return a or b()
    condition = truth(a)
    if condition is a:
        return _choose(condition, lambda: True, b, lambda x, y: x | y)
    return _choose(condition, lambda: a, b, None)


def not_(a: Any) -> Any:
    if not is_traced(a):
        return not a
    condition = truth(a)
    return ~condition


def none_of(*flags: Any) -> Any:
    """Whether no flag of an early exit is set."""
    out: Any = True
    for flag in flags:
        if flag is True:
            return False
        if flag is not False:
            out = ~flag if out is True else out & ~flag
    return out


# ---- Branches


class PlainIf:
    """A branch on a Python value: one arm runs, as in Python."""

    __slots__ = ("first", "pending", "values")

    def __init__(self, first: bool) -> None:
        self.first = first
        self.pending = True

    def again(self) -> bool:
        pending, self.pending = self.pending, False
        return pending

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        return values

    def leave(self, values: tuple[Any, ...]) -> None:
        self.values = values

    def result(self) -> tuple[Any, ...]:
        return self.values


class TracedIf:
    """A branch on a traced value: both arms are traced."""

    def __init__(self, condition: Any, site: Site, frame: Any) -> None:
        self.condition, self.site, self.frame = condition, site, frame
        self.arms: Arms | None = None
        self.rounds = 0
        self.first = True
        self.values: tuple[Any, ...] = ()

    def again(self) -> bool:
        self.rounds += 1
        self.first = self.rounds == 1
        return self.rounds < 3

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.arms is None:
            self.entry = values
            self.arms = Arms(self.site, self.condition, self.frame, self.site.labelled(roots, self.frame))
            self.arms.open()
        return self.entry

    def leave(self, values: tuple[Any, ...]) -> None:
        assert self.arms is not None
        if self.first:
            self.arms.values_then = values
            self.arms.next_arm(may_splice=False)
        else:
            self.arms.end_arm(may_splice=False)
            self.values = self.arms.finish(values, False, False, self.entry)

    def result(self) -> tuple[Any, ...]:
        return self.values


def branch(condition: Any, site: tuple[Any, ...]) -> PlainIf | TracedIf:
    condition = truth(condition)
    if condition is True or condition is False:
        return PlainIf(condition)
    frame = sys._getframe(1)
    return TracedIf(condition, Site.of(site, frame), frame)


# ---- Loops


class PlainFor:
    """A loop over a Python iterable: unrolled."""

    def __init__(self, iterable: Iterable[Any], site: Site) -> None:
        self.iterator = iter(iterable)
        self.sized = hasattr(iterable, "__len__")
        self.site = site
        self.values: tuple[Any, ...] | None = None
        self.stopped = False
        self.item: Any = None

    def again(self) -> bool:
        if self.stopped:
            return False
        try:
            self.item = next(self.iterator)
        except StopIteration:
            return False
        return True

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        return values

    def leave(self, values: tuple[Any, ...]) -> None:
        self.values = values
        for index in self.site.exits:
            if values[index] is True:
                self.stopped = True
            elif is_traced(values[index]) and not self.sized:
                self.site.fail(
                    None,
                    "the loop is left under a traced condition, but how many rounds it has is not known",
                    ["loop over a list, or over enigma.range(...)"],
                )

    def failed(self) -> bool:
        return True

    def result(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values if self.values is None else self.values


class TracedFor(Carry):
    """A loop over an enigma.range; one that may be left early becomes a while."""

    def __init__(self, bounds: Range, site: Site, frame: Any) -> None:
        super().__init__(site, frame, bounds.runs)
        self.bounds = bounds
        self.item: Any = None

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.passes == 0:
            self.begin(values, self.site.labelled(roots, self.frame))
        b = self.bounds
        initial = self.prepare()
        self.lower, self.upper, self.step = (_bound(x, b.dtype) for x in (b.start, b.stop, b.step))
        self.early = any(("name", index) in self.plan for index in self.site.exits)
        if not self.early:
            self.region, args = flow.open([self.lower, *initial])
            position, args = args[0], args[1:]
            body = self.place(args, in_body=True)
        else:
            position, args = self.open_early(initial)
            self.position = position
            body = self.place(args, in_body=True)
        self.item = name_value(position, self.site.target) if self.site.target else position
        return body

    # While there is a round left and no exit is set. With a step of more than 1 the position could wrap
    # past the end of its
    # type: whether there is a next round is then found before it moves.
    def open_early(self, initial: list[Any]) -> tuple[Any, list[Any]]:
        self.simple = is_number(self.bounds.step) and abs(self.bounds.step) == 1
        more = [] if self.simple else [_has_first(self.lower, self.upper, self.step, self.bounds.step)]
        self.extra = 1 + len(more)
        self.initial = [self.lower, *more, *initial]
        self.test_region, args = flow.open(self.initial)
        if self.simple:
            name_value(args[0], self.site.target)
            condition = args[0] < self.upper if self.bounds.step > 0 else args[0] > self.upper
        else:
            condition = name_value(args[1], "more")
        for index in self.exit_arguments():
            condition = condition & ~name_value(args[self.extra + index], self.labels[index])
        flow.close([condition, *args])
        self.region, args = flow.open(self.initial)
        return args[0], args[self.extra :]

    def leave(self, values: tuple[Any, ...]) -> None:
        self.check_depth()
        yields = self.gather(values)
        if self.repeat:
            return
        if not self.early:
            flow.close(yields)
            self.finish(flow.for_(self.lower, self.upper, self.step, self.given, self.region))
            return
        position = self.position
        more = [] if self.simple else [_has_next(position, self.upper, self.step, self.bounds.step)]
        flow.close([position + self.step, *more, *yields])
        results = flow.while_(self.initial, self.test_region, self.region)
        name_value(results[0], self.site.target)
        self.finish(results[self.extra :])

    def result(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.values


def _bound(bound: Any, dtype: DType) -> Any:
    return dtype(bound)


def _has_first(lower: Any, upper: Any, step: Any, known: Any) -> Any:
    if is_number(known):
        return lower < upper if known > 0 else lower > upper
    return ((step > 0) & (lower < upper)) | ((step < 0) & (lower > upper))


def _has_next(position: Any, upper: Any, step: Any, known: Any) -> Any:
    from enigma import dtypes

    unsigned = getattr(dtypes, flow.type_of(position).dtype.name.replace("i", "u"))
    p, u, s = unsigned(position), unsigned(upper), unsigned(step)
    if is_number(known):
        return u - p > s if known > 0 else p - u > flow.zero(s) - s
    return ((step > 0) & (u - p > s)) | ((step < 0) & (p - u > flow.zero(s) - s))


def loop(iterable: Any, site: tuple[Any, ...]) -> PlainFor | TracedFor:
    frame = sys._getframe(1)
    if type(iterable) is Range:
        return TracedFor(iterable, Site.of(site, frame), frame)
    return PlainFor(iterable, Site.of(site, frame))


def range_for(function: Any) -> Any:
    """What `range` in `for i in range(...)` stands for: with a traced bound, a loop on the GPU."""
    if function is not builtins.range:
        return callee(function)

    def either(*bounds: Any) -> Any:
        return Range("range", bounds, None, None) if any(map(is_traced, bounds)) else builtins.range(*bounds)

    return either


class While(Carry):
    """A while: rounds run as Python as long as the condition is a Python value, unless `forced`."""

    def __init__(self, site: Site, frame: Any) -> None:
        super().__init__(site, frame, False)
        self.traced = False
        self.python_rounds = 0
        self.done = False
        self.always = False
        self.function: Callable[[], Any] | None = None

    def again(self) -> bool:
        return not self.done and (not self.traced or super().again())

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.traced:
            self.begin(values, self.site.labelled(roots, self.frame))
            return self.entry
        self.prepare()
        self.test_region, args = flow.open(self.given)
        return self.place(args, in_body=False)

    def test(self, condition: Any, values: tuple[Any, ...]) -> bool:
        """Ends the condition; whether the body is to run now."""
        if type(condition) is Test:
            self.function = condition.function
            condition = callee(condition.function)()
        condition = truth(condition)
        if not self.traced:
            if condition is False:
                self.values, self.done = values, True
                return False
            self.runs = condition is True
            if condition is True and self.function is None:
                self.python_rounds += 1
                self.body = values
                return True
            self.always = condition is True
            self.restart()
            self.traced = True
            return False
        self.check_depth()
        if condition is True or condition is False:
            condition = flow.literal(condition)
            self.constant_condition = True
        else:
            self.constant_condition = False
        self.in_test = True
        self.condition_values = self.gather(values)
        self.in_test = False
        if self.repeat:
            return False
        flow.close([condition, *self.condition_values])
        self.region, args = flow.open(self.given)
        self.body = self.place(args, in_body=True)
        return True

    def values_of_body(self) -> tuple[Any, ...]:
        return self.body

    def leave(self, values: tuple[Any, ...]) -> None:
        if not self.traced:
            if any(
                is_traced(values[i]) for i in self.site.exits
            ):  # left under a traced condition: a loop after all
                self.restart()
                self.traced = self.runs = True
            else:
                self.again_with = values
                self.values = values
            return
        self.check_depth()
        yields = self.gather(values)
        if self.repeat:
            return
        if self.constant_condition:
            self.site.fail(
                None,
                "the condition of the loop does not change in it, so that it would run for ever",
                ["write a condition of a traced value"],
            )
        flow.close(yields)
        self.finish(flow.while_(self.given, self.test_region, self.region))
        self.done = True

    def result(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.values


def loop_while(site: tuple[Any, ...]) -> While:
    frame = sys._getframe(1)
    return While(Site.of(site, frame), frame)


# ---- Names and functions


def unbound(name: str) -> Unbound:
    return Unbound(name)


def use(value: Any) -> Any:
    """A variable that may not be bound here."""
    if type(value) is Unbound:
        value.fail()
    return value


def returned(value: Any, flag: Any) -> Any:
    """What a function with several returns gives; `flag` tells whether one ran where the end can be
    reached without."""
    if type(value) is Unbound:
        return None
    if flag is False and value is not None:
        return None
    if flag is not True and value is not None:
        fail(
            "the function returns a value on some paths and none on others",
            ["return a value at its end as well"],
        )
    return value


def callee(function: Any) -> Any:
    """The function that a kernel calls, rewritten where it has control flow."""
    from enigma.rewrite_flow import rewritten

    return rewritten(function)


HOOKS: dict[str, Any] = {
    "@if": branch,
    "@for": loop,
    "@while": loop_while,
    "@ifexp": if_expression,
    "@and": and_,
    "@or": or_,
    "@not": not_,
    "@none": none_of,
    "@unbound": unbound,
    "@use": use,
    "@returned": returned,
    "@callee": callee,
    "@range": range_for,
}
