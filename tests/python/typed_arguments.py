# SPDX-License-Identifier: MIT
"""What a program of typed_programs.py is given: the sizes of grid and threadgroup, and memory with the ends of each type.

arguments(program)["B0"]      # a NumPy array, as a launch takes it
memory(program)["B0"][3]      # the same element as a typed value
"""

import numpy as np

from elements import DTYPES, INTEGERS, bounds
from typed_values import Memory, Value, Vector, fitted

N = 4  # the scalar parameter


def shape(program):
    """Grid and threadgroup: the last threadgroup of each row and column is partial."""
    if not program.together_:
        return (16, 1), (10, 1)
    return ((11, 5), (9, 4)) if program.seed % 3 == 0 else ((48, 1), (36, 1))


def threads_of(program):
    """For each threadgroup its number and the positions of its threads."""
    (width, height), (tx, ty) = shape(program)
    for y in range(0, height, ty):
        for x in range(0, width, tx):
            at = [
                (j * width + i) for j in range(y, min(y + ty, height)) for i in range(x, min(x + tx, width))
            ]
            yield x // tx + 2 * (y // ty), at


# ---- Arguments

_NUMBERS = [2, 7, 1, 8, 2, 8, 1, 8, 2, 0, 4, 5, 9, 0, 4, 5]


def inputs(t, n):
    """Elements of a type, with the ends of its range."""
    if t == "b1":
        return [k % 3 == 0 for k in range(n)]
    if t in INTEGERS:
        low, high = bounds(t)
        special = {3: low, 6: high, 9: low + 1, 12: high - 1, 14: (high >> 1) + 1}
    else:
        special = {1: -0.0, 3: np.inf, 6: -2.5, 9: np.nan, 11: 1e4, 12: 0.125, 14: -np.inf}
    return [fitted(special.get(k % 16, _NUMBERS[k % 16] * (1 + k // 16)), t) for k in range(n)]


def sizes(program):
    """{parameter: (type, elements)} in their order."""
    total = int(np.prod(shape(program)[0]))
    found = {}
    for name, t in program.memory.items():
        if name[0] in "BWVZ":
            found[name] = (
                t,
                8 if name == "BV" else 16 if name[0] == "B" else 6 if name == "Z" else 2 * total,
            )
    return found | {f"O{k}": (t, total) for k, t in enumerate(program.out)}


def start(name, t, n):
    return [fitted(0, t)] * n if name[0] in "OZ" else inputs(t, n)


def memory(program):
    rows = {}
    for name, (t, n) in sizes(program).items():
        if "x" in t:
            e, lanes = t.split("x")
            flat = [Value(e, x) for x in inputs(e, n * int(lanes))] if name == "BV" else []
            rows[name] = Memory(
                t, [Vector(tuple(flat[k * int(lanes) : (k + 1) * int(lanes)])) for k in range(n)]
            )
        else:
            rows[name] = Memory(t, [Value(t, x) for x in start(name, t, n)])
    rows["V0"] = Memory("i32", rows["W0"].items)
    return rows


def padded(lanes):
    return 4 if lanes == 3 else lanes


def arguments(program):
    """Arrays, as both devices take them; V0 is W0 again."""
    arrays = {}
    for name, (t, n) in sizes(program).items():
        e, lanes = t.split("x") if "x" in t else (t, 1)
        lanes = int(lanes)
        if "x" not in t:
            arrays[name] = np.array(start(name, t, n), DTYPES[t])
            continue
        arrays[name] = np.zeros((n, padded(lanes)), DTYPES[e])
        if name == "BV":
            arrays[name][:, :lanes] = np.array(inputs(e, n * lanes), DTYPES[e]).reshape(n, lanes)
    arrays["V0"] = arrays["W0"]
    return arrays
