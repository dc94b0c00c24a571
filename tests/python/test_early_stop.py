# SPDX-License-Identifier: MIT
"""An access out of bounds ends a large launch soon, and the report is the same each time."""

import numpy as np
import pytest

import enigma

rt = enigma.HostRuntime()


@enigma.kernel
def copy(A: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] + 1


@enigma.kernel
def column_is_bad(
    A: enigma.f32, Out: enigma.f32, width: enigma.Scalar(enigma.u32), bad: enigma.Scalar(enigma.u32)
):
    x = enigma.thread_position_in_grid_xyz("x")
    y = enigma.thread_position_in_grid_xyz("y")
    position = enigma.select_((x == bad) & (y >= 700), enigma.u32(0xFFFFFFFF), x & 1023)
    Out[position] = A[y & 1023]


def failure(launch):
    with pytest.raises(enigma.OutOfBoundsError) as caught:
        launch()
    return str(caught.value)


def test_a_huge_launch_stops_at_its_first_bad_access():
    a, out = np.zeros(1000, np.float32), np.zeros(1000, np.float32)
    # Four thousand million threads would take more than the time-out, by far.
    text = failure(lambda: rt.launch(enigma.compile(copy), [a, out], 2**32 - 1, 256, timeout=2))
    assert "load from parameter A is out of bounds: index 1000, size 1000, thread (1000, 0, 0)" in text
    assert "the launch stopped there: threads after that one may not have run" in text
    assert (out == 1).all()


def test_the_report_of_a_huge_launch_does_not_depend_on_scheduling():
    a, out = np.zeros(1024, np.float32), np.zeros(1024, np.float32)
    compiled = enigma.compile(column_is_bad)
    width = 4096
    for _ in range(5):
        text = failure(lambda: rt.launch(compiled, [a, out, width, 3000], (width, 1 << 14, 1), (32, 32, 1)))
        assert "thread (3000, 700, 0)" in text


def test_a_launch_of_moderate_size_runs_to_its_end_and_counts():
    a, out = np.zeros(1000, np.float32), np.zeros(2000, np.float32)
    text = failure(lambda: rt.launch(enigma.compile(copy), [a, out], 2000, 256))
    assert "999 more accesses were out of bounds" in text
    assert (out == 1).all()  # the load gave 0
