# SPDX-License-Identifier: MIT
"""A loop: its body runs on stand-ins for what it carries from round to round.

What that is may show only at the end of the body (a number of Python becomes a traced value, an element of a
list changes). Then the trace is rolled back, Python objects get back what they held, and the body runs again.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from enigma import aliases
from enigma._enigma import Value, ValueType, flow
from enigma.aliases import is_changeable
from enigma.carry_objects import (
    Pending,
    Rebuilt,
    Snapshot,
    has_pending,
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
    is_traced,
    same_number,
    same_object,
    shown,
    type_text,
)

MOST_PASSES = 60


class Carry:
    """The passes over the body of a loop until it is known what it carries."""

    def __init__(self, site: Site, frame: Any, runs: bool) -> None:
        self.site, self.frame, self.runs = site, frame, runs
        self.passes = 0
        self.repeat = True
        self.plan: dict[Any, Any] = {}
        """The types of carried numbers and elements, by path; traced variables are carried always."""
        self.fill: dict[Any, Any] = {}
        """Variables that are first bound in the body: the structure that they get, with types."""
        self.descend: set[Any] = set()
        self.tested: set[Any] = set()
        """Those of them that the condition of a while binds, which runs before the body."""
        self.in_test = False
        self.retyped: dict[Any, int] = {}
        self.guessed = False
        self.values: tuple[Any, ...] = ()

    def again(self) -> bool:
        if self.passes >= MOST_PASSES:
            self.site.fail(
                None,
                "the types of what the loop carries change from round to round",
                ["convert them to one type: enigma.f32(...)"],
            )
        repeat, self.repeat = self.repeat, False
        return repeat

    def begin(self, values: tuple[Any, ...], roots: list[tuple[Label, Any]]) -> None:
        self.entry = tuple(map(as_value, values))
        self.values = self.entry
        self.snapshot = Snapshot(roots, self.frame)
        self.roots = roots
        self.mark = flow.mark()
        self.depth = flow.depth()

    def restart(self) -> None:
        flow.rollback(self.mark)
        self.snapshot.restore()
        self.repeat = True

    def prepare(self) -> list[Any]:
        """Starts a pass; the first values of what it carries."""
        if self.passes:
            flow.rollback(self.mark)
            self.snapshot.restore()
        self.passes += 1
        self.blended: dict[Any, tuple[Label, tuple[Any, Any], Rebuilt]] = {}
        """Lists and objects that are others behind a round than before it."""
        self.given: list[Any] = []
        self.labels: list[Label] = []
        self.paths: list[Any] = []
        self.plain: list[Any] = []
        """Paths of numbers that this pass does not carry."""
        self.skeletons = [
            self.expand(value, ("name", i), name)
            for i, (value, name) in enumerate(zip(self.entry, self.site.names, strict=False))
        ]
        self.fills = {
            path: self.expand_fill(spec, path, self.site.names[path[1]]) for path, spec in self.fill.items()
        }
        self.held = [
            {k: self.expand(as_value(v), ("held", i, k), held.element(k)) for k, v in held.content.items()}
            if held.keyed
            else None
            for i, held in enumerate(self.snapshot.held)
        ]
        return self.given

    def carried(self, initial: Any, path: Any, label: Label) -> Pending:
        self.given.append(initial)
        self.labels.append(shown(label))
        self.paths.append(path)
        return Pending(len(self.given) - 1)

    def expand(self, value: Any, path: Any, label: Label) -> Any:
        if type(value) is Value:
            if path[0] == "name" or path in self.plan:
                return self.carried(value, path, label)
            return value
        if is_number(value):
            if path in self.plan:
                if not flow.fits(value, self.plan[path]):
                    self.change(label, repr(value), str(self.plan[path]))
                return self.carried(flow.constant(value, self.plan[path]), path, label)
            self.plain.append(path)
            return value
        if isinstance(value, tuple) or path in self.descend:
            parts = parts_of(value) or {}
            return Rebuilt(
                value, {k: self.expand(as_value(v), (*path, k), f"{label}_{k}") for k, v in parts.items()}
            )
        return value

    def expand_fill(self, spec: Any, path: Any, label: Label) -> Any:
        if isinstance(spec, Rebuilt):
            return Rebuilt(
                spec.like, {k: self.expand_fill(v, (*path, k), f"{label}_{k}") for k, v in spec.parts.items()}
            )
        return self.carried(flow.zero(spec), path, label) if isinstance(spec, ValueType) else spec

    def exit_arguments(self) -> list[int]:
        return [s.index for i in self.site.exits if type(s := self.skeletons[i]) is Pending]

    def place(self, args: list[Any], *, in_body: bool) -> tuple[Any, ...]:
        """Gives the body its stand-ins: in objects, and the values of variables. Exits are not set when it
        starts."""
        self.args = args = [named(a, label) for a, label in zip(args, self.labels, strict=False)]
        off = set(self.exit_arguments()) if in_body else set()

        def fetch(pending: Pending) -> Any:
            return False if pending.index in off else args[pending.index]

        made: dict[int, Any] = {}
        for held, skeleton in zip(self.snapshot.held, self.held, strict=False):
            if skeleton is not None and any(has_pending(s) for s in skeleton.values()):
                held.put({k: resolved(s, fetch, made) for k, s in skeleton.items()})
        self.placed = [held.now() for held in self.snapshot.held]
        out = [resolved(s, fetch, made) for s in self.skeletons]
        self.stand_ins = {key: (x, aliases.contents(x)) for key, x in made.items() if is_changeable(x)}
        if in_body:
            for path in self.tested & self.fills.keys():
                out[path[1]] = resolved(self.fills[path], fetch)
        return tuple(out)

    def check_depth(self) -> None:
        if flow.depth() != self.depth + 1:
            self.site.fail(
                None,
                "an exception left a block and was caught inside of this one",
                ["do not catch exceptions across a block"],
            )

    def gather(self, values: tuple[Any, ...]) -> list[Any]:
        """What the body leaves, in the order of what it carries. Sets `repeat` where it has to carry more."""
        self.yields: list[Any] = [None] * len(self.given)
        self.changed = {
            key for key, (x, before) in self.stand_ins.items() if not identical(aliases.contents(x), before)
        }
        self.late: dict[int, Any] = {}
        for i, (skeleton, value, name) in enumerate(
            zip(self.skeletons, values, self.site.names, strict=False)
        ):
            path = ("name", i)
            value = as_value(value)
            if type(skeleton) is Unbound:
                self.gather_unbound(value, path, name)
            else:
                self.match(skeleton, value, path, name)
            if name in self.site.outer and value is not self.entry[i]:
                self.site.fail(
                    name,
                    f"the outer variable {name} cannot change in a loop on the GPU",
                    ["use a variable of the kernel"],
                )
        for i, (held, skeleton, placed) in enumerate(
            zip(self.snapshot.held, self.held, self.placed, strict=False)
        ):
            now = held.now()
            if held.outer and not identical(now, held.content):
                self.site.fail(held.label, f"{held.label} is changed in a loop on the GPU", [NOT_OURS])
            if skeleton is None:
                if not identical(now, placed):
                    self.site.fail(
                        held.label,
                        f"{held.label} is changed in a loop on the GPU",
                        ["its body is traced once; use variables or a list of values"],
                    )
            elif list(now) != list(placed):
                self.site.fail(
                    held.label,
                    f"{held.label} gets other elements in a loop on the GPU",
                    ["its body is traced once; give it all its elements before the loop"],
                )
            else:
                for k in now:
                    if now[k] is not placed[k] or type(skeleton[k]) is not type(placed[k]):
                        self.match(skeleton[k], as_value(now[k]), ("held", i, k), held.element(k))
        return self.yields

    def match(self, skeleton: Any, value: Any, path: Any, label: Label) -> None:
        if type(value) is Unbound and type(skeleton) is not Unbound:
            self.site.fail(
                label,
                f"{label} has a value in some rounds of the loop only",
                [f"assign {label} on every way through the loop"],
            )
        if type(value) is Value and not is_alive(value):
            self.site.fail(
                label,
                f"{shown(label)} holds a value of a block that has ended",
                ["only what a block assigns to a variable is known after it"],
            )
        if type(skeleton) is Pending:
            self.match_carried(skeleton.index, value, path, label)
        elif type(skeleton) is Value and (type(value) is Value or is_number(value)):
            if skeleton is not value:
                self.carry_next(path, flow.type_of(skeleton))
        elif is_number(skeleton):
            if type(value) is Value:
                self.carry_next(path, flow.type_of(value))
            elif is_number(value):
                if not same_number(skeleton, value):
                    self.carry_next(path, default_type(skeleton, value))
            else:
                self.refuse(skeleton, value, label)
        elif type(skeleton) is Rebuilt:
            parts = parts_of(value)
            if parts is None or type(value) is not type(skeleton.like) or list(parts) != list(skeleton.parts):
                self.refuse(skeleton.like, value, label)
            else:
                if is_changeable(value):
                    self.blended[path] = label, (skeleton.like, value), skeleton
                for k, s in skeleton.parts.items():
                    self.match(s, as_value(parts[k]), (*path, k), f"{label}_{k}")
        elif skeleton is not value and not same_object(skeleton, value):
            parts, others = parts_of(skeleton), parts_of(value)
            if (
                parts is not None
                and others is not None
                and type(skeleton) is type(value)
                and list(parts) == list(others)
                and path not in self.descend
            ):
                self.descend.add(path)
                self.repeat = True
            else:
                self.refuse(skeleton, value, label)

    def match_carried(self, index: int, value: Any, path: Any, label: Label) -> None:
        kind = flow.type_of(self.given[index])
        started_as_number = path in self.plan and not (path[0] == "held" and self.plan[path] is None)
        if is_number(value):
            if not flow.fits(value, kind):
                if path in self.plan and self.entry_is_number(path):
                    self.carry_next(path, default_type(value))
                    return
                self.change(label, str(kind), repr(value))
            self.yields[index] = flow.constant(value, kind)
        elif type(value) is Value:
            other = flow.type_of(value)
            if other != kind:
                if started_as_number and self.entry_is_number(path) and self.retyped.get(path, 0) < 4:
                    self.retyped[path] = self.retyped.get(path, 0) + 1
                    self.carry_next(path, other)
                    return
                self.change(label, str(kind), str(other))
            self.yields[index] = value
        else:
            self.refuse(self.given[index], value, label)

    def entry_is_number(self, path: Any) -> bool:
        value = self.entry[path[1]] if path[0] == "name" else self.snapshot.held[path[1]].content[path[2]]
        for key in path[2 if path[0] == "name" else 3 :]:
            value = (parts_of(value) or {})[key]
        return is_number(value) or type(value) is Unbound

    def carry_next(self, path: Any, kind: Any) -> None:
        self.plan[path] = kind
        self.repeat = True

    def gather_unbound(self, value: Any, path: Any, name: str) -> None:
        if type(value) is Unbound:
            if path in self.fills:
                resolved(self.fills[path], self.keep)
            return
        if self.in_test:
            self.tested.add(path)
        if not (self.runs or self.in_test or path in self.tested or name.startswith("@val")):
            self.late[path[1]] = Unbound(name, "loop", self.site.here)
            return
        if path in self.fill:
            self.match_fill(self.fills[path], value, path, name)
            return
        spec = self.spec_of(value)
        if spec is None:
            self.late[path[1]] = value
        else:
            self.fill[path] = spec
            self.repeat = True

    def keep(self, pending: Pending) -> Any:
        self.yields[pending.index] = self.args[pending.index]
        return self.yields[pending.index]

    def spec_of(self, value: Any) -> Any:
        """The structure of a value with the types of what is traced in it; None where nothing is."""
        if type(value) is Value:
            return flow.type_of(value)
        parts = parts_of(value)
        if parts is None:
            return None
        specs = {k: self.spec_of(as_value(v)) for k, v in parts.items()}
        if all(s is None for s in specs.values()):
            return None
        return Rebuilt(value, {k: parts[k] if s is None else s for k, s in specs.items()})

    def match_fill(self, skeleton: Any, value: Any, path: Any, label: Label) -> None:
        if type(skeleton) is Pending:
            kind = flow.type_of(self.given[skeleton.index])
            if type(value) is Value and flow.type_of(value) == kind:
                self.yields[skeleton.index] = value
            elif is_number(value) and flow.fits(value, kind):
                self.yields[skeleton.index] = flow.constant(value, kind)
            else:
                self.change(label, str(kind), type_text(value))
        elif type(skeleton) is Rebuilt:
            parts = parts_of(value) or {}
            if list(parts) != list(skeleton.parts):
                self.refuse(skeleton.like, value, label)
            if is_changeable(value):
                self.blended[path] = label, (None, value), skeleton
            for k, s in skeleton.parts.items():
                self.match_fill(s, parts[k], (*path, k), label)
        elif skeleton is not value and not same_object(skeleton, value):
            self.refuse(skeleton, value, label)

    def change(self, label: Label, before: str, after: str) -> NoReturn:
        hints = [f"convert it: {label} = enigma.{before}(...)"]
        if before[0].isdigit() or before[0] == "-":
            hints = [f"start with enigma.{after}(...), or convert what is assigned"]
        self.site.fail(
            label.split(".")[0].split("[")[0],
            f"{shown(label)} changes its type in the loop: it starts as {before} and becomes {after}",
            hints,
        )

    def refuse(self, before: Any, after: Any, label: Label) -> NoReturn:
        b, a = (
            described(before) if not is_traced(before) else "a traced value",
            described(after) if not is_traced(after) else "a traced value",
        )
        message = (
            f"{shown(label)} is {b} before the loop and {a} after a round: only numbers, "
            "and tuples, lists, dicts and objects of as many numbers, can change in a loop on the GPU"
        )
        self.site.fail(label, message, ["unroll the loop over a Python range, or keep to numbers"])

    def failed(self) -> bool:
        """After an exception: whether it stands. A pass that tried Python numbers is given up for one that
        carries them."""
        error = sys.exc_info()[1]
        if self.guessed or not isinstance(error, Exception) or not getattr(self, "plain", None):
            return True
        names = [
            p for p in self.plain if p[0] == "name" and p not in self.plan and p[1] not in self.site.exits
        ]
        if not names or self.traced_before_failing is False:
            return True
        self.guessed = True
        for path in names:
            self.carry_next(path, default_type(self.at(path)))
        return False

    traced_before_failing = True

    def at(self, path: Any) -> Any:
        value: Any = self.entry[path[1]]
        for key in path[2:]:
            value = (parts_of(value) or {})[key]
        return value

    def finish(self, results: list[Any]) -> None:
        made: dict[int, Any] = {}
        results = [named(r, label) for r, label in zip(results, self.labels, strict=False)]

        def fetch(pending: Pending) -> Any:
            return results[pending.index]

        for held, skeleton in zip(self.snapshot.held, self.held, strict=False):
            if skeleton is not None and any(has_pending(s) for s in skeleton.values()):
                held.put({k: resolved(s, fetch, made) for k, s in skeleton.items()})
        out = [resolved(s, fetch, made) for s in self.skeletons]
        for i, value in self.late.items():
            out[i] = value
        for path, skeleton in self.fills.items():
            out[path[1]] = resolved(skeleton, fetch, made)
        self.values = tuple(out)
        self.watch(made)

    def watch(self, made: dict[int, Any]) -> None:
        """Lists and objects that are another one in some rounds must not change, in the body or after it."""
        blended = [
            (label, sources, made[id(s)]) for label, sources, s in self.blended.values() if id(s) in made
        ]
        if not blended:
            return
        now = dict(zip(self.site.names, self.values, strict=False))
        roots = [(n, now.get(n, v)) for n, v in self.roots if n in self.site.after or n.startswith(OUTER)]
        carried = [
            held.object
            for held, skeleton in zip(self.snapshot.held, self.held, strict=False)
            if skeleton is not None and any(map(has_pending, skeleton.values()))
        ]
        changed = [made[key] for key in made.keys() & self.changed]
        for label, objects in aliases.shared(blended, [*roots, *now.items()], self.frame, set()):
            if any(o is c for o in objects for c in [*carried, *changed]):
                aliases.fail(self.site, label)
            aliases.watch(self.site, label, objects)
