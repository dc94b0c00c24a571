# SPDX-License-Identifier: MIT
"""What people pass by accident: never a crash, a hang or a wrong number, and a message that says what to do."""

import copy
import functools
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import enigma
from enigma import Constexpr, Scalar, f16, f32, i32, u64
from marks import notes, sentence

N = 64
X = np.arange(N, dtype=np.float32)


WITH_ENIGMA = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))


@enigma.kernel
def double(A: f32, Out: f32):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * 2


@enigma.kernel
def fill(value: Scalar(f32), Out: f32):
    Out[enigma.thread_position_in_grid] = value


@enigma.kernel
def busy(Out: f32):
    i = enigma.thread_position_in_grid
    x = Out[i]
    for _ in range(200):
        x = enigma.sin(x) + 1
    Out[i] = x


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def compiled():
    return enigma.compile(double)


def refusal(error, call):
    with pytest.raises(error) as caught:
        call()
    return caught.value


# ---- Arrays


def test_a_masked_array_is_refused_as_its_mask_would_be_lost(rt, compiled):
    masked = np.ma.array(X, mask=X > 3)
    error = refusal(TypeError, lambda: rt.execute(compiled, [masked], N * 4, N, 32))
    assert (
        sentence(error)
        == "double: parameter A needs an array of f32, got a masked array, whose mask kernels cannot see"
    )
    assert notes(error) == ["write x.filled(value), or x.data to ignore the mask"]
    assert "masked array" in sentence(refusal(TypeError, lambda: rt.array(masked)))


def test_device_arrays_take_numbers_of_the_other_byte_order(rt):
    assert rt.array(X.astype(">f4")).numpy().tolist() == X.tolist()
    assert rt.array(X.astype(">i2")).numpy().tolist() == X.tolist()


def test_launches_refuse_the_other_byte_order(rt, compiled):
    error = refusal(TypeError, lambda: rt.execute(compiled, [X.astype(">f4")], N * 4, N, 32))
    assert sentence(error) == "double: parameter A needs an array of f32, got >f4"


def test_a_list_of_floats_names_the_type_to_give(rt):
    assert notes(refusal(TypeError, lambda: rt.array([1.0]))) == ["write rt.array(x, enigma.f32)"]
    assert rt.array([1.0], f32).numpy().tolist() == [1.0]


def test_device_arrays_are_not_compared_silently(rt):
    a = rt.array(X)
    assert notes(refusal(TypeError, lambda: a == a.numpy())) == ["write a.numpy() == b.numpy()"]
    assert a in {a}


@pytest.mark.parametrize(("shape", "message"), [
    (2.5, "shape needs integers, got float"),
    ("ab", "shape needs integers, got str"),
    ((2, True), "shape needs integers, got bool"),
    (-1, "shape must be at least 0, got -1"),
    (1 << 70, f"shape is larger than any memory: {1 << 70}"),
])  # fmt: skip
def test_shapes_are_whole_numbers(rt, shape, message):
    assert sentence(refusal(enigma.EnigmaError, lambda: rt.empty(shape))) == message


def test_empty_arrays_pass_through(rt):
    empty = np.empty(0, np.float32)

    @enigma.kernel
    def one(A: f32, Out: f32):
        Out[0] = enigma.load_if(A, 0, enigma.b1(False), default=7.0)

    assert rt.execute(enigma.compile(one), [empty], output_shapes=1, grid=1, threads=1).tolist() == [7]


class Exporter:
    """Has nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_is_used_in_place_and_checked(rt, compiled):
    out = np.empty(N, np.float32)
    rt.launch(compiled, [Exporter(X), Exporter(out)], N, 32)
    assert np.array_equal(out, X * 2)
    wrong = refusal(TypeError, lambda: rt.launch(compiled, [Exporter(X.astype(np.float64)), out], N, 32))
    assert sentence(wrong) == "double: parameter A needs an array of f32, got float64"
    for view in (X[::2], X[::-1]):
        assert "contiguous" in sentence(
            refusal(ValueError, lambda view=view: rt.launch(compiled, [Exporter(view), out], 32, 32))
        )
    out.flags.writeable = False
    assert "read-only" in sentence(
        refusal(ValueError, lambda: rt.launch(compiled, [Exporter(X), Exporter(out)], N, 32))
    )


def test_a_dlpack_producer_that_fails_is_named(rt, compiled):
    class Broken:
        def __dlpack__(self, **options):
            raise RuntimeError

        def __dlpack_device__(self):
            return (1, 0)

    error = refusal(TypeError, lambda: rt.launch(compiled, [Broken(), X.copy()], N, 32))
    assert sentence(error).endswith("Broken, whose __dlpack__ gives no tensor")


# ---- Sizes


@pytest.mark.parametrize("size", [np.int64(N * 4), np.array(N * 4)])
def test_numpy_integers_are_output_sizes(rt, compiled, size):
    assert np.frombuffer(rt.execute(compiled, [X], size, N, 32), np.float32).tolist() == (X * 2).tolist()
    with rt.prepare(compiled, [X], size) as prepared:
        prepared.dispatch(N, 32)
        assert prepared.read_output(np.float32).tolist() == (X * 2).tolist()


@pytest.mark.parametrize("size", [256.0, "256", True, [256.0], None.__class__])
@pytest.mark.parametrize("options", [{}, {"output_dtypes": np.float32}])
def test_other_output_sizes_are_refused(rt, compiled, size, options):
    error = refusal(
        TypeError, lambda: rt.execute(compiled, [X], output_size=size, grid=N, threads=32, **options)
    )
    assert sentence(error).startswith("output_size needs integers, got ")


@pytest.mark.parametrize("size", [-4, 1 << 80])
@pytest.mark.parametrize("options", [{}, {"output_dtypes": np.float32}])
def test_impossible_output_sizes_are_refused(rt, compiled, size, options):
    error = refusal(
        ValueError, lambda: rt.execute(compiled, [X], output_size=size, grid=N, threads=32, **options)
    )
    assert sentence(error).startswith(
        ("output_size must be at least 0", "output_size is larger than any memory")
    )


def test_outputs_beyond_all_memory_are_refused(rt, compiled):
    for how in ({"output_size": 1 << 60}, {"output_shapes": 1 << 58}):
        assert "cannot allocate" in sentence(
            refusal(enigma.DeviceError, lambda how=how: rt.execute(compiled, [X], grid=N, threads=32, **how))
        )


def test_a_list_of_shapes_is_one_for_each_output(rt, compiled):
    error = refusal(ValueError, lambda: rt.execute(compiled, [X], output_shapes=[8, 8], grid=N, threads=32))
    assert notes(error) == ["output_shapes=(rows, columns) is one shape, a list is one for each output"]


def test_execute_names_missing_sizes(rt, compiled):
    assert (
        sentence(refusal(ValueError, lambda: rt.execute(compiled, [X], N * 4))) == "double: grid is missing"
    )
    assert (
        sentence(refusal(ValueError, lambda: rt.execute(compiled, [X], N * 4, N)))
        == "double: threads is missing"
    )


@pytest.mark.parametrize("call", [
    lambda rt, c: rt.launch(c, None, N, 32),
    lambda rt, c: rt.launch(None, [X, X], N, 32),
    lambda rt, c: rt.prepare(c, None, N * 4),
    lambda rt, c: rt.prepare(None, [X], N * 4),
    lambda rt, c: rt.execute(c, None, N * 4, N, 32),
    lambda rt, c: rt.execute(c, None, output_shapes=N, grid=N, threads=32),
    lambda rt, c: rt.prepare(c, [X], N * 4).write_input(0, None),
    lambda rt, c: rt.prepare(c, [X], N * 4).dispatch(None, None),
    lambda rt, c: rt.launch(c, [X, X.copy()], N, 32, timeout="1"),
])  # fmt: skip
def test_none_and_its_like_get_our_errors(rt, compiled, call):
    assert "incompatible function arguments" not in str(
        refusal(enigma.EnigmaError, lambda: call(rt, compiled))
    )


# ---- Scalars


def test_integers_of_any_size_become_floats(rt):
    kernel = enigma.compile(fill)
    assert rt.execute(kernel, [1 << 100], output_shapes=1, grid=1, threads=1)[0] == np.float32(2.0**100)
    for huge in (10**39, 10**400):
        error = refusal(
            ValueError, lambda huge=huge: rt.execute(kernel, [huge], output_shapes=1, grid=1, threads=1)
        )
        assert sentence(error).startswith("fill: parameter value is a scalar of f32, which cannot hold 1")


def test_integers_beyond_64_bits_are_out_of_range(rt):
    @enigma.kernel
    def keep(value: Scalar(u64), Out: u64):
        Out[0] = value

    error = refusal(
        ValueError, lambda: rt.execute(enigma.compile(keep), [1 << 64], output_shapes=1, grid=1, threads=1)
    )
    assert sentence(error) == f"keep: parameter value is a scalar of u64, which cannot hold {1 << 64}"
    assert error.line is None


# ---- Decorating, copying, calling


def test_the_decorator_takes_no_parentheses():
    for use in (lambda: enigma.kernel(), lambda: enigma.kernel(vec_width=4)):
        assert sentence(refusal(TypeError, use)) == "@enigma.kernel takes no arguments and no parentheses"


def test_a_kernel_is_decorated_once():
    assert (
        sentence(refusal(TypeError, lambda: enigma.kernel(double)))
        == "@enigma.kernel: double is a kernel already"
    )


def test_the_kernel_decorator_stands_next_to_the_def():
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)

        return wrapper

    def body(A: f32, Out: f32):
        Out[0] = A[0]

    error = refusal(TypeError, lambda: enigma.kernel(logged(body)))
    assert notes(error) == ["put @enigma.kernel directly above the def, and other decorators above it"]


def test_self_is_explained():
    class Filter:
        @enigma.kernel
        def smooth(self, A: f32, Out: f32):
            Out[0] = A[0]

    error = refusal(TypeError, lambda: enigma.compile(Filter.smooth))
    assert sentence(error) == "kernel smooth: a kernel is no method, so nothing is passed for self"


def test_an_object_is_a_constant(rt):
    class Filter:
        scale = 3.0

        @enigma.kernel
        def smooth(self: Constexpr, A: f32, Out: f32):
            i = enigma.thread_position_in_grid
            Out[i] = A[i] * self.scale

    compiled = enigma.compile(Filter.smooth, self=Filter())
    assert np.array_equal(rt.execute(compiled, [X], output_shapes=N, grid=N, threads=32), X * 3)


def test_kernels_copy_as_themselves_and_pickle_by_name(compiled):
    assert copy.copy(double) is copy.deepcopy(double) is double
    assert pickle.loads(pickle.dumps(double)) is double
    assert copy.copy(compiled) is copy.deepcopy(compiled) is compiled
    assert "compile it in the other process" in str(refusal(TypeError, lambda: pickle.dumps(compiled)))


def test_errors_pickle_with_their_place():
    @enigma.kernel
    def branches(A: f32, Out: f32):
        Out[0] = sorted([A[0], 1.0])[0]

    error = refusal(TypeError, lambda: enigma.compile(branches))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.line, again.hints) == (
        type(error),
        str(error),
        error.line,
        error.hints,
    )


def test_launching_by_a_call_says_how_to_launch(compiled):
    assert notes(refusal(TypeError, lambda: compiled(X, X)))[0].startswith(
        "write compiled[grid, threads](...)"
    )
    assert "enigma.compile(double)" in notes(refusal(TypeError, lambda: double[N, 32](X, X)))[0]


def test_a_constant_cannot_take_the_name_of_an_option():
    @enigma.kernel
    def taken(Out: f32, vec_width: Constexpr):
        Out[0] = vec_width

    error = refusal(TypeError, lambda: enigma.compile(taken, vec_width=4))
    assert sentence(error) == (
        "kernel taken: the Constexpr parameter vec_width has the name of an option of enigma.compile"
    )


# ---- Names


def test_names_that_msl_reserves_are_changed_as_often_as_they_are_bound(rt):
    @enigma.kernel
    def kernel(device: f32, _: f32):
        simd_x = device[enigma.thread_position_in_grid] + 1
        simd_x = enigma.sin(simd_x) + 2
        simd_x = enigma.cos(simd_x) + 3
        enigma_x = simd_x * simd_x
        enigma_x = enigma.sqrt(enigma_x) - enigma.exp(enigma_x)
        enigma_x = enigma_x / simd_x + enigma_x
        INT_MAX = enigma_x + 1
        INT_MAX = INT_MAX * INT_MAX
        half = INT_MAX - enigma.sin(INT_MAX)
        _[enigma.thread_position_in_grid] = half

    text = enigma.compile(kernel).metal_source
    assert "* device [[" not in text
    assert "float* __ " not in text
    assert " simd_x" not in text
    assert "v_simd_x" in text


def test_names_beyond_ascii_work(rt):
    @enigma.kernel
    def größe(Ä: f32, π: f32):
        η = enigma.thread_position_in_grid
        π[η] = Ä[η] * 2 + 1

    compiled = enigma.compile(größe)
    assert compiled.param_names == ["Ä", "π"]
    assert np.array_equal(rt.execute(compiled, [X], output_shapes=N, grid=N, threads=32), X * 2 + 1)


# ---- Bodies


def test_formatting_a_value_as_a_number_is_refused(capsys):
    @enigma.kernel
    def shown(A: f32, Out: f32):
        x = A[0] + 1
        print(f"{x} {A}")
        Out[0] = x

    @enigma.kernel
    def formatted(A: f32, Out: f32):
        print(f"{A[0]:.3f}")
        Out[0] = A[0]

    enigma.compile(shown)
    assert capsys.readouterr().out == "<f32 value x in kernel shown> <buffer A of f32>\n"
    error = refusal(TypeError, lambda: enigma.compile(formatted))
    assert sentence(error).startswith("a traced value cannot be formatted as a number")


def test_a_vector_that_crosses_the_end_is_reported_as_one(rt):
    compiled = enigma.compile(double, vec_width=4)
    error = refusal(IndexError, lambda: rt.execute(compiled, [X[:63]], output_shapes=63, grid=16, threads=32))
    assert "index 60 and its neighbours, size 63" in str(error)


def test_endless_recursion_leaves_nothing_behind():
    def down(x):
        return down(x + 1)

    @enigma.kernel
    def endless(A: f32, Out: f32):
        Out[0] = down(A[0])

    refusal(enigma.TraceError, lambda: enigma.compile(endless))
    assert enigma.compile(double).kernel_name == "enigma_kernel_double"  # nothing is left behind


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_exceptions_of_a_body_pass_through(error):
    @enigma.kernel
    def failing(Out: f32):
        Out[0] = 1.0
        raise error

    refusal(error, lambda: enigma.compile(failing))


def test_generators_lists_and_recursion_unroll(rt):
    def parts(x):
        for k in range(3):
            yield x * k

    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    @enigma.kernel
    def unrolled(A: f32, Out: f32):
        i = enigma.thread_position_in_grid
        first, *rest = [A[i] * k for k in range(3)]
        Out[i] = sum(parts(A[i])) + power(A[i], 3) + first + rest[-1]

    assert np.array_equal(
        rt.execute(enigma.compile(unrolled), [X], output_shapes=N, grid=N, threads=32), 3 * X + X**3 + 2 * X
    )


def test_indices_far_away_are_reported_not_followed(rt):
    @enigma.kernel
    def far(Out: i32):
        Out[enigma.u64(enigma.thread_position_in_grid) + (1 << 63)] = 1

    error = refusal(IndexError, lambda: rt.execute(enigma.compile(far), [], 4, 1, 1))
    assert f"index {1 << 63}, size 1" in str(error)


def test_f16_scalars_round_and_refuse_infinity_by_overflow(rt):
    @enigma.kernel
    def keep(value: Scalar(f16), Out: f16):
        Out[0] = value

    compiled = enigma.compile(keep)
    for good in (65504, 65519, 1e-10, float("inf"), -0.0):
        out = rt.execute(compiled, [good], output_shapes=1, grid=1, threads=1)
        assert out.tobytes() == np.array([good], np.float16).tobytes()
    refusal(ValueError, lambda: rt.execute(compiled, [65520], output_shapes=1, grid=1, threads=1))


# ---- Threads and processes


def test_releasing_a_prepared_kernel_while_threads_dispatch_it(rt):
    for _ in range(5):
        prepared = rt.prepare(enigma.compile(busy), [], 1 << 18)
        errors = []

        def dispatch(prepared=prepared, errors=errors):
            try:
                for _ in range(20):
                    prepared.dispatch(1 << 16, 256)
                    prepared.read_output(np.float32)
            except enigma.LaunchError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=dispatch) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        prepared.release()
        for thread in threads:
            thread.join()
        assert errors
        assert all("is released" in e for e in errors)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_compiles_and_launches(tmp_path):
    script = tmp_path / "forked.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing
        import numpy as np
        import enigma

        @enigma.kernel
        def double(A: enigma.f32, Out: enigma.f32):
            i = enigma.thread_position_in_grid
            Out[i] = A[i] * 2

        rt = enigma.HostRuntime()
        x = np.ones(1 << 16, np.float32)

        def work(contract):
            compiled = enigma.compile(double, contract=contract)
            return float(rt.execute(compiled, [x], output_shapes=x.size, grid=x.size, threads=256).sum())

        if __name__ == "__main__":
            assert work(True) == 2 * x.size
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map_async(work, [True, False, True, False]).get(60) == [2.0 * x.size] * 4
            print("done")
    """)
    )
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, env=WITH_ENIGMA
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_leaving_python_with_launches_under_way_is_quiet():
    script = textwrap.dedent("""
        import numpy as np, enigma
        from test_odd_inputs import busy
        rt = enigma.HostRuntime()
        a = rt.array(np.ones(1 << 22, np.float32))
        for _ in range(5):
            rt.launch(enigma.compile(busy), [a], 1 << 22, 256)
    """)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=WITH_ENIGMA
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
