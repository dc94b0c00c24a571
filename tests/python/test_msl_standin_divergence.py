# SPDX-License-Identifier: MIT
"""Random programs of nested branches, loops, calls, break, continue and return around simd_sum.

Each is written as Metal and evaluated here by execution masks, which reconverge at the end of each construct.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin

WIDTH = 32
LANES = np.arange(WIDTH)
HEAD = """#include <metal_stdlib>
using namespace metal;
static int helper(int t, int c) {
  if (t & 1) {
    t = (t + c * simd_sum(t & 7) + 1) & 1023;
  }
  t = (t + 2 * simd_sum(t & 7) + 1) & 1023;
  return t;
}
kernel void k(device int *y [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
  int t = int(lane);
"""


class Program:
    """A statement is a tuple: ("sum", c), ("call", c), ("if", cond, a, b), ("for", n, body) or (jump, cond)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.loops = 0
        self.body = self.block(4, False)

    def block(self, depth: int, in_loop: bool) -> list[tuple]:
        return [self.statement(depth, in_loop) for _ in range(self.random.randint(1, 3))]

    def statement(self, depth: int, in_loop: bool) -> tuple:
        r, kind = self.random, self.random.random()
        if depth and 0.35 <= kind < 0.65:
            return (
                "if",
                self.condition(),
                self.block(depth - 1, in_loop),
                self.block(depth - 1, in_loop) if r.random() < 0.5 else [],
            )
        if depth and 0.65 <= kind < 0.85:
            return ("for", r.randint(1, 4), self.block(depth - 1, True))
        if depth and in_loop and 0.85 <= kind < 0.93:
            return (r.choice(["break", "continue"]), self.condition())
        if depth and 0.93 <= kind < 0.95:
            return ("return", self.condition())
        return ("call" if r.random() < 0.3 else "sum", r.randint(1, 9))

    def condition(self) -> tuple[str, int, int]:
        m = self.random.randint(2, 6)
        return (self.random.choice(["lane", "t"]), m, self.random.randint(0, m - 2))

    def text(self) -> str:
        return HEAD + self.lines(self.body, "  ") + "  y[lane] = t;\n}\n"

    def lines(self, body: list[tuple], pad: str) -> str:
        out = ""
        for s in body:
            if s[0] == "sum":
                out += f"{pad}t = (t + {s[1]} * simd_sum(t & 7) + 1) & 1023;\n"
            elif s[0] == "call":
                out += f"{pad}t = helper(t, {s[1]});\n"
            elif s[0] == "for":
                self.loops += 1
                k = f"k{self.loops}"
                out += f"{pad}for (int {k} = 0; {k} < {s[1]} + (t & 1); ++{k}) {{\n{self.lines(s[2], pad + '  ')}{pad}}}\n"
            else:
                name, m, c = s[1]
                test = f"lane % {m}u <= {c}u" if name == "lane" else f"(t >> 3) % {m} <= {c}"
                if s[0] == "if":
                    out += f"{pad}if ({test}) {{\n{self.lines(s[2], pad + '  ')}{pad}}}"
                    out += f" else {{\n{self.lines(s[3], pad + '  ')}{pad}}}\n" if s[3] else "\n"
                else:
                    out += f"{pad}if ({test}) {{ {'y[lane] = t; return' if s[0] == 'return' else s[0]}; }}\n"
        return out


class Masks:
    """Evaluates a program on all lanes at once."""

    def __init__(self, program: Program) -> None:
        self.t = LANES.copy()
        self.gone = np.zeros((3, WIDTH), bool)  # left by return, break, continue
        self.turns = 0
        self.run(program.body, np.ones(WIDTH, bool))

    def sum(self, mask: np.ndarray, c: int) -> None:
        if mask.any():
            self.t[mask] = (self.t[mask] + c * (self.t[mask] & 7).sum() + 1) & 1023

    def run(self, body: list[tuple], entered: np.ndarray) -> None:
        for s in body:
            mask = entered & ~self.gone.any(0)
            if not mask.any():
                return
            if s[0] == "sum":
                self.sum(mask, s[1])
            elif s[0] == "call":
                self.sum(mask & (self.t & 1 == 1), s[1])
                self.sum(mask, 2)
            elif s[0] == "for":
                outer = self.gone[1:].copy()
                self.gone[1:] = False
                k = 0
                while True:
                    self.gone[2] = False
                    mask = mask & ~self.gone.any(0) & (k < s[1] + (self.t & 1))
                    if not mask.any():
                        break
                    self.turns += 1
                    if self.turns > 2000:
                        raise OverflowError
                    self.run(s[2], mask)
                    k += 1
                self.gone[1:] = outer
            else:
                name, m, c = s[1]
                test = mask & ((LANES if name == "lane" else self.t >> 3) % m <= c)
                if s[0] == "if":
                    self.run(s[2], test)
                    self.run(s[3], mask & ~test)
                else:
                    self.gone[["return", "break", "continue"].index(s[0])] |= test


@pytest.mark.parametrize("first", [0, 1000])
def test_divergent_programs_follow_their_execution_masks(first):
    programs = {seed: Program(seed) for seed in range(first, first + 40)}
    library = standin.compile_many({seed: p.text() for seed, p in programs.items()})
    compared = 0
    for seed, program in programs.items():
        try:
            expected = Masks(program).t
        except OverflowError:
            continue
        for reverse in (False, True):
            y = np.zeros(WIDTH, np.int32)
            library[seed].run([y], WIDTH, WIDTH, reverse=reverse)
            np.testing.assert_array_equal(y, expected, err_msg=f"seed {seed}\n{program.text()}")
        compared += 1
    assert compared > 30
