# SPDX-License-Identifier: MIT
"""Random statements for typed_programs.py: assignments in all forms, branches and loops in all forms, jumps.

    Statements(seed).statement(depth=2, indent=1, loop=False)      # lines of text

A name keeps its type. Names that are bound in a block are used behind it only where Python has them for certain.
"""

from elements import INTEGERS, width
from typed_expressions import COUNTERS, Expressions


class Statements(Expressions):
    """Where threads may differ. A statement is a list of lines."""

    leaves = False  # whether single threads may return
    bare = False  # within a `with`, which `break` and `return` cannot leave

    def __init__(self, seed):
        super().__init__(seed)
        self.out = ()  # the types of what the function returns

    def block(self, depth, indent, loop):
        known = dict(self.names)
        lines = [s for _ in range(self.random.randint(1, 3)) for s in self.statement(depth, indent, loop)]
        self.names = known
        return lines

    def assignable(self):
        return [name for name in self.names if not name.startswith("_")]

    def target(self, t):
        found = [name for name in self.assignable() if self.names[name] == t]
        found += [x for x, other in self.elements.items() if other == t]
        for name, other in self.memory.items():
            if other == t and name[0] in "WV":
                found.append(f"{name}[t * 2 + {self.pick('0', '1', self.index(2))}]")
            if other == t and name == "r":
                found.append(f"r[{self.pick('2', self.index(4))}]")
        return self.pick(*found) if found else None

    def assignment(self, pad):
        kind = self.random.randint(0, 10)
        x = self.pick(*self.assignable())
        t = self.names[x]
        if kind < 3:
            return f"{pad}{x} = {self.value(t)}"
        if kind == 3:
            a, b = self.target(t), self.target(t)
            if self.names.get(a) == t and "[" not in b + a:
                return f"{pad}{a}, {b} = {b}, {a}"
            return f"{pad}{a} = {b}"
        if kind == 4 and self.chance(0.2):
            same = [y for y in self.assignable() if self.names[y] == t]
            return f"{pad}{x} = {self.pick(*same)} = {self.value(t, 1)}"
        if kind == 5 and self.chance(0.2):  # what no thread may touch
            found = [m for m, other in self.memory.items() if m[0] == "B" and other == t]
            if found:
                k, i, mask = self.new("_k"), self.value("i32", 1), self.condition(1)
                return f"{pad}{k} = {i}\n{pad}{x} = load_if({self.pick(*found)}, {k}, b1(0 <= {k} < {16 if 'x' not in t else 8} and {mask}))"
        if kind == 5 and self.chance(0.3):
            memory = [m for m, other in self.memory.items() if m[0] in "WV" and other in self.scalars]
            if memory:
                m, k = self.pick(*memory), self.new("_k")
                known = self.value(self.memory[m], 1)
                return f"{pad}{k} = {self.value('i32', 1)}\n{pad}store_if({m}, t * 2 + {k}, {known}, b1({k} >= 0 and {k} < 2))"
        if kind == 4 and t not in ("b1",):
            target = self.target(t)
            op = self.pick(*"+-*", *("&|^" if t.split("x")[0] in INTEGERS else ""))
            return f"{pad}{target} {op}= {self.pick(self.value(t, 1), self.literal(t.split('x')[0]))}"
        if kind == 5:
            s = self.pick(*self.scalars)
            if target := self.target(s):
                return f"{pad}{target} = {self.value(s)}"
        if kind == 6 and t in INTEGERS:
            memory = [m for m, other in self.memory.items() if m[0] in "WV" and other in INTEGERS]
            if memory:
                m = self.pick(*memory)
                return f"{pad}{m}[t * 2 + {self.index(2)}] = {self.value(t, 1)}"
        if kind == 7:
            s = self.pick(*self.scalars)
            a, b = self.target(s), self.target(t)
            if a:
                return f"{pad}{a}, {b} = {self.value(s, 1)}, {self.value(t, 1)}"
        vectors = [name for name in self.assignable() if "x" in self.names[name]]
        if kind >= 8 and vectors:
            x = self.pick(*vectors)
            e, n = self.names[x].split("x")
            letters = self.random.sample("xyzw"[: int(n)], 2)
            other = [y for y in vectors if self.names[y] == self.names[x]]
            k = self.random.randint(0, 4)
            if k == 0:
                return f"{pad}{x}.{letters[0]}, {x}.{letters[1]} = {x}.{letters[1]}, {self.pick(*other)}.{letters[0]}"
            if k == 1:
                return f"{pad}{x}.{''.join(letters)} = {self.pick(*other)}.{letters[1]}{letters[1]}"
            if k == 2:
                return f"{pad}{x}.{letters[0]} {self.pick('+', '-', '*')}= {self.value(e, 1)}"
            return f"{pad}{x}.{letters[0]} = {self.value(e)}"
        return f"{pad}{x} = {self.value(t)}"

    def arms(self, pad, depth, indent, condition, block):
        if self.chance(0.15) and not self.lanes:
            bare, self.bare = self.bare, True
            lines = [f"{pad}with if_({self.condition(1)}):", *block(depth - 1, indent + 1)]
            if self.chance(0.5):
                lines += [f"{pad}with else_():", *block(depth - 1, indent + 1)]
            self.bare = bare
            return lines
        first = condition()
        if self.chance(0.1):
            t = self.pick(*[t for t in self.scalars if t != "b1"]) if not self.lanes else "i32"
            first = f"({self.new('_k')} := {self.value(t, 1) if not self.lanes else self.pick('n', 'u')}) < {self.atom(t) if not self.lanes else 'w'}"
        lines = [f"{pad}if {first}:", *block(depth - 1, indent + 1)]
        if self.chance(0.3):
            lines += [f"{pad}elif {condition()}:", *block(depth - 1, indent + 1)]
        if self.chance(0.5):
            lines += [f"{pad}else:", *block(depth - 1, indent + 1)]
        return lines

    def returned(self):
        return "return " + ", ".join(self.value(t, 1) for t in self.out) + ("," if len(self.out) == 1 else "")

    def rounds(self):
        """Bounds of a loop, at least one of them traced."""
        small = self.pick(*[t for t in self.scalars if t in INTEGERS and width(t) <= 32])
        x = self.atom(small)
        return self.pick(
            "n",
            "t % 5",
            "1, n",
            "n, 0, -1",
            "0, 7, 1 + t % 3",
            "6, t % 4, -2",
            f"{x} % 4",
            f"0, i32({x}) % 5",
            f"-2, {x} & 3",
        )

    def counting(self, pad, depth, indent):
        kind = self.random.randint(0, 9)
        before, endless = [], []
        if kind < 5:
            name = self.pick("a", "g", self.new("i_"))
            head = f"{pad}for {name} in {self.pick('range', 'loop')}({self.rounds()}):"
            t = "i32"
        elif kind == 5:
            name, t = self.new("i_"), self.pick("u8", "i16", "u32", "i64", "i8")
            head = f"{pad}for {name} in loop({self.pick('3', '1, 6, 2', f'{t}(n)')}, dtype='{t}'):"
        elif kind == 6:
            name, t = self.new("k_"), None
            head = f"{pad}for {name} in range({self.pick('3', '1, 5, 3', '2')}):"
        elif kind == 7 and not self.lanes:
            name, t = self.new("i_"), "i32"
            head = f"{pad}with for_range(0, {self.pick('n', 't % 4', '3')}) as {name}:"
        else:
            name, t = self.new("_q"), self.pick(*[s for s in self.scalars if s in INTEGERS])
            before = [f"{pad}{name} = {t}({self.pick('0', 't % 3')})"]
            condition = self.condition(1) if self.chance(0.4) else None
            test = f"{name} < {self.pick('3', f'{t}(n)', f'{t}(t % 5)')}" + (
                f" and {condition}" if condition else ""
            )
            head = f"{pad}while {test}:"
            if self.chance(0.2):
                endless = [f"{pad}    if not ({test}):", f"{pad}        break"]
                head = f"{pad}while True:"
            elif self.chance(0.2) and not self.lanes and not condition:
                head = f"{pad}with while_(lambda: {test}):"
        known, weak = dict(self.names), list(self.weak)
        inside = "with" in head
        if t is None:
            self.weak.append(name)
        else:
            self.declare(name, t)
        bare, self.bare = self.bare, self.bare or inside
        lines = [*before, head, *endless]
        if name.startswith("_q"):
            lines.append(f"{pad}    {name} += {self.pick('1', '1', '2')}")
        lines += self.block(depth - 1, indent + 1, not inside)
        self.names, self.weak, self.bare = known, weak, bare
        if name.startswith("_q"):
            self.declare(name, t)
        if self.chance(0.25) and not inside:
            lines += [f"{pad}else:", *self.block(depth - 1, indent + 1, False)]
        return lines

    def accumulated(self, pad, depth, indent):
        """A Python number that takes the type that a loop or branch gives it."""
        name, t = self.new("z_"), self.pick(*[t for t in self.scalars if t != "b1"])
        start = self.pick("0", "1") if t in INTEGERS else self.pick("0", "0.0", "1.5")
        lines = [f"{pad}{name} = {start}"]
        kind = self.random.randint(0, 2)
        if kind == 0:
            lines += [f"{pad}for {self.new('i_')} in loop({self.pick('n', 't % 4', '3')}):"]
            lines += [f"{pad}    {name} = {name} {self.pick('+', '-', '*')} {self.value(t, 1)}"]
        elif kind == 1:
            lines += [f"{pad}if {self.condition()}:", f"{pad}    {name} = {self.value(t, 1)}"]
        else:
            lines += [f"{pad}if {self.condition()}:", f"{pad}    {name} += {self.value(t, 1)}"]
            lines += [f"{pad}else:", f"{pad}    {name} -= {self.value(t, 1)}"]
        self.declare(name, t)
        return lines

    def born(self, pad, depth, indent):
        """A name that both arms bind for the first time."""
        name, t = self.new("z_"), self.pick(*self.scalars)
        leaves, self.leaves = (
            self.leaves,
            False,
        )  # behind a return deeper inside it would count as bound in one arm
        lines = [
            f"{pad}if {self.condition()}:",
            *(self.block(depth - 1, indent + 1, False) if self.chance(0.4) else []),
        ]
        self.leaves = leaves
        lines += [f"{pad}    {name} = {self.value(t)}", f"{pad}else:", f"{pad}    {name} = {self.value(t)}"]
        self.declare(name, t)
        return lines

    def statement(self, depth, indent, loop):
        pad, kind = "    " * indent, self.random.randint(0, 16) if depth else 0
        if kind < 4:
            return [self.assignment(pad)]
        if kind < 7:
            return self.arms(
                pad,
                depth,
                indent,
                lambda: self.condition(2),
                lambda d, i: self.block(d, i, loop and not self.bare),
            )
        if kind < 10:
            return self.counting(pad, depth, indent)
        if kind < 13:
            if self.bare:
                return [self.assignment(pad)]
            if kind < 12 and loop:
                jump = self.pick("break", "continue")
            elif self.leaves and self.chance(0.5):
                jump = self.returned()
            else:
                return [self.assignment(pad)]
            lines = [
                f"{pad}if {self.condition()}:",
                *([self.assignment(pad + "    ")] if self.chance(0.3) else []),
                f"{pad}    {jump}",
            ]
            if self.chance(0.15):
                lines += [f"{pad}else:", *self.block(depth - 1, indent + 1, loop)]
            return lines
        if kind == 13:
            return self.accumulated(pad, depth, indent)
        if kind == 14:
            return self.born(pad, depth, indent)
        if kind == 15 and "Z" in self.memory:
            k = self.random.randrange(len(COUNTERS))
            return [f"{pad}atomic_{COUNTERS[k]}(Z, {k}, {self.value(self.memory['Z'], 1)})"]
        return [self.assignment(pad)]
