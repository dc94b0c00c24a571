# SPDX-License-Identifier: MIT
"""What a block of a kernel changes, and how that gets out of it.

A branch is traced arm by arm: variables that differ at the ends of the arms become its results. A loop's
body is traced with stand-ins
for what it carries; what that is may show only at its end (a number of Python that becomes a traced
value, an element of a list), and
then the trace is rolled back and the body runs again. Python objects that a block changes in place are
compared with a copy made at its entry.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn

from enigma._enigma import Buffer, DType, GridPosition, Value, ValueType, fail, flow, name_value

Range = tuple[int, int, int, int]
Label = str
MOST_PASSES = 60
NOT_OURS = (
    "it lives outside of the kernel, where no value of a thread can be kept; use a variable of the kernel"
)
NUMBERS = (bool, int, float)
HIDDEN = {"@val": "result", "@ret": "returned", "@brk": "stop", "@con": "skip", "@end": "over", "@exp": ""}


def is_traced(value: Any) -> bool:
    return type(value) is Value or type(value) is GridPosition


def is_number(value: Any) -> bool:
    kind = type(value)
    if kind in NUMBERS:
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(kind, numpy.generic) and numpy.dtype(kind).kind in "biufV"


def is_alive(value: Any) -> bool:
    return type(value) is not Value or bool(flow.is_alive(value))


def _same_number(a: Any, b: Any) -> bool:
    return type(a) is type(b) and ((a == b and str(a) == str(b)) or (a != a and b != b))


def _same_object(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return type(a) is type(b) and type(a) not in (Buffer, list, dict, set) and bool(a == b)
    except Exception:
        return False


def default_type(*numbers: Any) -> Any:
    """The type of numbers that meet no traced value: b1, i32 (i64, u64), f32."""
    if all(isinstance(x, bool) for x in numbers):
        return flow.type_named("b1")
    if any(
        int(x) != x or not hasattr(x, "__index__") if x == x and abs(x) != float("inf") else True
        for x in numbers
    ):
        return flow.type_named("f32")
    for name in ("i32", "i64", "u64"):
        if all(flow.fits(int(x), flow.type_named(name)) for x in numbers):
            return flow.type_named(name)
    return flow.type_named("i64")


def shown(name: str) -> str:
    """The name of a variable in errors and emitted text; hidden ones start with @."""
    return HIDDEN.get(name[:4], "") if name.startswith("@") else name


class Unbound:
    """What a variable holds that has no value here. Every use of it is an error."""

    __slots__ = ("name", "place", "reason")

    def __init__(self, name: str, reason: str = "", place: Range | None = None) -> None:
        self.name, self.reason, self.place = name, reason, place

    def fail(self, *_: Any) -> NoReturn:
        line = self.place[0] if self.place else 0
        if self.reason == "if":
            fail(
                f"{self.name} has a value in one arm of the branch at line {line} only",
                [f"assign {self.name} in both arms, or before the branch"],
            )
        if self.reason:
            fail(
                f"{self.name} gets its value in the loop at line {line}, which may not run at all",
                [f"assign {self.name} before the loop"],
            )
        fail(
            f"{self.name} has no value here: nothing was assigned to it on the way",
            [f"assign {self.name} first"],
        )

    def __getattr__(self, _: str) -> NoReturn:
        self.fail()


for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "radd",
    "rsub",
    "rmul",
    "rtruediv",
    "rfloordiv",
    "rmod",
    "rpow",
    "rand",
    "ror",
    "rxor",
    "rlshift",
    "rrshift",
    "neg",
    "pos",
    "abs",
    "invert",
    "bool",
    "int",
    "float",
    "index",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "iter",
    "len",
    "call",
    "getitem",
    "setitem",
    "contains",
    "hash",
]:
    setattr(Unbound, f"__{_name}__", Unbound.fail)


class Site:
    """A block in the source, from a constant that the rewriting made."""

    @staticmethod
    def of(constant: Any, frame: Any) -> Site:
        make: Any = Site
        site: Site = make(*constant, frame)
        return site

    def __init__(
        self,
        names: tuple[str, ...],
        places: tuple[Range, ...],
        outer: tuple[str, ...],
        exits: tuple[int, ...],
        kind: str,
        target: str,
        here: Range,
        roots: tuple[str, ...],
        others: tuple[str, ...],
        changes: tuple[tuple[str, Range], ...],
        merged: int,
        frame: Any,
    ) -> None:
        self.names, self.places, self.outer, self.exits, self.kind, self.target = (
            names,
            places,
            outer,
            exits,
            kind,
            target,
        )
        self.here, self.roots, self.others, self.changes, self.merged = (
            here,
            roots,
            others,
            dict(reversed(changes)),
            merged,
        )
        self.file = frame.f_code.co_filename

    @staticmethod
    def at(frame: Any, names: tuple[str, ...], kind: str) -> Site:
        return Site(names, (), (), (), kind, "", (0, 0, 0, 0), (), (), (), len(names), frame)

    def labelled(self, roots: tuple[Any, ...], frame: Any) -> list[tuple[Label, Any]]:
        """The roots with their names, and the globals that the block mentions."""
        out = list(zip(self.roots, roots, strict=False))
        names = frame.f_globals
        for name in self.others:
            if name in names:
                out.append((OUTER + name, names[name]))
        return out

    def place(self, name: str | None) -> Range:
        if name in self.names and self.names.index(name) < len(self.places):
            return self.places[self.names.index(name)]
        for label in (name, (name or "").split(".")[0].split("[")[0]):
            if label in self.changes:
                return self.changes[label]
        return self.here

    def fail(self, name: str | None, message: str, hints: list[str]) -> NoReturn:
        if self.here[0]:
            flow.fail_at(message, hints, self.file, self.place(name))
        fail(message, hints)
        raise AssertionError

    @property
    def what(self) -> str:
        return "branch" if self.kind == "if" else "loop"


# ---- Objects that are changed in place

OUTER = "::"
"""Before the label of what lives outside of the kernel."""
ATOMS = {
    Value,
    Buffer,
    GridPosition,
    DType,
    int,
    float,
    bool,
    str,
    bytes,
    type(None),
    complex,
    range,
    Unbound,
    type,
    ModuleType,
    slice,
}


def roots_of(function: Any) -> list[tuple[Label, Any]]:
    """What a lambda reaches."""
    names = function.__code__.co_freevars
    return [
        (name, cell.cell_contents)
        for name, cell in zip(names, function.__closure__ or (), strict=False)
        if cell != CellType()
    ]


class Held:
    """An object that can change, and what it held at the entry of the block."""

    __slots__ = ("content", "kind", "label", "object", "outer")

    def __init__(self, label: Label, kind: str, object_: Any) -> None:
        self.label, self.kind, self.object = label.removeprefix(OUTER), kind, object_
        self.outer = label.startswith(OUTER)
        self.content = self.now()

    def now(self) -> Any:
        o = self.object
        match self.kind:
            case "list":
                return dict(enumerate(o))
            case "dict":
                return dict(o)
            case "attributes":
                return dict(o.__dict__)
            case "slots":
                return {n: getattr(o, n) for n in _slots(type(o)) if hasattr(o, n)}
            case "cell":
                return {} if o == CellType() else {"": o.cell_contents}
        return copy.copy(o)

    def put(self, content: Any) -> None:
        o = self.object
        match self.kind:
            case "list" if isinstance(o, deque):
                o.clear()
                o.extend(content.values())
            case "list":
                o[:] = content.values()
            case "dict":
                o.clear()
                o.update(content)
            case "attributes":
                o.__dict__.clear()
                o.__dict__.update(content)
            case "slots":
                for name, value in content.items():
                    object.__setattr__(o, name, value)
            case "cell":
                if content:
                    o.cell_contents = content[""]
            case "set":
                o.clear()
                o.update(content)
            case "bytes":
                o[:] = content
            case "array":
                o[...] = content

    def unchanged(self, content: Any) -> bool:
        if self.kind == "array":
            return bool(content.tobytes() == self.content.tobytes())
        return bool(content == self.content)

    def element(self, key: Any) -> Label:
        if self.kind in ("attributes", "slots"):
            return f"{self.label}.{key}"
        return self.label if self.kind == "cell" else f"{self.label}[{key!r}]"

    @property
    def keyed(self) -> bool:
        return self.kind in ("list", "dict", "attributes", "slots", "cell")


def _slots(kind: type) -> list[str]:
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [n for n in names if n not in ("__dict__", "__weakref__")]


class Snapshot:
    """Everything changeable that is reachable from some objects."""

    def __init__(self, roots: list[tuple[Label, Any]], frame: Any) -> None:
        self.held: list[Held] = []
        self.seen: set[int] = set()
        self.keep: list[Any] = []
        self.own = frame.f_code
        pending = deque(roots)
        while pending:
            label, value = pending.popleft()
            if type(value) in ATOMS or id(value) in self.seen:
                continue
            self.seen.add(id(value))
            self.keep.append(value)
            pending.extend(self.visit(label, value))

    def visit(self, label: Label, value: Any) -> list[tuple[Label, Any]]:
        kind = type(value)
        if isinstance(value, (list, deque)):
            return self.hold(label, "list", value)
        if isinstance(value, dict):
            return self.hold(label, "dict", value)
        if isinstance(value, (tuple, frozenset)):
            return [(f"{label}[{i}]", v) for i, v in enumerate(value)]
        if isinstance(value, set):
            return self.hold(label, "set", value)
        if isinstance(value, bytearray):
            return self.hold(label, "bytes", value)
        if isinstance(value, MethodType):
            return [(f"{label}.__self__", value.__self__), (label, value.__func__)]
        if isinstance(value, FunctionType):
            return self.visit_function(label, value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray):
            return self.hold(label, "array", value)
        module = kind.__module__
        if isinstance(value, (type, ModuleType)) or module.split(".")[0] in ("enigma", "numpy", "builtins"):
            return []
        out = self.hold(label, "attributes", value) if hasattr(value, "__dict__") else []
        return out + (self.hold(label, "slots", value) if _slots(kind) else [])

    def hold(self, label: Label, kind: str, value: Any) -> list[tuple[Label, Any]]:
        held = Held(label, kind, value)
        self.held.append(held)
        return (
            [(OUTER * held.outer + held.element(k), v) for k, v in held.content.items()] if held.keyed else []
        )

    def visit_function(self, label: Label, function: FunctionType) -> list[tuple[Label, Any]]:
        from enigma.rewrite_flow import is_users

        code = function.__code__
        if not is_users(code):
            return []
        out: list[tuple[Label, Any]] = []
        mine = code in self.own.co_consts
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            if name.startswith("@") or cell == CellType():
                continue
            if mine and (name in self.own.co_cellvars or name in self.own.co_freevars):
                continue  # a variable of the block's own function
            held = Held(name, "cell", cell)
            self.held.append(held)
            out.append((name, cell.cell_contents))
        names = function.__globals__
        return out + [
            (OUTER + n, names[n])
            for n in code.co_names
            if n in names and not isinstance(names[n], (type, ModuleType))
        ]

    def contents(self) -> list[Any]:
        return [held.now() for held in self.held]

    def restore(self) -> None:
        for held in self.held:
            if not _identical(held.now(), held.content):
                held.put(held.content)


def _identical(a: Any, b: Any) -> bool:
    if type(a) is dict:
        return len(a) == len(b) and all(k in b and b[k] is v for k, v in a.items())
    return (
        bool(type(a).__module__ != "numpy" and a == b)
        if type(a).__name__ != "ndarray"
        else a.tobytes() == b.tobytes()
    )


# ---- Structures: tuples, lists, dicts and objects of traced values and numbers


class Pending:
    """Stands for a carried value, by its number."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def _parts(value: Any) -> dict[Any, Any] | None:
    """The elements of something that can be taken apart and put together."""
    if isinstance(value, (tuple, list)):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return value
    if type(value) in ATOMS or isinstance(
        value, (FunctionType, MethodType, type, ModuleType, set, frozenset)
    ):
        return None
    if type(value).__module__.split(".")[0] in ("enigma", "numpy", "builtins", "functools") or not hasattr(
        value, "__dict__"
    ):
        return None
    return dict(value.__dict__)


def _rebuilt(like: Any, parts: dict[Any, Any]) -> Any:
    if isinstance(like, tuple):
        values = list(parts.values())
        return type(like)(*values) if hasattr(like, "_fields") else type(like)(values)
    if isinstance(like, list):
        return type(like)(parts.values())
    if isinstance(like, dict):
        out = copy.copy(like)
        out.update(parts)
        return out
    out = copy.copy(like)
    for key, value in parts.items():
        object.__setattr__(out, key, value)
    return out


def _resolve(skeleton: Any, values: Any) -> Any:
    if type(skeleton) is Pending:
        return values(skeleton)
    if type(skeleton) is Rebuilt:
        parts = {k: _resolve(v, values) for k, v in skeleton.parts.items()}
        if all(parts[k] is v for k, v in (_parts(skeleton.like) or {}).items()) and isinstance(
            skeleton.like, tuple
        ):
            return skeleton.like
        return _rebuilt(skeleton.like, parts)
    return skeleton


class Rebuilt:
    """A structure with carried values in it."""

    __slots__ = ("like", "parts")

    def __init__(self, like: Any, parts: dict[Any, Any]) -> None:
        self.like, self.parts = like, parts


def _named(value: Any, label: Label) -> Any:
    text = "".join(c if c.isalnum() or c == "_" else "_" for c in label).strip("_")
    return name_value(value, text) if text else value


def _type_text(value: Any) -> str:
    if type(value) is Value:
        return str(flow.type_of(value))
    return repr(value) if is_number(value) else type(value).__name__


def _describe(value: Any) -> str:
    if type(value) is Buffer:
        return "a buffer"
    return (
        "None"
        if value is None
        else repr(value)
        if is_number(value) or isinstance(value, str)
        else f"a Python {type(value).__name__}"
    )


# ---- Branches


class Arms:
    """The two arms of a branch."""

    def __init__(self, site: Site, condition: Any, frame: Any, roots: list[tuple[Label, Any]]) -> None:
        self.site, self.condition = site, condition
        self.snapshot = Snapshot(roots, frame)
        self.values_then: tuple[Any, ...] = ()
        self.pairs: list[tuple[Any, Any]] = []
        self.labels: list[Label] = []
        self.memo: dict[tuple[int, int], Any] = {}
        self.negated: Any = None

    def open(self) -> None:
        self.mark = flow.mark()
        self.depth = flow.depth()
        self.then_region, _ = flow.open([])

    def next_arm(self, *, may_splice: bool) -> bool:
        self.check_depth(1)
        self.contents_then = self.snapshot.contents()
        self.snapshot.restore()
        self.values_then = tuple(map(_value, self.values_then))
        self.escaped = {id(v) for v in _leaves((*self.values_then, self.contents_then)) if not is_alive(v)}
        spliced = may_splice and flow.splice()
        if not spliced:
            flow.end_scope()
        self.else_region, _ = flow.open([])
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
        self.check_contents()
        return _resolve(
            skeleton,
            lambda p: select(self.condition, *self.typed(p.index)) if p.index >= 0 else self.opposite(),
        )

    def typed(self, index: int) -> tuple[Any, Any]:
        a, b = self.pairs[index]
        if is_number(a) and is_number(b):
            kind = default_type(a, b)
            return flow.constant(a, kind), flow.constant(b, kind)
        self.check_types(index)
        return (
            (flow.constant(a, b), b) if is_number(a) else (a, flow.constant(b, a)) if is_number(b) else (a, b)
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
        self.values_else = values = tuple(map(_value, values))
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
        results = [_named(r, label) for r, label in zip(results, self.labels, strict=False)]

        def fetch(pending: Pending) -> Any:
            return results[pending.index] if pending.index >= 0 else self.opposite()

        for item, skeleton in zip(self.snapshot.held, held, strict=False):
            if skeleton is not None:
                item.put({k: _resolve(v, fetch) for k, v in skeleton.items()} if item.keyed else skeleton)
        out = tuple(_resolve(skeleton, fetch) for skeleton in skeletons)
        for name, before, after in zip(names, entry or (), out, strict=False):
            if name in self.site.outer and before is not after:
                self.site.fail(
                    name,
                    f"the outer variable {name} cannot change under a traced condition",
                    ["use a variable of the kernel"],
                )
        return out + (entry or ())[self.site.merged :]

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
        if a_plain and b_plain and _same_number(a, b):
            return a
        if (a_plain or type(a) is Value) and (b_plain or type(b) is Value):
            return self.carry(a, b, label)
        if (id(a), id(b)) in self.memo:
            return self.memo[id(a), id(b)]
        parts, others = _parts(a), _parts(b)
        if parts is not None and others is not None and type(a) is type(b) and list(parts) == list(others):
            out = Rebuilt(
                a, {k: self.merge(parts[k], others[k], f"{label}_{k}" if label else "") for k in parts}
            )
            self.memo[id(a), id(b)] = out
            return out
        if _same_object(a, b):
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
            f"{name or 'the value'} is {_describe(a)} in one arm of the branch and "
            f"{_describe(b)} in the other: which arm runs is not known while tracing",
            ["choose between numbers, or make the condition a Python value (a Constexpr parameter)"],
        )

    def merge_unbound(self, a: Any, b: Any, label: Label) -> Any:
        bound = b if type(a) is Unbound else a
        if type(bound) is Unbound:
            return a
        if not label.startswith("@val") and not self.returns(a is bound):
            return Unbound(label, "if", self.site.here)
        parts = _parts(bound)
        if type(bound) is Value:
            return self.carry(a, b, label)
        if parts is not None and not isinstance(bound, dict):
            hole = Unbound(label)
            pairs = {k: (v, hole) if bound is a else (hole, v) for k, v in parts.items()}
            return Rebuilt(bound, {k: self.merge_unbound(x, y, label) for k, (x, y) in pairs.items()})
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
        if held.outer and not (_identical(a, held.content) and _identical(b, held.content)):
            self.site.fail(held.label, f"{held.label} is changed under a traced condition", [NOT_OURS])
        if held.keyed:
            if list(a) != list(b):
                self.site.fail(
                    held.label,
                    f"{held.label} gets other elements in one arm of the branch than in the other",
                    ["which arm runs is not known while tracing; give it as many elements in both"],
                )
            if _identical(a, b) and _identical(a, held.content):
                return None
            return {k: self.merge(_value(a[k]), _value(b[k]), held.element(k)) for k in a}
        if not (_identical(a, b) and _identical(a, held.content)):
            self.site.fail(
                held.label,
                f"{held.label} is changed under a traced condition",
                ["which arm runs is not known while tracing; use variables or a list of values"],
            )
        return None


def _value(x: Any) -> Any:
    return name_value(x, "") if type(x) is GridPosition else x


def _leaves(value: Any) -> list[Any]:
    if type(value) is Value:
        return [value]
    if type(value) in (tuple, list):
        return [leaf for v in value for leaf in _leaves(v)]
    return [leaf for v in value.values() for leaf in _leaves(v)] if type(value) is dict else []


# ---- Loops


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
        self.entry = tuple(map(_value, values))
        self.values = self.entry
        self.snapshot = Snapshot(roots, self.frame)
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
            {k: self.expand(_value(v), ("held", i, k), held.element(k)) for k, v in held.content.items()}
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
            parts = _parts(value) or {}
            return Rebuilt(
                value, {k: self.expand(_value(v), (*path, k), f"{label}_{k}") for k, v in parts.items()}
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
        self.args = args = [_named(a, label) for a, label in zip(args, self.labels, strict=False)]
        off = set(self.exit_arguments()) if in_body else set()

        def fetch(pending: Pending) -> Any:
            return False if pending.index in off else args[pending.index]

        for held, skeleton in zip(self.snapshot.held, self.held, strict=False):
            if skeleton is not None and any(_has_pending(s) for s in skeleton.values()):
                held.put({k: _resolve(s, fetch) for k, s in skeleton.items()})
        self.placed = [held.now() for held in self.snapshot.held]
        out = [_resolve(s, fetch) for s in self.skeletons]
        if in_body:
            for path in self.tested & self.fills.keys():
                out[path[1]] = _resolve(self.fills[path], fetch)
        return tuple(out)

    def check_depth(self) -> None:
        if flow.depth() != self.depth + 1:
            self.site.fail(
                None,
                "an exception left a block and was caught inside of this one",
                ["do not catch exceptions across a block"],
            )

    def gather(self, values: tuple[Any, ...]) -> list[Any]:
        """What the body leaves, in the order of what it carries. Sets `repeat` where another pass has to carry
        more."""
        self.yields: list[Any] = [None] * len(self.given)
        self.late: dict[int, Any] = {}
        for i, (skeleton, value, name) in enumerate(
            zip(self.skeletons, values, self.site.names, strict=False)
        ):
            path = ("name", i)
            value = _value(value)
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
            if held.outer and not _identical(now, held.content):
                self.site.fail(held.label, f"{held.label} is changed in a loop on the GPU", [NOT_OURS])
            if skeleton is None:
                if not _identical(now, placed):
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
                        self.match(skeleton[k], _value(now[k]), ("held", i, k), held.element(k))
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
                if not _same_number(skeleton, value):
                    self.carry_next(path, default_type(skeleton, value))
            else:
                self.refuse(skeleton, value, label)
        elif type(skeleton) is Rebuilt:
            parts = _parts(value)
            if parts is None or type(value) is not type(skeleton.like) or list(parts) != list(skeleton.parts):
                self.refuse(skeleton.like, value, label)
            else:
                for k, s in skeleton.parts.items():
                    self.match(s, _value(parts[k]), (*path, k), f"{label}_{k}")
        elif skeleton is not value and not _same_object(skeleton, value):
            parts, others = _parts(skeleton), _parts(value)
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
            value = (_parts(value) or {})[key]
        return is_number(value) or type(value) is Unbound

    def carry_next(self, path: Any, kind: Any) -> None:
        self.plan[path] = kind
        self.repeat = True

    def gather_unbound(self, value: Any, path: Any, name: str) -> None:
        if type(value) is Unbound:
            if path in self.fills:
                _resolve(self.fills[path], self.keep)
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
        parts = _parts(value)
        if parts is None:
            return None
        specs = {k: self.spec_of(_value(v)) for k, v in parts.items()}
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
                self.change(label, str(kind), _type_text(value))
        elif type(skeleton) is Rebuilt:
            parts = _parts(value) or {}
            if list(parts) != list(skeleton.parts):
                self.refuse(skeleton.like, value, label)
            for k, s in skeleton.parts.items():
                self.match_fill(s, parts[k], (*path, k), label)
        elif skeleton is not value and not _same_object(skeleton, value):
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
            _describe(before) if not is_traced(before) else "a traced value",
            _describe(after) if not is_traced(after) else "a traced value",
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
            value = (_parts(value) or {})[key]
        return value

    def finish(self, results: list[Any]) -> None:
        results = [_named(r, label) for r, label in zip(results, self.labels, strict=False)]

        def fetch(pending: Pending) -> Any:
            return results[pending.index]

        for held, skeleton in zip(self.snapshot.held, self.held, strict=False):
            if skeleton is not None and any(_has_pending(s) for s in skeleton.values()):
                held.put({k: _resolve(s, fetch) for k, s in skeleton.items()})
        out = [_resolve(s, fetch) for s in self.skeletons]
        for i, value in self.late.items():
            out[i] = value
        for path, skeleton in self.fills.items():
            out[path[1]] = _resolve(skeleton, fetch)
        self.values = tuple(out)


def _has_pending(skeleton: Any) -> bool:
    return type(skeleton) is Pending or (
        type(skeleton) is Rebuilt and any(map(_has_pending, skeleton.parts.values()))
    )
