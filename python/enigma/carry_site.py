# SPDX-License-Identifier: MIT
"""What the tracing of a block knows: where it stands, and what kinds of Python values there are.

site = Site.of(constant, frame)
site.fail("x", "x changes its type", ["convert it"])       # at the line that assigns x
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from enigma._enigma import Buffer, GridPosition, Value, fail, flow, name_value
from enigma.fragment import Fragment

Range = tuple[int, int, int, int]
Label = str
OUTER = "::"
"""Before the label of what lives outside of the kernel."""
NUMBERS = (bool, int, float)
NOT_OURS = (
    "it lives outside of the kernel, where no value of a thread can be kept; use a variable of the kernel"
)
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


def same_number(a: Any, b: Any) -> bool:
    return type(a) is type(b) and ((a == b and str(a) == str(b)) or (a != a and b != b))


def same_object(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return type(a) is type(b) and type(a) not in (Buffer, Fragment, list, dict, set) and bool(a == b)
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
        after: tuple[str, ...],
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
        self.after = frozenset(after)
        """Those of the roots that are read behind the block."""
        self.file = frame.f_code.co_filename

    @staticmethod
    def at(frame: Any, names: tuple[str, ...], kind: str) -> Site:
        return Site(names, (), (), (), kind, "", (0, 0, 0, 0), (), (), (), len(names), (), frame)

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
    def is_expression(self) -> bool:
        """Whether it is a conditional expression, `and` or `or`."""
        return self.names == ("@expression",)

    @property
    def gives_back(self) -> bool:
        """Whether what comes of it goes to somebody whose variables are not known here."""
        return any(n.startswith(("@val", "@expression")) for n in self.names)

    @property
    def what(self) -> str:
        return "branch" if self.kind == "if" else "loop"


def as_value(x: Any) -> Any:
    return name_value(x, "") if type(x) is GridPosition else x


def leaves_of(value: Any) -> list[Any]:
    if type(value) is Value:
        return [value]
    if type(value) in (tuple, list):
        return [leaf for v in value for leaf in leaves_of(v)]
    return [leaf for v in value.values() for leaf in leaves_of(v)] if type(value) is dict else []


def type_text(value: Any) -> str:
    if type(value) is Value:
        return str(flow.type_of(value))
    return repr(value) if is_number(value) else type(value).__name__


def described(value: Any) -> str:
    if type(value) is Buffer:
        return "a buffer"
    return (
        "None"
        if value is None
        else repr(value)
        if is_number(value) or isinstance(value, str)
        else f"a Python {type(value).__name__}"
    )
