# SPDX-License-Identifier: MIT
"""Random kernels with control flow, barriers and operations among lanes, and a Python interpreter of their threads.

    program = Program(seed)
    program.traced(names)              # f(B, W, T, r, t, lid, n, u), for a kernel to call
    run(program, grid, threads, width)

Both run one text. In Python f is a generator: it stops at each barrier and each operation among lanes, and says where
it stands as (line, round of the loop, line, ...). The lanes of a simdgroup that stand furthest back take part together.

Threads may read all of T (threadgroup memory) except between the two barriers of an exchange, where each touches the
one slot that it writes. The elements of W are a thread's own. Barriers stand only where the threads agree: u, w and
the positions p and q are the same in all of them.
"""

import linecache
import random
import re

DATA = [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5]
SLOTS = 64
NAMES = "abcd"
RANGES = ["n", "t % 5", "1, n", "n, 0, -1", "0, 7, 1 + t % 3", "3", "6, t % 4, -2"]
UNIFORM_RANGES = ["n - 2", "2", "u % 3", "0, w % 4, 2", "n, 2, -1", "1, B[u % 16] % 4"]
LANE_SUMS = ["sum", "max", "min", "or", "xor", "first", "before", "through", "quad_sum", "quad_max"]
LANE_VOTES = ["any", "all", "quad_any"]


class Program:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.barriers = self.chance(0.7)
        self.counters = self.place = 0
        self.where = []  # (line, name of the round) of the loops around
        self.keys = []
        self.sees_tile = True
        self.positions = []
        lines = ["def f(B, W, T, r, t, lid, n, u):", "    a = t", "    b = 1", "    c = B[t % 16]"]
        lines += ["    d = n", "    w = n + u", "    v = [0, t]"]
        if self.barriers:
            for _ in range(3):
                lines += self.together(3, 1, loop=False)
        self.leaves = True
        for _ in range(2):
            lines += self.statement(3, 1, loop=False)
        lines.append(
            "    return (a + b * 3 + c * 5 + d * 7 + v[0] * 11 + v[1] * 13 + u * 17 + w * 19 + r[1]) % 10007"
        )
        self.text = "\n".join(lines) + "\n"

    leaves = False  # whether single threads may return

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, p):
        return self.random.random() < p

    # ---- Where the threads may differ

    def lanes(self, operation, *operands):
        self.place += 1
        path = "".join(f"{line}, {count}, " for line, count in self.where)
        self.keys.append(f"({path}{self.place},)")
        return f'lane((K{len(self.keys) - 1}, "{operation}", {", ".join(operands)}))'

    def atom(self):
        number = str(self.random.randint(-3, 5))
        options = ["a", "b", "c", "d", "t", "n", "u", "w", number, f"B[{self.pick(*'abcdt')} % 16]"]
        options += [f"v[{self.pick('0', '1')}]", f"r[{self.pick('a % 4', '0', 'c % 4', '3')}]"]
        options += [f"W[t * 2 + {self.pick('a % 2', '0', '1')}]"]
        if self.sees_tile:
            options += [
                f"T[({self.pick(*'abcdt')} + {number}) % {SLOTS}]",
                f"T[lid ^ {self.pick('1', '5', '40')}]",
            ]
        return self.pick(*options, *self.positions)

    def value(self, depth=2):
        if depth == 0 or self.chance(0.25):
            return self.atom()
        if self.chance(0.15):
            condition = self.condition(depth - 1)
            return f"({self.value(depth - 1)} if {condition} else {self.value(depth - 1)})"
        if self.chance(0.25):
            operand = self.value(depth - 1)
            if self.chance(0.25):
                return f"({self.lanes('shuffle', operand, f'(t + {self.pick(*NAMES)}) % 32')})"
            if self.chance(0.2):
                return f"({self.lanes('flipped', operand, self.pick('1', '2', '7', '16'))})"
            return f"{self.lanes(self.pick(*LANE_SUMS), operand)} % 97"
        return f"({self.value(depth - 1)} {self.pick(*'+-*')} {self.value(depth - 1)}) % 97"

    def condition(self, depth=1):
        kind = self.random.randint(0, 7) if depth > 0 else 0
        if kind < 3:
            return f"{self.value(depth)} {self.pick('<', '>', '==', '!=', '<=', '>=')} {self.atom()}"
        if kind < 5:
            word = "and" if kind == 3 else "or"
            return f"({self.condition(depth - 1)} {word} {self.condition(depth - 1)})"
        if kind == 5:
            return f"not ({self.condition(depth - 1)})"
        if kind == 6:
            return self.lanes(self.pick(*LANE_VOTES), self.condition(depth - 1))
        return f"{self.atom()} < {self.atom()} <= {self.atom()}"

    def block(self, depth, indent, loop):
        return [s for _ in range(self.random.randint(1, 3)) for s in self.statement(depth, indent, loop)]

    def assignment(self, pad):
        a, b = self.random.sample(NAMES, 2)
        element = self.pick("v[0]", "v[1]", f"r[{b} % 4]", "r[2]", f"W[t * 2 + {b} % 2]", "W[t * 2]")
        return pad + self.pick(
            f"{a}, {b} = {b}, {a}", f"{a} += {self.value(1)} % 89", f"{element} = {self.value(1)}",
            f"{element} = {self.value(2)}", f"{a} = {element}", f"{a} = {self.value()}", f"{b} = {self.value()}",
            f"{a}, {element} = {self.value(1)}, {b}", f"v[0], v[1] = {self.value(1)}, v[0]",
        )  # fmt: skip

    def arms(self, pad, depth, indent, condition, block):
        lines = [f"{pad}if {condition()}:", *block(depth - 1, indent + 1)]
        if self.chance(0.3):
            lines += [f"{pad}elif {condition()}:", *block(depth - 1, indent + 1)]
        if self.chance(0.5):
            lines += [f"{pad}else:", *block(depth - 1, indent + 1)]
        return lines

    def counting(self, pad, head, body):
        """A loop: head(name) gives its first lines, where the variable of that name counts its rounds."""
        self.counters += 1
        self.place += 1
        count = f"round{self.counters}"
        self.where.append((self.place, count))
        lines = [
            f"#{pad}{count} = -1",
            *head(count),
            *body(),
        ]
        self.where.pop()
        return lines

    def statement(self, depth, indent, loop):
        pad, kind = "    " * indent, self.random.randint(0, 13) if depth else 0
        if kind < 3 or (kind == 13 and not loop):
            return [self.assignment(pad)]
        if kind < 7:
            return self.arms(pad, depth, indent, self.condition, lambda d, i: self.block(d, i, loop))
        if kind >= 11:
            if kind != 12 and loop:
                jump = self.pick("break", "continue")
            elif self.leaves and self.chance(0.5):
                jump = f"return {self.value(1)}"
            else:
                return [self.assignment(pad)]
            return [f"{pad}if {self.condition()}:", f"{pad}    {jump}"]
        if kind < 10:
            name = self.pick("i", "j", "k", "a")
            kind = self.pick("range", "loop")
            ranges = self.pick(*RANGES)
            lines = self.counting(
                pad, lambda count: [f"{pad}for {name} in {kind}({ranges}):", f"#{pad}    {count} += 1"],
                lambda: [*self.block(depth - 1, indent + 1, True), f"{pad}    b = (b + {name}) % 101"],
            )  # fmt: skip
        else:
            name = f"w{self.counters + 1}"
            start = [f"{pad}{name} = {self.pick('0', 't % 3')}"]

            def head(count):
                more = f" and {self.condition()}" if self.chance(0.4) else ""
                test = f"{name} < {self.pick('n', '4', 'a % 5')}{more}"
                return [f"{pad}while COUNT({count}){test}:", f"{pad}    {name} += 1"]

            lines = start + self.counting(pad, head, lambda: self.block(depth - 1, indent + 1, True))
        if self.chance(0.3):
            lines += [f"{pad}else:", *self.block(depth - 1, indent + 1, loop)]
        return lines

    # ---- Where all threads are

    def uniform(self, depth=1):
        if depth and self.chance(0.5):
            return f"({self.uniform(0)} {self.pick(*'+-*')} {self.uniform(0)}) % 13"
        number = str(self.random.randint(0, 5))
        options = ["u", "w", "n", number, "B[u % 16]", *self.positions]
        return self.pick(*options, *([f"T[{number} + w % 16]"] if self.sees_tile else []))

    def agreement(self):
        return f"{self.uniform()} {self.pick('<', '>', '==', '!=')} {self.uniform(0)}"

    def exchange(self, pad, depth, indent):
        before = [
            pad
            + self.pick(f"v[0] = {self.value(1)}", f"a = {self.value()}", f"v[1], b = {self.value(1)}, v[1]")
        ]
        slot = self.pick("lid", f"({self.pick('5', '9', '27')} * lid + {self.pick('u', '3', 'w')}) % {SLOTS}")
        lines = [*before, f"{pad}barrier()"]
        self.sees_tile = False
        if self.chance(0.4):
            lines += self.statement(min(depth, 2), indent, loop=False)
        value = self.pick("v[0]", "a", "v[1]", self.value(1), self.value(2))
        if self.chance(0.3):
            lines += [f"{pad}if {self.condition()}:", f"{pad}    T[{slot}] = {value}"]
        else:
            lines += [f"{pad}T[{slot}] {self.pick('=', '+=')} {value} % 50"]
        if self.chance(0.4):
            lines += self.statement(min(depth, 2), indent, loop=False)
        self.sees_tile = True
        lines += [f"{pad}barrier()"]
        return lines

    def together(self, depth, indent, loop):
        pad, kind = "    " * indent, self.random.randint(0, 11) if depth else self.pick(0, 4, 5, 6)

        def block(d, i):
            return [s for _ in range(self.random.randint(1, 3)) for s in self.together(d, i, loop)]

        if kind < 4:
            return self.exchange(pad, depth, indent)
        if kind == 4:
            return self.statement(min(depth, 2), indent, loop=False)
        if kind < 7:
            return [pad + self.pick(f"u = {self.uniform()}", f"w = {self.uniform()}", "u, w = w, u")]
        if kind < 9:
            return self.arms(pad, depth, indent, self.agreement, block)
        if kind == 9:
            jump = self.pick("break", "continue") if loop else f"return {self.value(1)}"
            return [f"{pad}if {self.agreement()}:", f"{pad}    {jump}"]

        def body(d):
            return [
                s for _ in range(self.random.randint(1, 3)) for s in self.together(d - 1, indent + 1, True)
            ]

        outer = list(self.positions)
        if kind == 10 and "q" not in outer:
            name = "q" if "p" in outer else "p"
            way, ranges = self.pick("range", "loop"), self.pick(*UNIFORM_RANGES)

            def inside():
                self.positions = [*outer, name]
                return [*body(depth), f"{pad}    w = (w + {name}) % 11"]

            def head(count):
                return [f"{pad}for {name} in {way}({ranges}):", f"#{pad}    {count} += 1"]

            lines = self.counting(pad, head, inside)
        else:
            name = f"x{self.counters + 1}"

            def head(count):
                more = f" and {self.agreement()}" if self.chance(0.4) else ""
                return [f"{pad}while COUNT({count}){name} < {self.pick('n - 3', '2', 'u % 3')}{more}:", f"{pad}    {name} += 1"]  # fmt: skip

            lines = [f"{pad}{name} = 0", *self.counting(pad, head, lambda: body(depth))]
        self.positions = outer
        if self.chance(0.3):
            lines += [f"{pad}else:", *block(depth - 1, indent + 1)]
        return lines

    # ---- The two readings

    def function(self, text, names):
        file = f"<lockstep {id(self)} {len(names)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        exec(compile(text, file, "exec"), names)
        return names["f"]

    @property
    def shown(self):
        text = re.sub(r"K\d+, |COUNT\(\w+\)", "", self.text)
        return "".join(line for line in text.splitlines(True) if not line.startswith("#"))

    def traced(self, names):
        return self.function(self.shown, dict(names))

    def python(self):
        text = re.sub(r"COUNT\((\w+)\)", r"(\1 := \1 + 1) >= 0 and ", self.text)
        text = re.sub(r"K(\d+),", lambda m: self.keys[int(m[1])] + ",", text)
        text = text.replace("lane(", "(yield ").replace("barrier()", "yield None")
        text = re.sub(r"^#", "", text, flags=re.M).replace(
            "    a = t\n", "    a = t\n    if False: yield\n", 1
        )
        return self.function(text, {"loop": range})


def _combined(operation, values, lane):
    """values: {lane: operand} of the lanes that take part."""
    kind, own = operation.removeprefix("quad_"), values[lane]
    if kind != operation:
        values = {k: x for k, x in values.items() if k // 4 == lane // 4}
    everyone = list(values.values())
    if kind in ("any", "all"):
        return {"any": any, "all": all}[kind](everyone)
    if kind in ("or", "xor"):
        total = 0
        for x in everyone:
            total = total | x if kind == "or" else total ^ x
        return total
    if kind in ("max", "min", "sum"):
        return {"max": max, "min": min, "sum": sum}[kind](everyone)
    if kind == "first":
        return values[min(values)]
    before = sum(x for k, x in values.items() if k < lane)
    return before + (own if kind == "through" else 0)


class _Group:
    """The threads of a threadgroup that have not returned, and where they stand (None: at a barrier)."""

    def __init__(self, threads, results):
        self.running, self.results = threads, results
        self.stands = dict.fromkeys(threads)

    def step(self, k, value):
        try:
            self.stands[k] = self.running[k].send(value)
        except StopIteration as end:
            self.results[k] = end.value
            del self.running[k], self.stands[k]

    def exchange(self, first, width):
        """Runs the lanes of a simdgroup to the next barrier."""
        while at := {k: s for k, s in self.stands.items() if s and first <= k < first + width}:
            key = min(s[0] for s in at.values())
            now = {k: s[1:] for k, s in at.items() if s[0] == key}
            values = {k - first: s[1] for k, s in now.items()}
            for k, (operation, _, *other) in now.items():
                lane = k - first
                if operation == "shuffle":
                    self.step(k, values.get(other[0], 0))
                elif operation == "flipped":
                    self.step(k, values.get(lane ^ other[0], 0))
                else:
                    self.step(k, _combined(operation, values, lane))


def run(program, grid, threads, width):
    """What the threads write: Out and W. `threads` to a threadgroup, `width` to a simdgroup."""
    f, n = program.python(), 6
    out, w = [], start(grid)
    for first in range(0, grid, threads):
        number, count = first // threads, min(threads, grid - first)
        tile, results = [0] * SLOTS, [0] * count
        started = {k: f(DATA, w, tile, [number] * 4, first + k, k, n, number) for k in range(count)}
        group = _Group(started, results)
        while group.running:
            assert len(group.running) == count, "a thread left before a barrier"
            for k in range(count):
                group.step(k, None)
            for low in range(0, count, width):
                group.exchange(low, width)
        out += results
    return out, w


def start(grid):
    """What W holds at first."""
    return [(k * 7) % 23 for k in range(2 * grid)]
