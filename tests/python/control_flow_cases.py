# SPDX-License-Identifier: MIT
"""Plain functions that a kernel calls and that Python runs unchanged on NumPy scalars.

cases = Cases()

@cases.add
def a_sum(A, B, t, n): ...      # A is 16 floats, B 16 ints, t the thread (i32), n = 6 (i32)

cases.check("a_sum")            # the kernel's Metal text is executed; for every thread it gives what Python does
"""

import functools

import numpy as np

import enigma as en
from msl import standin

THREADS = 16
A_DATA = np.array([3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5, -8, 9, 7, -9, 3], np.float32)
B_DATA = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5], np.int32)


def compiled(function):
    @en.kernel
    def k(A: en.f32, B: en.i32, n: en.Scalar(en.i32), Out: en.f32):
        t = en.thread_position_in_grid
        Out[t] = en.f32(function(A, B, en.i32(t), n))

    return en.compile(k)


class Cases(dict):
    def add(self, function):
        self[function.__name__] = function
        return function

    @functools.cached_property
    def texts(self):
        """The Metal text of each, or the error."""
        found = {}
        for name, function in self.items():
            try:
                found[name] = compiled(function).metal_source
            except Exception as error:
                found[name] = error
        return found

    @functools.cached_property
    def library(self):
        return standin.compile_many(
            {name: text for name, text in self.texts.items() if isinstance(text, str)}
        )

    def check(self, name):
        text = self.texts[name]
        if isinstance(text, Exception):
            raise text
        out = np.zeros(THREADS, np.float32)
        self.library[name].run([A_DATA.copy(), B_DATA.copy(), 6, out], grid=THREADS, threads=THREADS)
        with np.errstate(all="ignore"):
            expected = [float(self[name](A_DATA, B_DATA, np.int32(t), np.int32(6))) for t in range(THREADS)]
        np.testing.assert_array_equal(out, np.array(expected, np.float32), err_msg=text)
