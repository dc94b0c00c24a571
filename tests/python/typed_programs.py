# SPDX-License-Identifier: MIT
"""Random kernels of all types: expressions, control flow in every form, helper functions, vectors, threads together.

    program = Program(seed)
    program.text         # f(...) and what it calls, one text for Enigma to trace and for Python to run (typed_runs.py)
    program.memory       # {"B0": "u8", "W0": "u8", ...}

Where threads work together (`together=True`): T and S (threadgroup memory) are read and written between barriers, where
each thread touches the one slot of T that it writes; S and Z (on the device) are for atomics, Z never read within the
kernel; W is a thread's own, and V0 another name for W0. Barriers stand only where the threads agree: u, w and the
positions p_ and q_ are the same in all of them.
"""

from elements import DTYPES, INTEGERS
from typed_expressions import COUNTERS, SLOTS
from typed_statements import Statements


class Program(Statements):
    """A function f of the memory and the positions, and the functions that it calls."""

    def __init__(self, seed, together=None):
        super().__init__(seed)
        self.seed = seed
        self.together_ = self.chance(0.5) if together is None else together
        kinds = [t for t in DTYPES if t not in ("i32", "b1")]
        chosen = self.random.sample(kinds, 2)
        if {"f16", "bf16"} <= set(chosen):
            chosen[0] = "f32"
        self.scalars = ["i32", *chosen, "b1"]
        self.names = {
            "a": "i32",
            "b": chosen[0],
            "c": chosen[1],
            "d": chosen[0],
            "e": chosen[1],
            "g": "i32",
            "h": "b1",
        }
        elements = [t for t in self.scalars if t != "b1"]
        self.tame = self.chance(0.4)
        self.contract = self.chance(0.15)
        self.vector_type = f"{self.pick(*elements)}x{self.pick('2', '3', '4')}" if self.chance(0.5) else None
        self.memory = {f"B{k}": t for k, t in enumerate(elements)} | {
            f"W{k}": t for k, t in enumerate(elements)
        }
        self.memory["V0"] = "i32"  # the memory of W0 under another name
        if self.chance(0.4):
            self.memory |= {"B9": "b1", "W9": "b1"}
        self.memory["Z"] = self.pick("i32", "u32")
        if self.vector_type:
            self.names |= {"p": self.vector_type, "q": self.vector_type}
            self.memory["BV"] = self.vector_type
        helpers = [line for k in range(self.random.randint(0, 2)) for line in self.helper(k)]
        params = [*self.memory, *(["T", "S"] if self.together_ else []), "r", "t", "lid", "n", "u"]
        lines = [f"def f({', '.join(params)}):"]
        for name, t in self.names.items():
            start = self.literal(t) if "x" not in t else None
            first = {"a": "t", "g": "n", "h": "t % 3 == 1"}.get(name) or (
                "BV[t % 8]"
                if start is None
                else self.pick(f"B{elements.index(t)}[t % 16]", f"{t}({start})", f"{t}(t)")
            )
            lines.append(f"    {name} = {first}")
        lines.append("    w = n + u")
        if self.chance(0.6):
            t = self.pick(*chosen)
            lines.append(f"    v = row({t}(t), {t}({self.literal(t)}))")
            self.elements |= {"v[0]": t, "v[1]": t}
        if self.chance(0.4):
            t = self.pick(*elements)
            lines.append(f"    o = thing({t}(1), {t}(t))")
            self.elements |= {"o.x": t, "o.y": t}
        if self.chance(0.3):
            t = self.pick(*elements)
            name = self.pick(*[x for x, other in self.names.items() if other == t])
            lines.append(f"    late = lambda x: x {self.pick(*'+-*')} {name}")
            self.helpers["late"] = ((t,), t)
        if "v[0]" in self.elements and self.chance(0.5):  # functions with effects
            t = self.elements["v[0]"]
            lines += [
                "    def bump(x):",
                f"        v[0] = v[0] {self.pick('+', '-')} x",
                "        return v[1] - v[0]",
            ]
            self.helpers["bump"] = ((t,), t)
        if self.chance(0.3):
            name = self.pick("a", "b", "c", "d")
            t = self.names[name]
            lines += [
                "    def step(x):",
                f"        nonlocal {name}",
                f"        {name} = {name} {self.pick('+', '-')} x",
            ]
            lines += [f"        return {name}"]
            self.helpers["step"] = ((t,), t)
        self.memory["r"] = self.pick(*elements)
        self.out = tuple(self.names.values())
        size = self.pick(2, 2, 3)
        self.types |= self.names
        if self.together_:
            self.memory |= {"T": self.pick(*elements), "S": self.pick("i32", "u32")}
            self.lanes = self.sees_tile = True
            for _ in range(self.pick(1, 2, 3)):
                lines += self.together(size, 1, loop=False)
        self.leaves = True
        for _ in range(2 if self.together_ else self.pick(2, 3, 4)):
            lines += self.statement(size, 1, loop=False)
        lines.append("    return " + ", ".join(x for x in list(self.names)[: len(self.out)]))
        self.text = "\n".join([*helpers, *lines]) + "\n"

    def helper(self, k):
        """A function of two values with control flow of its own, that may assign to its parameters."""
        outer, memory = self.names, self.memory
        types = [
            self.pick(*self.scalars[:3], *([self.vector_type] if self.vector_type else [])) for _ in range(2)
        ]
        result = self.pick(*self.scalars[:3])
        self.names = {f"x{k}": types[0], f"y{k}": types[1], f"m{k}": result, f"a{k}": "i32"}
        self.types |= self.names
        self.memory, positions = {}, self.positions
        lines = [
            f"def h{k}(x{k}, y{k}):",
            f"    t = lid = u = w = i32({k + 1})",
            f"    n, m{k} = i32(3), {result}({self.literal(result)})",
            f"    a{k} = i32(2)",
        ]
        self.out, self.leaves = (result,), True
        pick, self.returned = self.returned, lambda: f"return {self.value(result, 1)}"
        for _ in range(2):
            lines += self.statement(2, 1, loop=False)
        lines.append(f"    return {self.value(result, 1)}")
        self.returned, self.leaves = pick, False
        self.names, self.memory, self.positions = outer, memory, positions
        self.helpers[f"h{k}"] = (tuple(types), result)
        return lines

    # ---- Where all threads are

    def uniform(self, depth=1):
        if depth and self.chance(0.5):
            return f"({self.uniform(0)} {self.pick(*'+-*')} {self.uniform(0)}) % 13"
        number = str(self.random.randint(0, 5))
        options = ["u", "w", "n", f"i32({number})", *self.positions]
        if self.sees_tile and self.memory["T"] in INTEGERS:
            options.append(f"i32(T[{number} + w % 16])")
        if self.sees_tile:
            options.append(f"i32(S[{self.random.randrange(len(COUNTERS))}] % 7)")
        return self.pick(*options)

    def agreement(self):
        return f"{self.uniform()} {self.pick('<', '>', '==', '!=')} {self.uniform(0)}"

    def exchange(self, pad, depth, indent):
        t = self.memory["T"]
        lines = [self.assignment(pad), f"{pad}barrier()"]
        self.sees_tile = False
        if self.chance(0.4):
            lines += self.statement(min(depth, 2), indent, loop=False)
        slot = self.pick("lid", f"({self.pick('5', '9', '27')} * lid + {self.pick('u', '3', 'w')}) % {SLOTS}")
        if self.chance(0.3):
            lines += [f"{pad}if {self.condition()}:", f"{pad}    T[{slot}] = {self.value(t, 1)}"]
        else:
            lines += [f"{pad}T[{slot}] {self.pick('=', '+=', '-=')} {self.value(t, 2)}"]
        if self.chance(0.5):
            k = self.random.randrange(len(COUNTERS))
            x = self.value(self.memory["S"], 1)
            lines += self.pick(
                [f"{pad}atomic_{COUNTERS[k]}(S, {k}, {x})"],
                [f"{pad}if {self.condition()}:", f"{pad}    atomic_{COUNTERS[k]}(S, {k}, {x})"],
            )
        if self.chance(0.4):
            lines += self.statement(min(depth, 2), indent, loop=False)
        self.sees_tile = True
        return [*lines, f"{pad}barrier()"]

    def together(self, depth, indent, loop):
        pad, kind = "    " * indent, self.random.randint(0, 11) if depth else self.pick(0, 4, 5, 6)

        def block(d, i, loop=loop):
            known = dict(self.names)
            lines = [s for _ in range(self.random.randint(1, 3)) for s in self.together(d, i, loop)]
            self.names = known
            return lines

        if kind < 4:
            return self.exchange(pad, depth, indent)
        if kind == 4:
            return self.statement(min(depth, 2), indent, loop=False)
        if kind < 7:
            return [pad + self.pick(f"u = {self.uniform()}", f"w = {self.uniform()}", "u, w = w, u")]
        if kind < 9:
            return self.arms(pad, depth, indent, self.agreement, block)
        if kind == 9:
            jump = self.pick("break", "continue") if loop else self.returned()
            return [f"{pad}if {self.agreement()}:", f"{pad}    {jump}"]
        outer = list(self.positions)
        if kind == 10 and "q_" not in outer:
            name = "q_" if "p_" in outer else "p_"
            ranges = self.pick("n - 2", "2", "u % 3", "0, w % 4, 2", "n, 2, -1")
            lines = [f"{pad}for {name} in loop({ranges}):"]
            self.positions = [*outer, name]
            lines += [*block(depth - 1, indent + 1, True), f"{pad}    w = (w + {name}) % 11"]
        else:
            name = self.new("_x")
            more = f" and {self.agreement()}" if self.chance(0.4) else ""
            lines = [
                f"{pad}{name} = i32(0)",
                f"{pad}while {name} < {self.pick('n - 3', '2', 'u % 3')}{more}:",
                f"{pad}    {name} += 1",
            ]
            lines += block(depth - 1, indent + 1, True)
        self.positions = outer
        if self.chance(0.3):
            lines += [f"{pad}else:", *block(depth - 1, indent + 1, False)]
        return lines
