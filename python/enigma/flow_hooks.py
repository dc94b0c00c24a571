# SPDX-License-Identifier: MIT
"""What the rewritten code of rewrite_flow.py calls: conditions, branches, loops, functions.

A block is entered with the values of the variables that it assigns, its body runs on stand-ins, and what they
hold at its end tells what the block carries: see arms.py and carry.py.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from enigma._enigma import DType, GridPosition, Value, fail, flow, name_value
from enigma.arms import Arms
from enigma.callees import decides
from enigma.carry import Carry
from enigma.carry_objects import roots_of
from enigma.carry_site import Site, Unbound, is_number, is_traced
from enigma.flow import Condition, Range, Test

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
        joins = join is not None and type(b) is Value and flow.type_of(b).dtype.name == "b1"
        if join is not None and joins and not arms.changes():
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


def same(a: Any, b: Any) -> bool:
    """`a is b`, which says nothing about traced values: None apart, they are equal or not for each thread."""
    if (is_traced(a) and b is not None) or (is_traced(b) and a is not None):
        fail("`is` compares Python objects, got a traced value", ["write ==, which compares numbers"])
    return a is b


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

    __slots__ = ("rounds",)
    carries = False

    def __init__(self, first: bool) -> None:
        self.rounds = (first,)


PLAIN_THEN, PLAIN_ELSE = PlainIf(True), PlainIf(False)


class TracedIf:
    """A branch on a traced value: both arms are traced."""

    carries = True
    rounds = (True, False)

    def __init__(self, condition: Any, site: Site, frame: Any) -> None:
        self.condition, self.site, self.frame = condition, site, frame
        self.arms: Arms | None = None
        self.first = False
        self.values: tuple[Any, ...] = ()

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        self.first = self.arms is None
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
        return PLAIN_THEN if condition else PLAIN_ELSE
    frame = sys._getframe(1)
    return TracedIf(condition, Site.of(site, frame), frame)


# ---- Loops


class PlainFor:
    """A loop over a Python iterable: unrolled."""

    __slots__ = ("rounds",)
    carries = False

    def __init__(self, iterable: Iterable[Any]) -> None:
        self.rounds = iterable

    def failed(self) -> bool:
        return True


class PlainForWithExits:
    """The same where `break`, `continue` or `return` may leave it: flags among what it carries tell."""

    carries = True

    def __init__(self, iterable: Iterable[Any], site: Site) -> None:
        self.iterator = iter(iterable)
        self.sized = hasattr(iterable, "__len__")
        self.site = site
        self.values: tuple[Any, ...] | None = None
        self.stopped = False
        self.item: Any = None

    @property
    def rounds(self) -> Iterator[Any]:
        while not self.stopped:
            try:
                self.item = next(self.iterator)
            except StopIteration:
                return
            yield self.item

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

    carries = True

    def __init__(self, bounds: Range, site: Site, frame: Any) -> None:
        super().__init__(site, frame, bounds.runs)
        self.bounds = bounds
        self.item: Any = None

    @property
    def rounds(self) -> Iterator[None]:
        while self.again():
            yield

    def enter(self, values: tuple[Any, ...], roots: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.passes == 0:
            self.begin(values, self.site.labelled(roots, self.frame))
        b = self.bounds
        initial = self.prepare()
        self.lower, self.upper, self.step = (_bound(x, b.dtype) for x in (b.start, b.stop, b.step))
        # An exit that a jump before the loop made a traced value is carried without being planned.
        self.early = bool(self.exit_arguments())
        if not self.early:
            self.region, args = flow.open([self.lower, *initial])
            position, args = args[0], args[1:]
            flow.loop_position(position, self.lower, self.upper, self.step)
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
        flow.loop_position(args[0], self.lower, self.upper, self.step)
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


EXITS = 3
"""Where the constant of a site has its exits."""


def loop(iterable: Any, site: tuple[Any, ...]) -> PlainFor | PlainForWithExits | TracedFor:
    if type(iterable) is Range:
        frame = sys._getframe(1)
        return TracedFor(iterable, Site.of(site, frame), frame)
    if not site[EXITS]:
        return PlainFor(iterable)
    return PlainForWithExits(iterable, Site.of(site, sys._getframe(1)))


def range_for(function: Any) -> Any:
    """What `range` in `for i in range(...)` stands for: with a traced bound, a loop on the GPU."""
    return either_range if function is builtins.range else callee(function)


def either_range(*bounds: Any) -> Any:
    for bound in bounds:
        if is_traced(bound):
            return Range("range", bounds, None, None)
    return builtins.range(*bounds)


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

    if decides(function):
        from enigma.builtin_calls import REPLACED

        return REPLACED[function]
    return rewritten(function)


def contains(value: Any, container: Any) -> Any:
    from enigma import builtin_calls

    return builtin_calls.contains(value, container)


def not_contains(value: Any, container: Any) -> Any:
    from enigma import builtin_calls

    return builtin_calls.not_contains(value, container)


HOOKS: dict[str, Any] = {
    "@if": branch,
    "@for": loop,
    "@while": loop_while,
    "@ifexp": if_expression,
    "@and": and_,
    "@or": or_,
    "@not": not_,
    "@is": same,
    "@none": none_of,
    "@unbound": unbound,
    "@use": use,
    "@returned": returned,
    "@callee": callee,
    "@range": range_for,
    "@in": contains,
    "@not_in": not_contains,
}
