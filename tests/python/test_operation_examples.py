# SPDX-License-Identifier: MIT
"""The example of each operation (EnigmaExamples.td) runs, and gives what stands behind its #.

`lane` and `q` are the numbers of a thread in its simdgroup and quadgroup; A is 0.5, 1.5, ... of f32; N, U, L are 8, 8, ...
of i32, u32, u64. Examples without an effect share a kernel.
"""

import ast
import json
import linecache
from pathlib import Path

import numpy as np
import pytest

import enigma

OPS = json.loads((Path(enigma.__file__).parent / "_ops.json").read_text())
EXAMPLES = {op["name"]: op["example"] for op in OPS}
LANES, MOST = 32, 4
CONSTANTS = {"n": 3}


def parts_of(value):
    """The numbers of a result: a scalar, a vector, several."""
    if isinstance(value, tuple):
        return value
    lanes = getattr(value, "_lanes", 1)
    return tuple(value[k] for k in range(lanes)) if lanes > 1 else (value,)


def store(value, Floats, Wholes, at):
    for k, part in enumerate(parts_of(value)):
        typed = (
            part
            if hasattr(part, "_type")
            else enigma.f32(part)
            if isinstance(part, float)
            else enigma.i32(part)
        )
        if typed._type in ("f16", "bf16", "f32"):
            Floats[at * MOST + k] = enigma.f32(typed)
        else:
            Wholes[at * MOST + k] = enigma.i64(typed)


def split(example):
    """Its lines, the last of them without its value, the lane of that value, and the value."""
    *lines, last = example.splitlines()
    code, mark, comment = last.partition("  # ")
    if not mark:
        return [*lines, last], None, None
    lane, _, value = comment.rpartition(": ") if comment.startswith("lane ") else ("", "", comment)
    return [*lines, code], int(lane.removeprefix("lane ")) if lane else None, ast.literal_eval(value)


def text_of(name, number):
    lines, _, value = split(EXAMPLES[name])
    if value is not None:
        lines[-1] = f"return {lines[-1]}"
    body = "".join(f"    {line}\n" for line in lines)
    return f"def example_{number}(A, N, U, L, lane, q):\n{body}"


def results(names):
    """What the examples give: {name: array of lanes x numbers}, of floats or of integers."""
    head = "def k(A: enigma.f32, N: enigma.i32, U: enigma.u32, L: enigma.u64, Floats: enigma.f32, Wholes: enigma.i64):\n"
    body = "    lane, q = enigma.thread_index_in_simdgroup(), enigma.thread_index_in_quadgroup()\n"
    for k in range(len(names)):
        body += f"    value = example_{k}(A, N, U, L, lane, q)\n"
        body += f"    if value is not None:\n        store(value, Floats, Wholes, {k * LANES} + lane)\n"
    text = "".join(text_of(name, k) + "\n" for k, name in enumerate(names)) + head + body
    file = f"<examples {names[0]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = {"enigma": enigma, "store": store}
    exec(compile(text, file, "exec"), space)
    compiled = enigma.compile(
        enigma.kernel(space["k"]), function_constants=CONSTANTS if names == ["function_constant"] else None
    )
    arrays = [np.arange(64, dtype=np.float32) + 0.5]
    arrays += [np.full(64, 8, t) for t in (np.int32, np.uint32, np.uint64)]
    size = len(names) * LANES * MOST
    arrays += [np.full(size, np.nan, np.float32), np.full(size, -(2**62), np.int64)]
    enigma.HostRuntime().launch(compiled, arrays, LANES, LANES)
    floats, wholes = (a.reshape(len(names), LANES, MOST) for a in arrays[-2:])
    return {name: (floats[k], wholes[k]) for k, name in enumerate(names)}


def check(name, given):
    _, lane, value = split(EXAMPLES[name])
    if value is None:
        return
    want = value if isinstance(value, tuple) else (value,)
    lanes = range(LANES) if lane is None else [lane]
    for k, number in enumerate(want):
        got = given[0 if isinstance(number, float) else 1][lanes, k]
        tolerance = 5e-3 if "half" in name else 1e-5
        np.testing.assert_allclose(
            got, float(number), rtol=tolerance, atol=tolerance / 100, err_msg=EXAMPLES[name]
        )
        assert isinstance(number, float) or (got == int(number)).all()


def alone(name):
    """Whether an example changes memory, or needs more than the others."""
    text = EXAMPLES[name]
    return "\n" in text or "(U," in text


SHARED = [name for name in EXAMPLES if not alone(name)]
BATCHES = [SHARED[k : k + 32] for k in range(0, len(SHARED), 32)]


def test_every_operation_has_an_example():
    assert [name for name, text in EXAMPLES.items() if not text] == []


@pytest.mark.parametrize("names", BATCHES, ids=lambda names: f"{names[0]}-{names[-1]}")
def test_examples_give_what_they_say(names):
    given = results(names)
    for name in names:
        check(name, given[name])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if alone(name) and name != "kernel"])
def test_example_of_several_lines_gives_what_it_says(name):
    check(name, results([name])[name])


def test_the_example_of_a_kernel():
    text = EXAMPLES["kernel"]
    linecache.cache["<kernel>"] = (len(text), None, text.splitlines(True), "<kernel>")
    space = {"enigma": enigma}
    exec(compile(text, "<kernel>", "exec"), space)
    a = np.arange(5, dtype=np.float32)
    enigma.HostRuntime().launch(enigma.compile(space["double"]), [a], 5, 5)
    np.testing.assert_array_equal(a, 2 * np.arange(5))


@pytest.mark.parametrize("op", OPS, ids=lambda op: op["name"])
def test_the_example_names_the_function(op):
    names = [f["name"] for f in op["functions"]]
    operators = op["group"] in ("Operators", "Comparisons")
    assert not names or operators or any(f"enigma.{name}(" in op["example"] for name in names)
