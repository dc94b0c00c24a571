# SPDX-License-Identifier: MIT
"""`with rt.batch():` on the CPU: order, results, and what has none yet."""

import threading

import numpy as np
import pytest

import enigma


@enigma.kernel
def chain(A: enigma.u32, value: enigma.Scalar(enigma.u32)):
    i = enigma.thread_position_in_grid
    A[i] = A[i] * 3 + value


@enigma.kernel
def beyond(A: enigma.u32):
    i = enigma.thread_position_in_grid
    A[i + 1] = 7


@enigma.kernel
def add_to(A: enigma.u32, Out: enigma.u32):
    i = enigma.thread_position_in_grid
    Out[i] = Out[i] + A[i]


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture(scope="module")
def compiled():
    return enigma.compile(chain)


@pytest.mark.parametrize("n", [16, 100_000])
def test_a_batch_runs_in_order(rt, compiled, n):
    a = rt.empty(n, enigma.u32)
    expected = 0
    with rt.batch() as batch:
        assert isinstance(batch, enigma.runtime.Batch)
        for value in range(50):
            rt.launch(compiled, [a, value], grid=n, threads=256)
            expected = (expected * 3 + value) % 2**32
    rt.synchronize()
    assert (a.numpy() == expected).all()


def test_prepared_kernels_are_recorded(rt):
    with rt.prepare(enigma.compile(add_to), [np.arange(8, dtype=np.uint32)], 32) as prepared:
        with rt.batch():
            for _ in range(5):
                prepared.dispatch(8, 8)
        assert np.array_equal(prepared.read_output(np.uint32), 5 * np.arange(8, dtype=np.uint32))
        with rt.batch():
            prepared.dispatch(8, 8)
            prepared.write_input(0, np.ones(8, np.uint32))  # waits for the launch that reads it
            prepared.dispatch(8, 8)
        assert prepared.read_output() == (6 * np.arange(8, dtype=np.uint32) + 1).tobytes()


def test_reading_inside_gives_what_was_recorded(rt, compiled):
    a = rt.empty(4, enigma.u32)
    with rt.batch():
        rt.launch(compiled, [a, 2], grid=4, threads=4)
        assert a.numpy()[0] == 2
        rt.launch(compiled, [a, 1], grid=4, threads=4)
    assert a.numpy()[3] == 7


def test_batches_nest(rt, compiled):
    a = rt.empty(4, enigma.u32)
    with rt.batch():
        with rt.batch():
            rt.launch(compiled, [a, 1], grid=4, threads=4)
        rt.launch(compiled, [a, 2], grid=4, threads=4)
    assert a.numpy()[0] == 5


def test_what_needs_its_result_at_once_is_refused(rt, compiled):
    own = np.zeros(4, np.uint32)
    a = rt.array(own)
    with rt.batch(), rt.prepare(enigma.compile(add_to), [a], 16) as prepared:
        with pytest.raises(
            enigma.LaunchError,
            match=r"chain: parameter A of a launch in a batch needs an array of the runtime, got numpy.ndarray",
        ):
            rt.launch(compiled, [own, 2], grid=4, threads=4)
        with pytest.raises(enigma.LaunchError, match="add_to: execute gives its result at once"):
            rt.execute(enigma.compile(add_to), [own], 16, grid=4, threads=4)
        with pytest.raises(enigma.LaunchError, match="dispatch_timed gives its result at once"):
            prepared.dispatch_timed(4, 4)
    rt.launch(compiled, [own, 2], grid=4, threads=4)
    assert own[0] == 2


def test_another_thread_is_not_in_the_batch(rt, compiled):
    own = np.zeros(4, np.uint32)

    def elsewhere():
        rt.launch(compiled, [own, 2], grid=4, threads=4)

    with rt.batch():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert own[0] == 2


def test_after_an_exception_the_launches_before_it_run(rt, compiled):
    a = rt.empty(4, enigma.u32)

    def fail():
        with rt.batch():
            rt.launch(compiled, [a, 2], grid=4, threads=4)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert a.numpy()[0] == 2
    rt.launch(compiled, [a, 2], grid=4, threads=4)
    assert a.numpy()[0] == 8


def test_an_error_in_a_batch_arrives_at_synchronize(rt, compiled):
    a, b = rt.empty(4, enigma.u32), rt.empty(4, enigma.u32)
    with rt.batch():
        rt.launch(enigma.compile(beyond), [a], grid=4, threads=4)
        rt.launch(compiled, [b, 2], grid=4, threads=4)
    with pytest.raises(enigma.OutOfBoundsError, match="beyond: store to parameter A is out of bounds"):
        rt.synchronize()
    assert b.numpy()[0] == 2


def test_a_batch_is_entered_once(rt):
    batch = rt.batch()
    with batch, pytest.raises(enigma.LaunchError, match="the batch is open already"):
        batch.__enter__()
    with batch:
        pass


def test_a_capture_needs_a_gpu_and_a_new_document(rt, tmp_path):
    existing = tmp_path / "old.gputrace"
    existing.touch()
    for path, error, message in [
        (tmp_path / "new.gputrace", enigma.UnsupportedError, "capture: .* has no GPU trace"),
        (tmp_path / "new", enigma.LaunchError, "the name of a trace ends with .gputrace"),
        (existing, enigma.LaunchError, "old.gputrace exists already"),
    ]:
        with pytest.raises(error, match=message), rt.capture(path):
            pytest.fail("the block must not run")
