# SPDX-License-Identifier: MIT
"""Several Python threads compile and launch at once; Ctrl-C and time-outs stop a launch."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import enigma
from enigma import Constexpr, f32


@enigma.kernel
def affine(A: f32, Out: f32, factor: Constexpr, offset: Constexpr):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * factor + offset


@enigma.kernel
def endless(Out: f32):
    """Long enough on any machine: launched on a grid of 2**42 threads it runs for minutes."""
    i = enigma.thread_position_in_grid
    enigma.store_if(Out, 0, 1.0, i == 7)


FOREVER = {"grid": (2**32 - 1, 1024, 1), "threads": 1024}


def test_threads_compile_and_launch_different_kernels_at_once():
    rt = enigma.HostRuntime()
    a = np.arange(5000, dtype=np.float32)

    def work(n):
        for round_ in range(5):
            compiled = enigma.compile(affine, factor=float(n), offset=float(round_))
            out = rt.execute(compiled, [a], output_shapes=a.shape, grid=a.size, threads=128)
            if not np.array_equal(out, a * n + round_):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def test_threads_share_one_prepared_kernel():
    rt = enigma.HostRuntime()
    a = np.arange(100, dtype=np.float32)
    prepared = rt.prepare(enigma.compile(affine, factor=3.0, offset=1.0), [a], a.nbytes)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: prepared.dispatch(a.size, 32), range(200)))
    assert np.array_equal(prepared.read_output(np.float32), a * 3 + 1)


def test_each_thread_traces_for_itself():
    barrier = threading.Barrier(2, timeout=30)

    def trace(factor):
        def k(A: f32, Out: f32):
            x = A[0]
            barrier.wait()  # both threads are in the middle of a trace
            Out[0] = x * factor

        return enigma.compile(enigma.kernel(k)).metal_source

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(trace, (2.0, 3.0))
    assert "2.0f" in first
    assert "3.0f" not in first
    assert "3.0f" in second


def test_a_value_of_another_threads_trace_is_refused():
    values = []

    def k(A: f32, Out: f32):
        values.append(A[0])
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        Out[0] = 1

    errors = []

    def use():
        try:
            values[0] + 1
        except enigma.TraceError as error:
            errors.append(error)

    enigma.compile(enigma.kernel(k))
    assert len(errors) == 1


def test_other_python_threads_run_during_a_launch():
    rt = enigma.HostRuntime()
    out = np.zeros(1, np.float32)
    counted = 0
    done = threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(enigma.LaunchError):
        rt.launch(enigma.compile(endless), [out], **FOREVER, timeout=0.3)
    done.set()
    thread.join()
    assert counted > 10


def test_other_python_threads_run_during_a_compile():
    @enigma.kernel
    def long(A: enigma.f32, Out: enigma.f32):
        x = A[0]
        for k in range(5000):
            x = enigma.sin(x) * k
        Out[0] = x

    # Python itself takes no turns while the kernel is traced, so what is counted is counted in the compiler.
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=enigma.compile, args=(long,))
        thread.start()
        counted = 0
        while thread.is_alive():
            time.sleep(0.001)
            counted += 1
        thread.join()
    finally:
        sys.setswitchinterval(before)
    assert counted > 5


def test_a_time_out_stops_a_launch():
    rt = enigma.HostRuntime()
    out = np.zeros(1, np.float32)
    start = time.monotonic()
    with pytest.raises(enigma.LaunchError, match=r"endless: stopped after the time-out of 0\.2"):
        rt.launch(enigma.compile(endless), [out], **FOREVER, timeout=0.2)
    assert time.monotonic() - start < 20
    prepared = rt.prepare(enigma.compile(endless), [], 4)
    with pytest.raises(enigma.LaunchError, match="stopped after the time-out"):
        prepared.dispatch(**FOREVER, timeout=0.1)


@pytest.fixture
def keyboard():
    """Python's own answer to SIGINT: a job started in the background inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_soon():
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.usefixtures("keyboard")
def test_ctrl_c_stops_a_launch():
    rt = enigma.HostRuntime()
    out = np.zeros(1, np.float32)
    compiled = enigma.compile(endless)
    timer = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        rt.launch(compiled, [out], **FOREVER, timeout=60)
    timer.join()
    rt.launch(compiled, [out], grid=100, threads=32)  # the runtime goes on
    assert out[0] == 1


@pytest.mark.usefixtures("keyboard")
def test_ctrl_c_stops_waiting_for_the_background():
    rt = enigma.HostRuntime()
    out = rt.empty(1)
    rt.launch(enigma.compile(endless), [out], **FOREVER, timeout=60)
    timer = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        rt.synchronize()
    timer.join()


def test_an_error_is_raised_to_the_thread_that_launched():
    rt = enigma.HostRuntime()
    compiled = enigma.compile(affine, factor=1.0, offset=0.0)

    def work(n):
        a = np.zeros(10, np.float32)
        if n % 2:
            with pytest.raises(enigma.OutOfBoundsError):
                rt.launch(compiled, [a, a.copy()], 11, 32)
        else:
            rt.launch(compiled, [a, a.copy()], 10, 32)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))
