# SPDX-License-Identifier: MIT
"""The numbers of a kernel in plain Python: typed scalars and vectors with the rules of docs/types.md, written by hand.

    Value("u8", 200) + 100          # Value("u8", 44): a Python number takes the type it meets, integers wrap
    Value("i8", -1) + Value("u16", 2)   # Value("u16", 1)

A random kernel's text runs on them as it stands, in Python's own loops and branches. They hold Python's int, float and
bool; a float is rounded to its type after each operation.
"""

import math
import operator

import numpy as np

from elements import DTYPES, FLOATS, INTEGERS, bounds, rounded, rounded_integers, width, wrapped


class UnspecifiedError(Exception):
    """What Metal leaves open came up: nothing can be said of the rest of the program."""


def promoted(a, b):
    """The type in which values of two types meet."""
    if a == b:
        return "i32" if a == "b1" else a
    a, b = ("i32" if t == "b1" else t for t in (a, b))
    floats = {a, b} & set(FLOATS)
    if floats == {"f16", "bf16"}:
        raise TypeError("f16 and bf16")
    if floats:
        return "f32" if len(floats) == 2 else floats.pop()
    if width(a) != width(b):
        return max(a, b, key=width)
    return a if a[0] == "u" else b


def fitted(x, t):
    """A Python number or the outcome of an operation brought into a type: integers wrap, floats are rounded."""
    if t == "b1":
        return bool(x)
    if t in INTEGERS:
        return wrapped(int(x), t)
    if isinstance(x, int) and abs(x) >> 53:
        return float(rounded_integers([x], t)[0])
    if t == "f32":
        return float(np.float32(x))
    if t == "f16":
        return float(np.float16(x))
    return float(rounded(np.array([x], np.float64), t)[0])


def cast(x, t):
    """A conversion as the user writes it."""
    if isinstance(x, Vector):
        return Vector(tuple(cast(c, t) for c in x.items))
    v, source = (x.v, x.t) if isinstance(x, Value) else (x, "f32" if isinstance(x, float) else "i64")
    if source in FLOATS and t in INTEGERS:
        low, high = bounds(t)
        if not (math.isfinite(v) and low <= math.trunc(v) <= high):
            raise UnspecifiedError(f"{v} as {t}")
        return Value(t, math.trunc(v))
    return Value(t, v != 0) if t == "b1" else Value(t, fitted(v, t))


def assigned(t, x):
    """What a variable of type t holds after `name = x`: only a Python number may change its type."""
    if isinstance(x, (Value, Vector)):
        assert x.t == t, f"{x} for {t}"
        return x
    return Value(t, fitted(x, t))


def as_value(x, t):
    """An operand: a Python number takes the type of the other one, a float makes f32 of an integer."""
    if isinstance(x, Value):
        return x
    if t not in FLOATS:
        t = "f32" if isinstance(x, float) else "i32" if t == "b1" and not isinstance(x, bool) else t
    if t in INTEGERS:
        low, high = bounds(t)
        assert low <= x <= high, f"{x} in {t}"
    return Value(t, fitted(x, t))


def _divided(a, b):
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
COMPARE = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _binary(op, x, y):
    """x op y of scalars, at least one of them typed."""
    if not isinstance(x, Value):
        x = as_value(x, y.t)
    elif not isinstance(y, Value):
        y = as_value(y, x.t)
    if op in ("<<", ">>"):
        by = y.v % width(x.t)
        return Value(x.t, fitted(x.v << by if op == "<<" else x.v >> by, x.t))
    if op in BITS and x.t == y.t == "b1":
        return Value("b1", bool(BITS[op](x.v, y.v)))
    if op in ("==", "!=") and x.t == y.t == "b1":
        return Value("b1", COMPARE[op](x.v, y.v))
    t = promoted(x.t, y.t)
    a, b = x.v, y.v
    if op in COMPARE:
        if t in FLOATS:
            a, b = fitted(a, t), fitted(b, t)
        return Value("b1", COMPARE[op](a, b))
    if op == "/" and t not in FLOATS:
        t = "f32"
    a, b = fitted(a, t), fitted(b, t)
    if op in BITS:
        return Value(t, fitted(BITS[op](a, b), t))
    if op == "/":
        return Value(t, fitted(_divided(a, b), t))
    if op in ("//", "%"):
        assert t in INTEGERS
        if b == 0:
            raise UnspecifiedError(f"{a} {op} 0")
        return Value(t, fitted(a // b if op == "//" else a % b, t))
    if t in FLOATS and not (math.isfinite(a) and math.isfinite(b)):
        with np.errstate(all="ignore"):
            return Value(t, float(ARITHMETIC[op](np.float64(a), np.float64(b))))
    with np.errstate(over="ignore"):
        return Value(t, fitted(ARITHMETIC[op](a, b), t))


def each(function, *operands):
    """A function of scalars on scalars and vectors, a scalar meeting every component."""
    lengths = {len(x.items) for x in operands if isinstance(x, Vector)}
    if not lengths:
        return function(*operands)
    (n,) = lengths
    rows = [x.items if isinstance(x, Vector) else (x,) * n for x in operands]
    return Vector(tuple(function(*row) for row in zip(*rows, strict=True)))


class Operators:
    """Python's operators, of scalars and vectors alike."""

    __slots__ = ()
    __hash__ = None

    def __neg__(self):
        return each(lambda x: 0 - x if x.t not in FLOATS else Value(x.t, -x.v), self)

    def __pow__(self, n):
        return each(lambda x: Value(x.t, fitted(x.v**n, x.t)), self)

    def __invert__(self):
        return each(lambda x: Value(x.t, not x.v if x.t == "b1" else fitted(~x.v, x.t)), self)


def _define(name, op):
    def forward(self, other):
        return each(lambda x, y: _binary(op, x, y), self, other)

    def reflected(self, other):
        return each(lambda x, y: _binary(op, y, x), self, other)

    setattr(Operators, f"__{name}__", forward)
    if op not in COMPARE:
        setattr(Operators, f"__r{name}__", reflected)


for _name, _op in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "and": "&", "or": "|", "xor": "^",
    "lshift": "<<", "rshift": ">>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
}.items():  # fmt: skip
    _define(_name, _op)


class Value(Operators):
    __slots__ = ("t", "v")

    def __init__(self, t, v):
        self.t, self.v = t, v

    def __repr__(self):
        return f"{self.t}({self.v})"

    def __bool__(self):
        assert self.t == "b1", f"{self} decides"
        return self.v

    def __index__(self):
        assert self.t in INTEGERS, f"{self} counts"
        return self.v


class Vector(Operators):
    """An immutable vector; `put` gives one with other components."""

    __slots__ = ("items",)

    def __init__(self, items):
        self.items = items

    @property
    def t(self):
        return f"{self.items[0].t}x{len(self.items)}"

    def __repr__(self):
        return f"{self.t}{self.items}"

    def __getattr__(self, letters):
        if not set(letters) <= set("xyzw"):
            raise AttributeError(letters)
        found = tuple(self.items["xyzw".index(c)] for c in letters)
        return found[0] if len(found) == 1 else Vector(found)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, i):
        """A traced position past the end is that of the last component."""
        k, n = operator.index(i), len(self.items)
        return self.items[k if -n <= k < n and not isinstance(i, Value) else k if 0 <= k < n else n - 1]

    def put(self, where, value):
        items = list(self.items)
        if isinstance(where, str):
            for k, letter in enumerate(where):
                items["xyzw".index(letter)] = value.items[k] if isinstance(value, Vector) else value
        else:
            items[operator.index(where)] = value
        t = self.items[0].t
        return Vector(tuple(cast(x, t) for x in items))


class Memory:
    """A row of elements that a store converts to; memory may be shared by several."""

    def __init__(self, t, items):
        self.t, self.items = t, items

    def at(self, k):
        k = operator.index(k)
        assert 0 <= k < len(self.items), f"[{k}] of {len(self.items)}"
        return k

    def __getitem__(self, k):
        return self.items[self.at(k)]

    def __setitem__(self, k, value):
        if isinstance(value, Vector):
            assert value.t == self.t
            self.items[self.at(k)] = value
            return
        source = value.t if isinstance(value, Value) else None
        assert not (source in FLOATS and self.t in INTEGERS), f"{value} stored as {self.t}"
        self.items[self.at(k)] = cast(value, self.t)


class Row:
    """A Python list or object of a kernel: its elements are variables."""

    def __init__(self, *items):
        self.items = list(items)

    def __getitem__(self, k):
        return self.items[k]

    def __setitem__(self, k, value):
        self.items[k] = assigned(self.items[k].t, value)

    def __iter__(self):
        return iter(self.items)


class Thing:
    """As Row, by attributes."""

    def __init__(self, x, y):
        self.__dict__.update(x=x, y=y)

    def __setattr__(self, name, value):
        self.__dict__[name] = assigned(self.__dict__[name].t, value)


# ---- Functions


def typed(function):
    """A function of operands that first come to one type."""

    def call(*operands):
        def scalar(*row):
            t = None
            for x in row:
                if isinstance(x, Value):
                    t = x.t if t is None or t == x.t else promoted(t, x.t)
            row = [as_value(x, t) for x in row]
            for x in row:
                t = x.t if t == x.t else promoted(t, x.t)
            return Value(t, fitted(function(t, *(fitted(x.v, t) for x in row)), t))

        return each(scalar, *operands)

    return call


def _extreme(pick):
    def call(t, x, y):
        if t not in FLOATS:
            return pick(x, y)
        if math.isnan(x) or math.isnan(y):
            return y if math.isnan(x) else x
        if x == y == 0 and math.copysign(1, x) != math.copysign(1, y):
            raise UnspecifiedError("which zero is the smaller one")
        return pick(x, y)

    return call


def _signed_zero(function):
    return lambda t, x: x if not math.isfinite(x) else math.copysign(function(x), x)


def _saturated(x, t):
    low, high = bounds(t)
    return min(max(x, low), high)


def select(condition, x, y):
    if isinstance(x, Value) or isinstance(y, Value):
        t = x.t if isinstance(x, Value) else y.t
        x, y = as_value(x, t), as_value(y, t)
        assert x.t == y.t
    return each(lambda c, a, b: a if c else b, condition, x, y)


def load_if(memory, k, mask):
    if mask:
        return memory[k]
    e, _, n = memory.t.partition("x")
    zero = Value(e, fitted(0, e))
    return Vector((zero,) * int(n)) if n else zero


def store_if(memory, k, x, mask):
    if mask:
        memory[k] = x


def make(t, *parts):
    items = [c for p in parts for c in (p.items if isinstance(p, Vector) else [p])]
    return Vector(tuple(cast(c, t) for c in items))


def _bits(x, t):
    return x & ((1 << width(t)) - 1)


FUNCTIONS = {
    "absolute": typed(lambda t, x: abs(x)),
    "least": typed(_extreme(min)),
    "most": typed(_extreme(max)),
    "floor": typed(_signed_zero(math.floor)),
    "ceil": typed(_signed_zero(math.ceil)),
    "trunc": typed(_signed_zero(math.trunc)),
    "rint": typed(_signed_zero(round)),
    "add_sat": typed(lambda t, x, y: _saturated(x + y, t)),
    "sub_sat": typed(lambda t, x, y: _saturated(x - y, t)),
    "mul_hi": typed(lambda t, x, y: x * y >> width(t)),
    "hadd": typed(lambda t, x, y: x + y >> 1),
    "rhadd": typed(lambda t, x, y: x + y + 1 >> 1),
    "popcount": typed(lambda t, x: _bits(x, t).bit_count()),
    "clz": typed(lambda t, x: width(t) - _bits(x, t).bit_length()),
    "isnan": lambda x: each(lambda c: Value("b1", math.isnan(c.v)), x),
    "some": lambda x: Value("b1", any(c.v for c in x.items)),
    "every": lambda x: Value("b1", all(c.v for c in x.items)),
    "select_": select,
    "where": lambda y, x, condition: select(condition, x, y),
    "load_if": load_if,
    "store_if": store_if,
    "row": Row,
    "thing": Thing,
    **{t: (lambda x, t=t: cast(x, t)) for t in DTYPES},
    **{
        f"{t}x{n}": (lambda *parts, t=t, n=n: make(t, *(parts * n if len(parts) == 1 and not isinstance(parts[0], Vector) else parts)))
        for t in DTYPES if t != "b1" for n in (2, 3, 4)
    },
}  # fmt: skip


def counted(dtype=None):
    """range() and enigma.range() of a kernel: of traced bounds, or with a type of its own, the position is a value."""

    def call(*bounds, dtype=dtype):
        t = dtype or ("i32" if any(isinstance(b, Value) for b in bounds) else None)
        whole = [operator.index(b) for b in bounds]
        if len(whole) == 3 and whole[2] == 0:
            return []
        return [Value(t, k) for k in range(*whole)] if t else range(*whole)

    return call
