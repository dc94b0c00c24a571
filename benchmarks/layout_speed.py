# SPDX-License-Identifier: MIT
"""The layout operations that kernels call most, in microseconds per call from Python, beside their goals.

python benchmarks/layout_speed.py

Beside them stands pycute, the reference in Python, where it is installed: PyPI's nvidia-cutlass has it (BSD-3-Clause;
not nvidia-cutlass-dsl, which is under another licence), and pycute itself needs nothing else:

.venv/bin/python -m pip install --no-deps nvidia-cutlass==4.2.0.0

Both are timed in turns within one run, after a check that they give the same layout.
"""

import statistics
import time
import timeit

import enigma.layout as en

try:
    import pycute
except ImportError:
    pycute = None


class Inputs:
    """The same layouts made by either library."""

    def __init__(self, library):
        self.a = library.Layout(((6, 2), 8), ((8, 2), 64))
        self.b = library.Layout((4, 3), (3, 1))
        self.c = library.Layout((2, 2), (1, 6))
        self.tile = library.Layout((128, 64), (64, 1))
        self.thr = library.Layout((4, 64), (64, 1))
        self.val = library.Layout((4, 4), (4, 1))


# Name, call, goal in microseconds, whether pycute has it.
CASES = [
    ("composition", lambda lib, x: lambda: lib.composition(x.a, x.b), 0.5, True),
    ("complement", lambda lib, x: lambda: lib.complement(x.c, 24), 0.4, True),
    ("logical_divide", lambda lib, x: lambda: lib.logical_divide(x.tile, (16, 8)), 1.0, True),
    ("make_layout_tv", lambda lib, x: lambda: lib.make_layout_tv(x.thr, x.val), 2.0, False),
    ("Layout(shape, stride)", lambda lib, x: lambda: lib.Layout((128, 64), (64, 1)), None, True),
    ("layout(i, j)", lambda lib, x: lambda: x.tile(3, 5), None, True),
    ("coalesce", lambda lib, x: lambda: lib.coalesce(x.a), None, True),
    ("right_inverse", lambda lib, x: lambda: lib.right_inverse(x.tile), None, True),
]


def microseconds(calls, number=5000, repeat=15):
    """For each call the median over repeats of the processor time, less the cost of an empty call."""
    calls = [lambda: None, *calls]
    rounds = [
        [timeit.timeit(f, number=number, timer=time.process_time) for f in calls] for _ in range(repeat)
    ]
    empty, *times = (statistics.median(column) / number * 1e6 for column in zip(*rounds, strict=True))
    return [t - empty for t in times]


def answer(result):
    """A layout as its shape and stride, to compare those of two libraries."""
    return (result.shape, result.stride) if hasattr(result, "stride") else result


def main():
    ours, theirs = Inputs(en), Inputs(pycute) if pycute else None
    print(f"{'operation':24}{'microseconds':>14}{'goal':>8}{'pycute':>10}{'ratio':>8}")
    for name, make, goal, has_peer in CASES:
        calls = [make(en, ours)]
        if theirs and has_peer:
            calls.append(make(pycute, theirs))
            if answer(calls[0]()) != answer(calls[1]()):
                raise SystemExit(f"{name}: {answer(calls[0]())} here, {answer(calls[1]())} from pycute")
        us, *peer = microseconds(calls)
        beside = f"{peer[0]:10.2f}{peer[0] / us:8.1f}" if peer else f"{'-':>10}{'-':>8}"
        print(f"{name:24}{us:14.2f}{goal if goal else '':>8}{beside}")
    if not pycute:
        print("pycute is not installed here; the first lines of this file say how")


if __name__ == "__main__":
    main()
