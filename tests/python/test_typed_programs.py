# SPDX-License-Identifier: MIT
"""Random kernels of all types, with control flow, vectors, barriers, operations among lanes and atomics: host, Metal text
in the stand-in, and Python agree. `./dev fuzz` takes thousands of them (fuzz_kernels.py).
"""

import pytest

import typed_check
from shrinking import shrunk
from typed_programs import Program
from typed_python import expected

SEEDS = range(24)


def test_random_programs_agree():
    found, compared = typed_check.failures(SEEDS)
    assert not found, "\n\n".join(found)
    assert compared > 0.8 * len(SEEDS)


def test_a_program_is_the_same_each_time():
    assert Program(5).text == Program(5).text != Program(6).text


@pytest.mark.parametrize("seed", [1, 2])
def test_python_gives_each_element_its_type(seed):
    program = Program(seed)
    want = expected(program.text, program)
    assert {want[f"O{k}"][0].t for k in range(len(program.out))} == set(program.out)


def test_a_failure_is_cut_to_the_part_that_matters():
    text = """
def f(a, b):
    c = a
    for i in range(5):
        if b > i:
            c = c + (b * 3 if a else (a - 2) % 7)
        else:
            c = 4
    while c:
        c -= 1
    return c
"""

    def fails(candidate):
        return "% 7" in candidate

    assert shrunk(text, fails) == "def f(a, b):\n    c = a % 7\n"


def test_cutting_stops_after_so_many_trials():
    trials = []
    assert shrunk("a = 1\nb = 2\nc = 3\n", lambda text: bool(trials.append(text)), limit=2).count("\n") == 3
    assert len(trials) == 2
