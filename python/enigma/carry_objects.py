# SPDX-License-Identifier: MIT
"""Python objects that a block may change, and structures whose elements it carries.

snapshot = Snapshot([("state", state)], frame)       # lists, dicts, attributes: whatever can be reached
...                                                  # the block runs
snapshot.contents()                                  # what they hold now
snapshot.restore()
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from enigma._enigma import Buffer, DType, GridPosition, Value, name_value
from enigma.carry_site import OUTER, Label, Unbound
from enigma.fragment import Fragment
from enigma.matrix_fragment import MmaFragment

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
            case "class":
                return {n: v for n, v in vars(o).items() if not n.startswith("__")}
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
            case "class":
                now = self.now()
                for name in now.keys() - content.keys():
                    delattr(o, name)
                for name, value in content.items():
                    if now.get(name) is not value:
                        setattr(o, name, value)
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
        if self.kind in ("attributes", "slots", "class"):
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


def _is_users(kind: type) -> bool:
    root = kind.__module__.split(".")[0]
    return root not in ("enigma", "numpy", "ml_dtypes") and root not in sys.stdlib_module_names


class Snapshot:
    """Everything changeable that is reachable from some objects.

    `cells`: also the frame's own variables that its functions share; otherwise those are among the roots."""

    def __init__(self, roots: list[tuple[Label, Any]], frame: Any, *, cells: bool = False) -> None:
        self.held: list[Held] = []
        self.seen: set[int] = set()
        self.keep: list[Any] = []
        self.own = frame.f_code
        self.cells = cells
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
        if isinstance(value, MmaFragment):
            # One that holds nothing yet is filled anew in each round, and holds nothing behind the block.
            return [(label, value.values)] if any(v is not None for v in value.values) else []
        if isinstance(value, bytearray):
            return self.hold(label, "bytes", value)
        if isinstance(value, MethodType):
            return [(f"{label}.__self__", value.__self__), (label, value.__func__)]
        if isinstance(value, FunctionType):
            return self.visit_function(label, value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray):
            return self.hold(label, "array", value)
        if isinstance(value, type):
            return self.hold(label, "class", value) if _is_users(value) else []
        if isinstance(value, ModuleType) or kind.__module__.split(".")[0] in ("enigma", "numpy", "builtins"):
            return []
        out = [(kind.__name__, kind)] if _is_users(kind) else []
        out += self.hold(label, "attributes", value) if hasattr(value, "__dict__") else []
        return out + (self.hold(label, "slots", value) if _slots(kind) else [])

    def hold(self, label: Label, kind: str, value: Any) -> list[tuple[Label, Any]]:
        held = Held(label, kind, value)
        self.held.append(held)
        if held.keyed or kind == "class":
            return [(OUTER * held.outer + held.element(k), v) for k, v in held.content.items()]
        return []

    def visit_function(self, label: Label, function: FunctionType) -> list[tuple[Label, Any]]:
        from enigma.callees import is_users

        code = function.__code__
        if not is_users(code):
            return []
        out = self.hold(label, "attributes", function)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        out += [(f"a default value of {label.removeprefix(OUTER)}", value) for value in defaults]
        mine = code in self.own.co_consts and not self.cells
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
            if not identical(held.now(), held.content):
                held.put(held.content)


def identical(a: Any, b: Any) -> bool:
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


class FragmentPart(int):
    """The number of a value of a fragment; equal for fragments whose elements lie alike only."""

    fragment: Fragment

    @staticmethod
    def of(fragment: Fragment, index: int) -> FragmentPart:
        out = FragmentPart(index)
        out.fragment = fragment
        return out

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FragmentPart)
            and int(self) == int(other)
            and self.fragment.arrangement == other.fragment.arrangement
        )

    __hash__ = int.__hash__


def parts_of(value: Any) -> dict[Any, Any] | None:
    """The elements of something that can be taken apart and put together."""
    if isinstance(value, (tuple, list)):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return value
    if type(value) is Fragment:
        return {FragmentPart.of(value, i): v for i, v in enumerate(value.values)}
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
    if type(like) is Fragment:
        return Fragment(tuple(parts.values()), like.arrangement)
    if isinstance(like, dict):
        out = copy.copy(like)
        out.update(parts)
        return out
    out = copy.copy(like)
    for key, value in parts.items():
        object.__setattr__(out, key, value)
    return out


def resolved(skeleton: Any, values: Any, made: dict[int, Any] | None = None) -> Any:
    """A structure with its values in place. With `made`, a skeleton that stands in several places gives one
    object, which is found there by the skeleton's identity."""
    if type(skeleton) is Pending:
        return values(skeleton)
    if type(skeleton) is Rebuilt:
        if made is None:
            return _resolved(skeleton, values, None)
        if id(skeleton) not in made:
            made[id(skeleton)] = _resolved(skeleton, values, made)
        return made[id(skeleton)]
    return skeleton


def _resolved(skeleton: Rebuilt, values: Any, made: dict[int, Any] | None) -> Any:
    parts = {k: resolved(v, values, made) for k, v in skeleton.parts.items()}
    same = all(parts[k] is v for k, v in (parts_of(skeleton.like) or {}).items())
    return skeleton.like if same and isinstance(skeleton.like, tuple) else _rebuilt(skeleton.like, parts)


class Rebuilt:
    """A structure with carried values in it."""

    __slots__ = ("like", "parts")

    def __init__(self, like: Any, parts: dict[Any, Any]) -> None:
        self.like, self.parts = like, parts


def named(value: Any, label: Label) -> Any:
    text = "".join(c if c.isalnum() or c == "_" else "_" for c in label).strip("_")
    return name_value(value, text) if text else value


def has_pending(skeleton: Any) -> bool:
    return type(skeleton) is Pending or (
        type(skeleton) is Rebuilt and any(map(has_pending, skeleton.parts.values()))
    )
