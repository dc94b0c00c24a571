# SPDX-License-Identifier: MIT
"""The layout operations that kernels call most, in microseconds per call from Python, beside their goals.

python benchmarks/layout_speed.py
"""

import statistics
import time
import timeit

import enigma.layout as en

a = en.Layout(((6, 2), 8), ((8, 2), 64))
b = en.Layout((4, 3), (3, 1))
c = en.Layout((2, 2), (1, 6))
tile = en.Layout((128, 64), (64, 1))
thr, val = en.make_ordered_layout((4, 64), (1, 0)), en.make_ordered_layout((4, 4), (1, 0))

CASES = [
    ("composition", lambda: en.composition(a, b), 0.5),
    ("complement", lambda: en.complement(c, 24), 0.4),
    ("logical_divide", lambda: en.logical_divide(tile, (16, 8)), 1.0),
    ("make_layout_tv", lambda: en.make_layout_tv(thr, val), 2.0),
    ("Layout(shape, stride)", lambda: en.Layout((128, 64), (64, 1)), None),
    ("layout(i, j)", lambda: tile(3, 5), None),
    ("coalesce", lambda: en.coalesce(a), None),
    ("right_inverse", lambda: en.right_inverse(tile), None),
]


def microseconds(call, number=20000, repeat=7):
    """The median over repeats of the processor time, less the cost of an empty call."""

    def median(f):
        return statistics.median(timeit.repeat(f, number=number, repeat=repeat, timer=time.process_time))

    return (median(call) - median(lambda: None)) / number * 1e6


def main():
    print(f"{'operation':24}{'microseconds':>14}{'goal':>8}")
    for name, call, goal in CASES:
        print(f"{name:24}{microseconds(call):14.2f}{goal if goal else '':>8}")


if __name__ == "__main__":
    main()
