# SPDX-License-Identifier: MIT
"""Compares random kernels on the host, as Metal text in the stand-in, and in plain Python, many at a time.

    found, compared = failures(range(50))      # sentences about those that disagree, cut to the part that matters

`compared` leaves out the few programs that take too long or meet what Metal leaves open.
"""

import warnings

import numpy as np

import typed_runs as runs
from msl import standin
from shrinking import shrunk
from typed_programs import Program
from typed_python import TooLongError, expected
from typed_values import UnspecifiedError

BATCH = 50
"""Kernels to one process of clang."""


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
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", SyntaxWarning)  # of texts that are made at random
        return _failures(seeds)


def _failures(seeds):
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
    library = compiled_together({seed: compiled.metal_source for seed, (_, compiled, _) in waiting.items()})
    for seed, (program, _, want) in waiting.items():
        if isinstance(library[seed], Exception):
            text = waiting[seed][1].metal_source
            found.append(f"no clean Metal, seed {seed}: {library[seed]}\n{program.text}\n{text}")
        elif runs.differences(want, runs.in_metal_text(library[seed], program)):
            found.append(story(program, wrong_in_metal_text))
    return found, compared


def compiled_together(sources):
    """By one process of clang; one by one where some text is refused, which then has its error in place of a kernel."""
    try:
        return standin.compile_many(sources)
    except standin.StandInError:
        pass
    library = {}
    for seed, text in sources.items():
        try:
            library[seed] = standin.compile_many({seed: text})[seed]
        except standin.StandInError as error:
            library[seed] = error
    return library
