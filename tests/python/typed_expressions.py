# SPDX-License-Identifier: MIT
"""Random expressions for typed_programs.py: the text of a value of a wanted type.

    Expressions(seed).value("u8", 2)        # "((b * 3) + u8(B0[t % 16]))"

A value is made for the type that it shall have, so that each program is legal and each variable keeps its type. What
Metal leaves open is guarded: divisors are not 0, and a float is clamped before it becomes an integer.
"""

import random

from elements import FLOATS, INTEGERS, SIGNED, bounds, width
from typed_values import promoted

SLOTS = 64
COUNTERS = ["add", "max", "min", "or", "and", "xor"]
"""The one atomic operation on element k of Z and of S: so the order of the threads makes no difference."""
LANES = ["max", "min", "first", "shuffle", "flipped"]
LANES_OF_INTEGERS = [*LANES, "sum", "or", "and", "xor", "before", "through", "quad_sum", "quad_max"]
VOTES = ["any", "all", "quad_any", "quad_all"]


class Expressions:
    """What computes a value of a type: `value("u8", 2)` is a text."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names, self.types = {}, {}  # variable: type, of those that are bound here, and of all
        self.weak = []  # names that hold small Python integers
        self.memory = {}
        self.elements = {}  # texts of elements of lists and objects: type
        self.helpers = {}  # name: (types of the parameters, result)
        self.lanes = self.sees_tile = self.tame = False
        self.positions = []
        self.counters = 0

    def new(self, prefix):
        self.counters += 1
        return f"{prefix}{self.counters}"

    def declare(self, name, t):
        self.names[name] = self.types[name] = t

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, p):
        return self.random.random() < p

    def of_type(self, t):
        found = [name for name, other in {**self.names, **self.elements}.items() if other == t]
        for name, other in self.memory.items():
            if other != t:
                continue
            if name[0] == "B":
                found.append(f"{name}[{self.index(16 if 'x' not in t else 8)}]")
            elif name[0] in "WV":
                found.append(f"{name}[t * 2 + {self.pick('0', '1', self.index(2))}]")
            elif name == "T" and self.sees_tile:
                found += [f"T[lid ^ {self.pick('1', '5', '40')}]", f"T[{self.index(SLOTS)}]"]
            elif name == "S" and self.sees_tile:
                found.append(f"S[{self.random.randrange(len(COUNTERS))}]")
            elif name == "r":
                found.append(f"r[{self.pick('0', '3', self.index(4))}]")
        return found

    def index(self, n):
        t = self.pick(*[t for t in self.scalars if t in INTEGERS])
        texts = [x for x, other in self.names.items() if other == t]
        if self.weak and self.chance(0.2) and n > 4:
            return self.pick(*self.weak)
        if not texts or self.chance(0.3):
            texts, t = ["t", "lid"], "i32"
        x = self.pick(*texts)
        if n & (n - 1) == 0 and self.chance(0.3):
            return f"({x} & {n - 1})"
        return f"{x} % {n}" if n <= bounds(t)[1] else f"i32({x}) % {n}"

    def literal(self, t):
        """A Python number that fits the type."""
        if t in FLOATS:
            return self.pick("0.5", "2.0", "1", "3", "0.25", "1.5", "-2.0", "-0.75", "0.0")
        if t == "b1":
            return self.pick("True", "False")
        low, high = bounds(t)
        edge = [low, high, high - 1, high >> 1] if self.chance(0.15) else [0, 1, 2, 3, 5, 7]
        if low < 0:
            edge += [-1, -2, -3, -7]
        return str(self.pick(*edge))

    def typed_literal(self, t):
        x = self.literal(t)
        return f"{t}({x})" if "x" not in t else x

    def atom(self, t):
        if "x" in t:
            e, n = t.split("x")
            return self.pick(*(self.of_type(t) or [f"{t}({', '.join(self.atom(e) for _ in range(int(n)))})"]))
        found = self.of_type(t)
        if t == "i32":
            found += ["t", "lid", "n", "u", "w", *self.positions]
        for name, other in self.names.items():
            if "x" in other and other.split("x")[0] == t:
                found += [
                    f"{name}.{self.pick(*'xyzw'[: int(other[-1])])}",
                    f"{name}[{self.pick('0', '-1', self.index(2))}]",
                ]
        if t == "b1":
            found.append(f"({self.atom('i32')} {self.pick('<', '==', '>')} {self.atom('i32')})")
        if not found or self.chance(0.1):
            return self.typed_literal(t)
        return self.pick(*found)

    def meeting(self, t):
        """Two types whose values meet in t."""
        if self.chance(0.6):
            return t, t
        pairs = []
        for a in self.scalars:
            for b in self.scalars:
                try:
                    if promoted(a, b) == t and not a == b == "b1":
                        pairs.append((a, b))
                except TypeError:
                    pass
        return self.pick(*pairs) if pairs else (t, t)

    def converted(self, t, depth):
        a = self.pick(*self.scalars)
        x = self.value(a, depth)
        if a in FLOATS and t in INTEGERS:
            low, high = (0, 100) if t[0] == "u" else (-100, 100)
            return f"{t}(most(least({x} + 0.0, {high}.0), {low}.0))"
        return f"{t}({x})"

    def value(self, t, depth=2):
        if depth <= 0 or self.chance(0.2):
            return self.atom(t)
        if t == "b1":
            return f"({self.condition(depth)})"
        if "x" in t:
            return self.vector(t, depth)
        kind = self.random.randint(0, 19)
        if kind < 7:
            return self.arithmetic(t, depth)
        if kind == 5 and t in INTEGERS and self.chance(0.3):
            return f"({self.value(t, depth - 1)} ** {self.pick('2', '3', '5')})"
        if kind == 7:
            return (
                f"({self.value(t, depth - 1)} if {self.condition(depth - 1)} else {self.value(t, depth - 1)})"
            )
        if kind == 8:
            c, x, y = (
                self.condition(depth - 1),
                self.value(t, depth - 1),
                self.pick(self.value(t, depth - 1), self.literal(t)),
            )
            return f"select_({c}, {x}, {y})" if self.chance(0.6) else f"where({y}, {x}, {c})"
        if kind in (9, 10):
            return self.converted(t, depth - 1)
        if kind == 11:
            return f"({self.pick('-', '-', '~' if t in INTEGERS else '-')}{self.value(t, depth - 1)})"
        if kind in (12, 13):
            return self.function(t, depth)
        if kind in (14, 15) and self.helpers:
            names = [name for name, (_, result) in self.helpers.items() if result == t]
            if names:
                name = self.pick(*names)
                return f"{name}({', '.join(self.value(a, depth - 1) for a in self.helpers[name][0])})"
        if kind in (16, 17, 18) and self.lanes:
            return self.among_lanes(t, self.value(t, depth - 1))
        return self.arithmetic(t, depth)

    def among_lanes(self, t, x):
        name = self.pick(*(LANES if t in FLOATS else LANES_OF_INTEGERS))
        if t in FLOATS and name in ("max", "min"):
            x = f"{x} + 0.0"  # zeros of one sign
        if name == "shuffle":
            return f"lane('shuffle', {x}, (t + {self.pick('a', 'g', 'u', '3')}) % 32)"
        if name == "flipped":
            return f"lane('flipped', {x}, {self.pick('1', '2', '7', '16')})"
        return f"lane('{name}', {x})"

    def arithmetic(self, t, depth):
        a, b = self.meeting(t)
        if t == "i32" and self.chance(0.08):
            a = b = "b1"
        x, y = self.value(a, depth - 1), self.value(b, depth - 1)
        whole = t in INTEGERS
        op = (
            self.pick(*"+-*")
            if a == b == "b1" or not whole
            else self.pick(*"+-*+-*&|^", "<<", ">>", "//", "%")
        )
        if t == "f32" and self.chance(0.1):
            x, y = self.value(self.pick(*[s for s in self.scalars if s in INTEGERS]), depth - 1), "0.5"
        elif self.chance(0.3) and a == t:
            y = self.pick(self.literal(t), *self.weak)
            if self.chance(0.3):
                x, y = y, x
                op = self.pick(*"+-*")
        if op in ("<<", ">>"):
            x = self.value(t, depth - 1)
            y = self.pick(
                "1",
                "3",
                str(width(t)),
                str(width(t) + 2),
                self.value(self.pick(*[s for s in self.scalars if s in INTEGERS]), depth - 1),
            )
        if op in ("//", "%"):
            x, b = self.value(t, depth - 1), t
            y = self.pick(
                "2",
                "3",
                "7",
                f"({y} | 1)" if not y.lstrip("-").isdigit() and b in INTEGERS else "5",
                "-3" if t in SIGNED else "4",
            )
            if self.chance(0.15):
                d = self.atom(t)
                return (
                    f"({x} {op} {d} if {d} != 0 else {self.value(t, 0)})"
                    if self.chance(0.5)
                    else f"select_({d} == 0, {self.value(t, 0)}, {x} {op} ({d} | {t}({d} == 0)))"
                )
        if t in FLOATS and self.chance(0.1):
            op = "/"
        if self.tame and t in INTEGERS and op in "+-*":
            return f"(({x} {op} {y}) % 97)"  # conditions hold as often as not
        return f"({x} {op} {y})"

    def function(self, t, depth):
        if t in INTEGERS:
            one, two = (
                ["absolute", "popcount", "clz"],
                ["least", "most", "add_sat", "sub_sat", "mul_hi", "hadd", "rhadd"],
            )
        else:
            one, two = ["absolute", "floor", "ceil", "trunc", "rint"], ["least", "most"]
        if self.chance(0.5):
            return f"{self.pick(*one)}({self.value(t, depth - 1)})"
        zero = " + 0.0" if t in FLOATS else ""
        return f"{self.pick(*two)}({self.value(t, depth - 1)}{zero}, {self.value(t, depth - 1)}{zero})"

    def vector(self, t, depth):
        e, n = t.split("x")
        n = int(n)
        kind = self.random.randint(0, 9)
        x = self.value(t, depth - 1)
        if kind == 0 and x.isidentifier():
            return f"{x}.{''.join(self.pick(*'xyzw'[:n]) for _ in range(n))}"
        if kind == 1:
            return f"{t}({', '.join(self.value(e, depth - 1) for _ in range(n))})"
        if kind == 2:
            return f"{t}({self.value(e, depth - 1)})"
        if kind == 3:
            return f"({x} if {self.condition(depth - 1)} else {self.value(t, depth - 1)})"
        if kind == 4:
            return f"select_({x} {self.pick('<', '>=', '==')} {self.value(t, 0)}, {self.value(t, 0)}, {self.value(t, 0)})"
        op = self.pick(*"+-*&|^", "<<", ">>") if e in INTEGERS else self.pick(*"+-*")
        y = self.pick(self.value(t, depth - 1), self.literal(e), self.value(e, depth - 1))
        return f"({x} {op} {y})"

    def condition(self, depth=1):
        kind = self.random.randint(0, 13) if depth > 0 else self.random.randint(0, 4)
        if kind < 4:
            a, b = self.meeting(self.pick(*[t for t in self.scalars if t != "b1"]))
            y = self.literal(a) if self.chance(0.3) and a != "b1" else self.value(b, depth - 1)
            return f"{self.value(a, depth - 1)} {self.pick('<', '>', '==', '!=', '<=', '>=')} {y}"
        if kind == 4:
            return self.atom("b1")
        if kind < 8:
            word = self.pick("and", "or")
            return f"({self.condition(depth - 1)} {word} {self.condition(depth - 1)})"
        if kind == 8:
            return f"not ({self.condition(depth - 1)})"
        if kind == 9:
            return f"(({self.condition(depth - 1)}) {self.pick(*'&|^')} ({self.condition(depth - 1)}))"
        if kind == 10 and self.lanes:
            return f"lane('{self.pick(*VOTES)}', b1({self.condition(depth - 1)}))"
        vectors = [t for t in self.names.values() if "x" in t]
        if kind == 11 and vectors:
            t = self.pick(*vectors)
            return f"{self.pick('some', 'every')}({self.value(t, depth - 1)} {self.pick('<', '!=', '>=')} {self.value(t, 0)})"
        floats = [t for t in self.scalars if t in FLOATS]
        if kind == 12 and floats:
            return f"isnan({self.value(self.pick(*floats), depth - 1)})"
        t = self.pick("i32", *[t for t in self.scalars if t != "b1"])
        return f"{self.atom(t)} < {self.value(t, depth - 1)} <= {self.atom(t)}"
