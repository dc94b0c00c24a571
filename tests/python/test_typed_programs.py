# SPDX-License-Identifier: MIT
"""Random kernels of all types, with control flow, vectors, barriers, operations among lanes and atomics: host, Metal text
in the stand-in, and Python agree.

`./dev fuzz` takes thousands: ENIGMA_PROGRAMS says how many, ENIGMA_PROGRAMS_FIRST from which seed.
"""

import os
import warnings

import numpy as np
import pytest

import typed_runs as runs
from msl import standin
from shrinking import shrunk
from typed_programs import Program
from typed_python import TooLongError, expected
from typed_values import UnspecifiedError

FUZZ = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
FIRST = int(os.environ.get("ENIGMA_PROGRAMS_FIRST", "0"))
PROGRAMS = int(os.environ.get("ENIGMA_PROGRAMS", "2000" if FUZZ else "24"))
BATCH = 50  # kernels to one process of clang


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter(
            "ignore", SyntaxWarning
        )  # `1 is not callable` and the like, in what is made at random
        yield


def in_metal_text(compiled, program):
    library = standin.compile_many({"k": compiled.metal_source})
    return runs.in_metal_text(library["k"], program)


def wrong_on_host(text, program):
    return runs.differences(expected(text, program), runs.on_host(runs.traced(text, program), program))


def wrong_in_metal_text(text, program):
    compiled = runs.traced(text, program)
    if runs.exact(program):
        return runs.differences(expected(text, program), in_metal_text(compiled, program))
    host = runs.listed(runs.on_host(compiled, program), program)
    return runs.differences(host, in_metal_text(compiled, program))


def story(program, wrong):
    """What is wrong with a program, cut to the part that matters."""

    def fails(text):
        try:
            return bool(wrong(text, program))
        except Exception:
            return False

    text = shrunk(program.text, fails, limit=400)
    try:
        found = "\n".join(wrong(text, program)[:4]) + "\n" + runs.traced(text, program).metal_source
    except Exception as error:
        found = repr(error)
    return f"{wrong.__name__}, seed {program.seed}:\n{text}\n{found}"


def refused(program, error):
    """A program that should compile and does not, cut to the part that matters."""
    first = str(error).splitlines()[0]

    def fails(text):
        try:
            expected(text, program)
        except (TooLongError, UnspecifiedError):
            pass
        except Exception:
            return False
        try:
            runs.traced(text, program)
        except Exception as other:
            return str(other).splitlines()[0] == first
        return False

    return f"refused, seed {program.seed}:\n{shrunk(program.text, fails, limit=400)}\n{error}"


def failures(seeds):
    """Sentences about the programs that disagree, and how many were compared."""
    found, waiting, compared = [], {}, 0
    for seed in seeds:
        program = Program(seed)
        try:
            want = expected(program.text, program)
        except (TooLongError, UnspecifiedError):
            continue
        try:
            compiled = runs.traced(program.text, program)
        except Exception as error:
            found.append(refused(program, error))
            continue
        compared += 1
        host = runs.on_host(compiled, program)
        if not runs.exact(program):
            want = runs.listed(host, program)
        if runs.differences(want, host):
            found.append(story(program, wrong_on_host))
        else:
            waiting[str(seed)] = program, compiled, want
    library = standin.compile_many(
        {seed: compiled.metal_source for seed, (_, compiled, _) in waiting.items()}
    )
    for seed, (program, _, want) in waiting.items():
        if runs.differences(want, runs.in_metal_text(library[seed], program)):
            found.append(story(program, wrong_in_metal_text))
    return found, compared


def batches():
    return [range(at, min(at + BATCH, FIRST + PROGRAMS)) for at in range(FIRST, FIRST + PROGRAMS, BATCH)]


@pytest.mark.hypothesis  # ./dev fuzz takes more
@pytest.mark.parametrize("seeds", batches(), ids=lambda r: f"{r.start}-{r.stop - 1}")
def test_random_programs_agree(seeds):
    found, compared = failures(seeds)
    assert not found, "\n\n".join(found)
    assert compared > 0.8 * len(seeds)  # the others take too long, or meet what Metal leaves open
