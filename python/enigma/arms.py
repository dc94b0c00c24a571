# SPDX-License-Identifier: MIT
"""A branch: both arms are traced, and variables that differ at their ends become its results.

arms = Arms(site, condition, frame, roots)
arms.open();                 ...first arm...
arms.next_arm(may_splice=False);  ...second arm...
arms.end_arm(may_splice=False)
values = arms.finish(values_of_the_second)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from enigma import aliases
from enigma._enigma import Value, flow
from enigma.aliases import is_changeable
from enigma.carry_objects import (
    Held,
    Pending,
    Rebuilt,
    Snapshot,
    identical,
    named,
    parts_of,
    resolved,
)
from enigma.carry_site import (
    NOT_OURS,
    OUTER,
    Label,
    Site,
    Unbound,
    as_value,
    default_type,
    described,
    is_alive,
    is_number,
    leaves_of,
    same_number,
    same_object,
    shown,
)


class Arms:
    """The two arms of a branch."""

    def __init__(self, site: Site, condition: Any, frame: Any, roots: list[tuple[Label, Any]]) -> None:
        self.site, self.condition = site, condition
        self.snapshot = Snapshot(roots, frame, cells=site.is_expression)
        self.values_then: tuple[Any, ...] = ()
        self.pairs: list[tuple[Any, Any]] = []
        self.labels: list[Label] = []
        self.memo: dict[tuple[int, int], Any] = {}
        self.negated: Any = None
        self.roots, self.frame = roots, frame
        self.blended: list[tuple[Label, tuple[Any, Any], Rebuilt]] = []
        """Lists and objects that are others in each arm."""

    def open(self) -> None:
        self.mark = flow.mark()
        self.depth = flow.depth()
        self.then_region, _ = flow.open([])
        flow.narrow(self.condition, True)

    def next_arm(self, *, may_splice: bool) -> bool:
        self.check_depth(1)
        self.contents_then = self.snapshot.contents()
        self.snapshot.restore()
        self.values_then = tuple(map(as_value, self.values_then))
        self.escaped = {id(v) for v in leaves_of((*self.values_then, self.contents_then)) if not is_alive(v)}
        spliced = may_splice and flow.splice()
        if not spliced:
            flow.end_scope()
        self.else_region, _ = flow.open([])
        flow.narrow(self.condition, False)
        self.spliced = spliced
        return bool(spliced)

    def end_arm(self, *, may_splice: bool) -> bool:
        self.check_depth(1 if self.spliced else 2)
        self.contents_else = self.snapshot.contents()
        return bool(may_splice and flow.splice())

    def check_depth(self, more: int) -> None:
        if flow.depth() != self.depth + more:
            self.site.fail(
                None,
                "an exception left a block and was caught inside of this one",
                ["do not catch exceptions across a block"],
            )

    def select(self, a: Any, b: Any, select: Any) -> Any:
        skeleton = self.merge(a, b, "")
        held = self.check_contents()
        made: dict[int, Any] = {}
        chosen: dict[int, Any] = {}

        def fetch(pending: Pending) -> Any:
            if pending.index < 0:
                return self.opposite()
            if pending.index not in chosen:
                chosen[pending.index] = select(self.condition, *self.typed(pending.index))
            return chosen[pending.index]

        self.put(held, fetch, made)
        out = resolved(skeleton, fetch, made)
        self.watch({}, made)
        return out

    def typed(self, index: int) -> tuple[Any, Any]:
        a, b = self.pairs[index]
        if is_number(a) and is_number(b):
            kind = default_type(a, b)
            return flow.constant(a, kind), flow.constant(b, kind)
        self.check_types(index)
        return (
            (flow.constant(a, b), b) if is_number(a) else (a, flow.constant(b, a)) if is_number(b) else (a, b)
        )

    def changes(self) -> bool:
        """Whether an arm has changed an object."""
        before = [held.content for held in self.snapshot.held]
        return not all(
            identical(a, b) and identical(a, c)
            for a, b, c in zip(before, self.contents_then, self.contents_else, strict=True)
        )

    def check_contents(self) -> list[Any]:
        return [
            self.merge_held(held, now, other)
            for held, now, other in zip(
                self.snapshot.held, self.contents_then, self.contents_else, strict=False
            )
        ]

    def finish(
        self,
        values: tuple[Any, ...],
        spliced_then: bool,
        spliced_else: bool,
        entry: tuple[Any, ...] | None = None,
    ) -> tuple[Any, ...]:
        self.values_else = values = tuple(map(as_value, values))
        names = self.site.names[: self.site.merged]
        skeletons = [
            self.merge(a, b, name) for a, b, name in zip(self.values_then, values, names, strict=False)
        ]
        held = self.check_contents()
        kinds = [self.check_types(index) for index in range(len(self.pairs))]
        flow.close(
            [
                self.yielded(b, kind, label)
                for (_, b), kind, label in zip(self.pairs, kinds, self.labels, strict=False)
            ]
        )
        if spliced_then:
            self.then_region, _ = flow.open([])
        flow.close(
            [
                self.yielded(a, kind, label)
                for (a, _), kind, label in zip(self.pairs, kinds, self.labels, strict=False)
            ]
        )
        if not self.pairs and flow.size(self.then_region) == 1 and flow.size(self.else_region) == 1:
            flow.rollback(self.mark)
            results = []
        else:
            arms = (self.condition, self.then_region, self.else_region)
            if flow.size(self.then_region) == 1:  # nothing but its yield
                arms = (self.opposite(), self.else_region, self.then_region)
            results = flow.if_(*arms)
        results = [named(r, label) for r, label in zip(results, self.labels, strict=False)]

        def fetch(pending: Pending) -> Any:
            return results[pending.index] if pending.index >= 0 else self.opposite()

        made: dict[int, Any] = {}
        self.put(held, fetch, made)
        out = tuple(resolved(skeleton, fetch, made) for skeleton in skeletons)
        self.watch(dict(zip(names, out, strict=False)), made)
        for name, before, after in zip(names, entry or (), out, strict=False):
            if name in self.site.outer and before is not after:
                self.site.fail(
                    name,
                    f"the outer variable {name} cannot change under a traced condition",
                    ["use a variable of the kernel"],
                )
        return out + (entry or ())[self.site.merged :]

    def put(self, held: list[Any], fetch: Callable[[Pending], Any], made: dict[int, Any]) -> None:
        """Gives objects that an arm has changed what they hold behind the branch."""
        for item, skeleton in zip(self.snapshot.held, held, strict=False):
            if skeleton is not None:
                item.put({k: resolved(v, fetch, made) for k, v in skeleton.items()})

    def watch(self, merged: dict[str, Any], made: dict[int, Any]) -> None:
        """Lists and objects that are another one for some threads must not change any more."""
        if not self.blended:
            return
        roots = [(n, merged.get(n, v)) for n, v in self.roots if n in self.site.after or n.startswith(OUTER)]
        # Of what a function gives back and of an expression, others may be held by whoever called.
        known = self.snapshot.seen if self.site.gives_back else set()
        blended = [(label, sources, made[id(s)]) for label, sources, s in self.blended if id(s) in made]
        for label, objects in aliases.shared(blended, [*roots, *merged.items()], self.frame, known):
            aliases.watch(self.site, label, objects)

    def opposite(self) -> Any:
        if self.negated is None:
            self.negated = ~self.condition
        return self.negated

    def yielded(self, value: Any, kind: Any, label: Label) -> Any:
        return (
            flow.constant(value, kind)
            if is_number(value)
            else flow.zero(kind)
            if type(value) is Unbound
            else value
        )

    def check_types(self, index: int) -> Any:
        (a, b), label = self.pairs[index], self.labels[index]
        if type(a) is Unbound or type(b) is Unbound:
            return flow.type_of(b if type(a) is Unbound else a)
        if is_number(a) and is_number(b):
            return default_type(a, b)
        kind = flow.type_of(b if is_number(a) else a)
        number = a if is_number(a) else b if is_number(b) else None
        if number is not None:
            if not flow.fits(number, kind):
                self.site.fail(
                    label.split(".")[0].split("[")[0],
                    f"{label or 'the value'} is {kind} in one arm and {number!r} in the other, "
                    f"which does not fit {kind}",
                    [f"convert it: enigma.{default_type(number).dtype.name}(...) of the {kind} value"],
                )
        elif flow.type_of(b) != kind:
            other = flow.type_of(b)
            self.site.fail(
                label.split(".")[0].split("[")[0],
                f"{label or 'the value'} is {kind} in one arm and {other} in the other",
                [f"convert one of them: enigma.{kind.dtype.name}(...)"],
            )
        return kind

    def merge(self, a: Any, b: Any, label: Label) -> Any:
        if a is b:
            return a
        if type(a) is Unbound or type(b) is Unbound:
            return self.merge_unbound(a, b, label)
        a_plain, b_plain = is_number(a), is_number(b)
        if a_plain and b_plain and same_number(a, b):
            return a
        if (a_plain or type(a) is Value) and (b_plain or type(b) is Value):
            return self.carry(a, b, label)
        if (id(a), id(b)) in self.memo:
            return self.memo[id(a), id(b)]
        parts, others = parts_of(a), parts_of(b)
        if parts is not None and others is not None and type(a) is type(b) and list(parts) == list(others):
            out = Rebuilt(
                a, {k: self.merge(parts[k], others[k], f"{label}_{k}" if label else "") for k in parts}
            )
            self.memo[id(a), id(b)] = out
            if is_changeable(a):
                self.blended.append((label, (a, b), out))
            return out
        if same_object(a, b):
            return a
        name = shown(label)
        if parts is not None and others is not None:
            self.site.fail(
                label,
                f"{name or 'the value'} has another shape in the two arms of the branch",
                ["give it as many elements in both"],
            )
        self.site.fail(
            label,
            f"{name or 'the value'} is {described(a)} in one arm of the branch and "
            f"{described(b)} in the other: which arm runs is not known while tracing",
            ["choose between numbers, or make the condition a Python value (a Constexpr parameter)"],
        )

    def merge_unbound(self, a: Any, b: Any, label: Label) -> Any:
        bound = b if type(a) is Unbound else a
        if type(bound) is Unbound:
            return a
        if not label.startswith("@val") and not self.returns(a is bound):
            return Unbound(label, "if", self.site.here)
        parts = parts_of(bound)
        if type(bound) is Value:
            return self.carry(a, b, label)
        if parts is not None and not isinstance(bound, dict):
            hole = Unbound(label)
            pairs = {k: (v, hole) if bound is a else (hole, v) for k, v in parts.items()}
            out = Rebuilt(bound, {k: self.merge_unbound(x, y, label) for k, (x, y) in pairs.items()})
            if is_changeable(bound):
                self.blended.append((label, (bound, None) if bound is a else (None, bound), out))
            return out
        return bound

    def returns(self, otherwise: bool) -> bool:
        """Whether one arm ends in a return, so that what it left unbound is never read."""
        return (
            "@ret" in self.site.names[: self.site.merged]
            and (self.values_else if otherwise else self.values_then)[self.site.names.index("@ret")] is True
        )

    def carry(self, a: Any, b: Any, label: Label) -> Any:
        for value in (a, b):
            if type(value) is Value and (id(value) in self.escaped or (value is b and not is_alive(value))):
                self.site.fail(
                    label,
                    f"{shown(label)} holds a value of a block that has ended",
                    ["only what a block assigns to a variable is known after it"],
                )
        if a is True and b is False:
            return self.condition
        if a is False and b is True:
            return Pending(-1)
        self.pairs.append((a, b))
        self.labels.append(shown(label))
        return Pending(len(self.pairs) - 1)

    def merge_held(self, held: Held, a: Any, b: Any) -> Any:
        if held.outer and not (identical(a, held.content) and identical(b, held.content)):
            self.site.fail(held.label, f"{held.label} is changed under a traced condition", [NOT_OURS])
        if held.keyed:
            if list(a) != list(b):
                self.site.fail(
                    held.label,
                    f"{held.label} gets other elements in one arm of the branch than in the other",
                    ["which arm runs is not known while tracing; give it as many elements in both"],
                )
            if identical(a, b) and identical(a, held.content):
                return None
            return {k: self.merge(as_value(a[k]), as_value(b[k]), held.element(k)) for k in a}
        if not (identical(a, b) and identical(a, held.content)):
            self.site.fail(
                held.label,
                f"{held.label} is changed under a traced condition",
                ["which arm runs is not known while tracing; use variables or a list of values"],
            )
        return None
