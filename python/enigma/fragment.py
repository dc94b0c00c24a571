# SPDX-License-Identifier: MIT
"""Fragments: the elements of a tile that one thread holds, as values.

x = tile.load()                        # of shape (4, 4)
y = x * 2.0 + tile2.load()             # elementwise; numbers and values go with every element
total = y.reduce("add")                # one value

A fragment keeps its elements in the vectors that were loaded, and computes with those where both operands lie
alike.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from enigma import functions as _functions
from enigma._enigma import (
    Arrangement,
    GridPosition,
    Value,
    fail,
    flow,
    fragment_full,
    fragment_of,
    fragment_scalars,
    set_fragment_type,
)

NUMBERS = (Value, GridPosition, int, float)
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "mul": operator.mul,
    "min": lambda a, b: _functions.min(a, b),
    "max": lambda a, b: _functions.max(a, b),
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}
"""What `reduce` knows by name."""


class Fragment:
    """Elements of a tile, from `Tensor.load()`. Immutable: arithmetic makes new ones.

    `+ - * / // % **`, comparisons, `& | ^ ~`, unary minus and abs work element by element, with a fragment
    of the same shape or a number. `fragment[i]` is element i, counted with the first mode fastest, or the one
    at a coordinate.
    """

    __slots__ = ("arrangement", "values")

    values: tuple[Value, ...]
    arrangement: Arrangement

    def __init__(self, values: tuple[Value, ...], arrangement: Arrangement) -> None:
        self.values = values
        self.arrangement = arrangement

    @property
    def shape(self) -> Any:
        """The shape of the tile."""
        return self.arrangement.shape

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.arrangement.size

    @property
    def dtype(self) -> Any:
        """The element type."""
        return flow.type_of(self.values[0]).dtype

    def scalars(self) -> tuple[Value, ...]:
        """Every element as a value, the first mode fastest."""
        return fragment_scalars(self.values, self.arrangement)

    def reshape(self, shape: Any) -> Fragment:
        """The same elements in another shape of as many, both counted with the first mode fastest."""
        arrangement = Arrangement.scalars(shape)
        if arrangement.size != self.size:
            fail(f"reshape: {self.size} elements do not have the shape {shape}, of {arrangement.size}")
        return Fragment(self.scalars(), arrangement)

    def unpacked(self) -> Fragment:
        return Fragment(self.scalars(), Arrangement.scalars(self.shape))

    def map(self, function: Callable[..., Any]) -> Fragment:
        """The function of each element, for functions that work on vectors too."""
        return Fragment(tuple(map(function, self.values)), self.arrangement)

    def to(self, dtype: Any) -> Fragment:
        """The elements converted to a type."""
        return self.map(lambda v: _functions.metal_cast(v, dtype))

    def reduce(self, op: Any = "add", init: Any = None) -> Any:
        """All elements combined to one value.

        op: "add", "mul", "min", "max", "and", "or", "xor", or a function of two values.
        init: combined with the result.
        The order is fixed, and not that of the elements: floats may round differently from a loop's.
        """
        function = OPERATIONS.get(op) if isinstance(op, str) else op
        if function is None or not callable(function):
            fail(
                f"reduce: no operation {op!r}", [f"the operations are {', '.join(OPERATIONS)}, or a function"]
            )
        values = list(self.values)
        if isinstance(op, str) and len({str(flow.type_of(v)) for v in values}) == 1 and self._is_full():
            whole = values[0]
            for value in values[1:]:
                whole = function(whole, value)
            parts = list(fragment_scalars((whole,), Arrangement.lanes(self.size // len(values))))
        else:
            parts = list(self.scalars())
        out = parts[0]
        for part in parts[1:]:
            out = function(out, part)
        return out if init is None else function(init, out)

    def _is_full(self) -> bool:
        """Whether each component of each value is one element."""
        kind = str(flow.type_of(self.values[0]))
        return len(self.values) * int(kind.partition("x")[2] or 1) == self.size

    def __getitem__(self, coord: Any) -> Any:
        from enigma.layout import Layout, crd2idx

        index = coord
        if isinstance(coord, tuple):
            index = crd2idx(coord, Layout(self.shape))
        if type(index) is not int:
            fail(
                f"a fragment's elements are chosen by constants, got {type(index).__name__}",
                ["each element is a register; write it to memory to choose by a traced index"],
            )
        if not -self.size <= index < self.size:
            raise IndexError(f"element {index} of a fragment of {self.size}")
        return self.scalars()[index] if self.size > 1 or len(self.values) > 1 else self.values[0]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Any:
        return iter(self.scalars())

    def __bool__(self) -> bool:
        fail(
            "a fragment has no truth: its elements differ from thread to thread",
            ["use enigma.select_(f, a, b)"],
        )

    def __repr__(self) -> str:
        return f"<fragment {self.shape} of {self.dtype.name}>"

    __hash__ = None  # type: ignore[assignment]


def full_like(fragment: Fragment, number: float | int | bool) -> Fragment:
    """A fragment of the same shape, type and arrangement with one number everywhere."""
    return Fragment(fragment_full(fragment.values, number), fragment.arrangement)


def make_fragment(elements: Any, shape: Any) -> Fragment:
    """A fragment of elements that are computed one by one, the first mode of the shape fastest.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(X: enigma.f32):
    ...     x = enigma.make_fragment([X[1], X[0]], (2,))
    ...     X[2] = (x * 2.0).reduce("max")
    >>> enigma.compile(k).outputs
    ['X']
    """
    values = tuple(elements)
    arrangement = Arrangement.scalars(shape)
    if arrangement.size != len(values):
        fail(f"make_fragment: the shape {shape} has {arrangement.size} elements, got {len(values)}")
    return Fragment(values, arrangement)


def full(shape: Any, number: float | int | bool, dtype: Any) -> Fragment:
    """A fragment of a shape with one number everywhere, to start a sum from."""
    return Fragment(*fragment_of(shape, number, dtype))


def as_fragment(what: str, x: Any) -> Fragment:
    if isinstance(x, Fragment):
        return x
    load = getattr(x, "load", None)
    if load is not None:
        fragment: Fragment = load()
        return fragment
    raise TypeError(f"{what}: needs a tensor or a fragment, got {type(x).__name__}")


def _modes(shape: Any) -> Any:
    return shape if isinstance(shape, tuple) else (shape,)


def elementwise(what: str, function: Callable[..., Any], *operands: Any) -> Fragment:
    """The function of each element of the fragments, and of the numbers beside them."""
    fragments = [x for x in operands if isinstance(x, Fragment)]
    like = fragments[0]
    for other in fragments[1:]:
        if _modes(other.shape) != _modes(like.shape):
            fail(
                f"{what}: the fragments have the shapes {like.shape} and {other.shape}",
                ["elementwise operations take fragments of one shape, and numbers"],
            )
    if any(f.arrangement != like.arrangement for f in fragments):
        operands = tuple(x.unpacked() if isinstance(x, Fragment) else x for x in operands)
        like = next(x for x in operands if isinstance(x, Fragment))
    columns = [x.values if isinstance(x, Fragment) else (x,) * len(like.values) for x in operands]
    return Fragment(tuple(map(function, *columns)), like.arrangement)


def _binary(symbol: str, function: Callable[[Any, Any], Any], reflected: bool = False) -> Any:
    def method(self: Fragment, other: Any) -> Any:
        if not isinstance(other, (Fragment, *NUMBERS)):
            return NotImplemented
        return elementwise(symbol, function, *((other, self) if reflected else (self, other)))

    return method


for _name, _symbol in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}.items():  # fmt: skip
    _function = getattr(operator, f"__{_name}__")
    setattr(Fragment, f"__{_name}__", _binary(_symbol, _function))
    setattr(Fragment, f"__r{_name}__", _binary(_symbol, _function, reflected=True))
for _name, _symbol in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}.items():
    setattr(Fragment, f"__{_name}__", _binary(_symbol, getattr(operator, _name)))


def _unary(function: Callable[[Any], Any]) -> Any:
    return lambda self: self.map(function)


for _name in ("neg", "pos", "abs", "invert"):
    setattr(Fragment, f"__{_name}__", _unary(getattr(operator, _name)))
set_fragment_type(Fragment)
