# SPDX-License-Identifier: MIT
"""Random functions with nested control flow: the Metal text computes what Python does with the same source.

NumPy's integers wrap as those of a kernel do.
"""

import linecache
import os
import random

import numpy as np
import pytest

import enigma as en
from msl import standin

PROGRAMS = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 60
THREADS = 16
DATA = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5], np.int32)
NAMES = "abcd"
RANGES = ["n", "t % 5", "1, n", "n, 0, -1", "0, 7, 1 + t % 3", "3", "6, t % 4, -2"]


class Program:
    """The text of f(B, t, n): B is 16 ints, t the thread, n = 6."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.counters = 0
        lines = ["def f(B, t, n):", "    a = t", "    b = 1", "    c = B[t]"]
        lines += [f"    d = {self.pick('0', 'n')}", "    v = [0, t]"]
        for _ in range(3):
            lines += self.statement(3, 1, loop=False)
        lines.append("    return (a + b * 3 + c * 5 + d * 7 + v[0] * 11 + v[1] * 13) % 10007")
        self.text = "\n".join(lines) + "\n"

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, p):
        return self.random.random() < p

    def atom(self):
        number = str(self.random.randint(-3, 5))
        return self.pick("a", "b", "c", "d", "t", "n", number, f"B[{self.pick(*'abcdt')} % 16]")

    def value(self, depth=2):
        if depth == 0 or self.chance(0.3):
            return self.atom()
        if self.chance(0.2):
            return f"({self.value(depth - 1)} if {self.condition(depth - 1)} else {self.value(depth - 1)})"
        return f"({self.value(depth - 1)} {self.pick(*'+-*')} {self.value(depth - 1)}) % 97"

    def condition(self, depth=1):
        kind = self.random.randint(0, 6) if depth > 0 else 0
        if kind < 3:
            return f"{self.atom()} {self.pick('<', '>', '==', '!=', '<=', '>=')} {self.atom()}"
        if kind < 5:
            word = "and" if kind == 3 else "or"
            return f"({self.condition(depth - 1)} {word} {self.condition(depth - 1)})"
        return (
            f"not ({self.condition(depth - 1)})"
            if kind == 5
            else f"{self.atom()} < {self.atom()} <= {self.atom()}"
        )

    def block(self, depth, indent, loop):
        return [
            line for _ in range(self.random.randint(1, 3)) for line in self.statement(depth, indent, loop)
        ]

    def assignment(self, pad):
        a, b = self.random.sample(NAMES, 2)
        element = f"v[{self.random.randint(0, 1)}]"
        return pad + self.pick(
            f"{a}, {b} = {b}, {a}", f"{a} += {self.value(1)}", f"{element} = {self.value(1)}", f"{a} = {element}",
            f"{a} = {self.value()}", f"{b} = {self.value()}",
        )  # fmt: skip

    def statement(self, depth, indent, loop):
        pad, kind = "    " * indent, self.random.randint(0, 13) if depth else 0
        if kind < 4 or kind == 13:
            return [self.assignment(pad)]
        if kind < 8:
            lines = [f"{pad}if {self.condition()}:", *self.block(depth - 1, indent + 1, loop)]
            if self.chance(0.3):
                lines += [f"{pad}elif {self.condition()}:", *self.block(depth - 1, indent + 1, loop)]
            if self.chance(0.5):
                lines += [f"{pad}else:", *self.block(depth - 1, indent + 1, loop)]
            return lines
        if kind == 11:
            jump = self.pick("break", "continue") if loop else f"return {self.value(1)}"
            return [f"{pad}if {self.condition()}:", f"{pad}    {jump}"]
        if kind == 12:
            return (
                [f"{pad}if {self.condition()}:", f"{pad}    return {self.value(1)}"]
                if self.chance(0.4)
                else [self.assignment(pad)]
            )
        if kind < 10:
            name = self.pick("i", "j", "k", "a")
            lines = [f"{pad}for {name} in {self.pick('range', 'loop')}({self.pick(*RANGES)}):"]
            lines += [*self.block(depth - 1, indent + 1, True), f"{pad}    b = (b + {name}) % 101"]
        else:
            self.counters += 1
            name = f"w{self.counters}"
            more = f" and {self.condition()}" if self.chance(0.4) else ""
            lines = [f"{pad}{name} = {self.pick('0', 't % 3')}"]
            lines += [f"{pad}while {name} < {self.pick('n', '4', 'a % 5')}{more}:", f"{pad}    {name} += 1"]
            lines += self.block(depth - 1, indent + 1, True)
        if self.chance(0.3):
            lines += [f"{pad}else:", *self.block(depth - 1, indent + 1, loop)]
        return lines

    def function(self, file, loop):
        linecache.cache[file] = (len(self.text), None, self.text.splitlines(True), file)
        names = {"loop": loop}
        exec(compile(self.text, file, "exec"), names)
        return names["f"]


@pytest.mark.hypothesis  # ./dev fuzz takes more
def test_random_programs_compute_what_python_does():
    texts, expected = {}, {}
    for seed in range(PROGRAMS):
        program = Program(seed)
        file = f"<program {seed}>"
        traced, python = program.function(file, en.range), program.function(file, range)

        @en.kernel
        def k(B: en.i32, n: en.Scalar(en.i32), Out: en.i32):
            t = en.thread_position_in_grid
            Out[t] = en.i32(traced(B, en.i32(t), n))  # noqa: B023

        texts[file] = (en.compile(k).metal_source, program.text)
        with np.errstate(over="ignore"):
            expected[file] = [int(python(DATA, np.int32(t), np.int32(6))) for t in range(THREADS)]
    library = standin.compile_many({file: text for file, (text, _) in texts.items()})
    for file, (metal, text) in texts.items():
        out = np.zeros(THREADS, np.int32)
        library[file].run([DATA.copy(), 6, out], grid=THREADS, threads=THREADS)
        assert out.tolist() == expected[file], f"{file}\n{text}\n{metal}"
