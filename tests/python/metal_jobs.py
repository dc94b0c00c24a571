# SPDX-License-Identifier: MIT
"""Programs on enigma.MetalRuntime: jit functions of several launches, function constants, batches, shared memory.

python metal_jobs.py                              # on a Mac
python metal_jobs.py <the preloaded library>      # with the fake Metal preloaded (tests/metal/Preload.cpp), which counts

prints {"name of a job": "" or what went wrong}. test_metal_runtime.py starts it.
"""

import ctypes
import gc
import json
import sys
import traceback
from pathlib import Path

import numpy as np

import enigma

FAKE = ctypes.CDLL(sys.argv[1]) if len(sys.argv) > 1 else None
JOBS = []


def job(function):
    JOBS.append(function)
    return function


def counted(what):
    """What the fake has counted so far; 0 on a device that does not tell."""
    return getattr(FAKE, f"enigma_fake_metal_{what}")() if FAKE else 0


def misuse():
    if not FAKE:
        return ""
    FAKE.enigma_fake_metal_misuse.restype = ctypes.c_char_p
    return FAKE.enigma_fake_metal_misuse().decode()


def numbers(shape, seed=5):
    """Small whole numbers: sums and products of them are the same in every order."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float32)


# ---- Launches


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = alpha * X[i] + Y[i]


def other_saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = alpha * X[i] - Y[i]


@job
def every_way_to_launch_gives_the_same(rt):
    compiled = enigma.compile(saxpy)
    x, y = numbers((2, 1000))
    want = 3 * x + y
    out = np.zeros(1000, np.float32)
    rt.launch(compiled, [x, 3.0, y, out], grid=1000, threads=64)
    assert np.array_equal(out, want)
    raw = rt.execute(compiled, [x, 3.0, y], output_size=4000, grid=1000, threads=64)
    assert np.array_equal(np.frombuffer(raw, np.float32), want)
    a, b, c = rt.array(x), rt.array(y), rt.empty(1000)
    rt.launch(compiled, [a, 3.0, b, c], 1000, 64)
    rt.launch(compiled, [a, 1.0, c, c], 1000, 64)
    assert np.array_equal(c.numpy(), want + x)
    with rt.prepare(compiled, [x, 3.0, y], output_size=4000) as prepared:
        prepared.dispatch(grid=1000, threads=64)
        assert prepared.dispatch_timed(grid=1000, threads=64) >= 0
        assert np.array_equal(prepared.read_output(enigma.f32), want)
    np.testing.assert_array_equal(enigma.default_runtime().device_capabilities().backend, "metal")


@job
def a_batch_is_one_command_buffer(rt):
    compiled = enigma.compile(saxpy)
    a, out = rt.array(numbers(64)), rt.empty(64)
    rt.launch(compiled, [a, 1.0, out, out], 64, 32)
    rt.synchronize()
    before = counted("command_buffers"), counted("dispatches")
    with rt.batch():
        for _ in range(50):
            rt.launch(compiled, [a, 1.0, out, out], 64, 32)
    rt.synchronize()
    after = counted("command_buffers"), counted("dispatches")
    assert not FAKE or (after[0] - before[0], after[1] - before[1]) == (1, 50)
    assert np.array_equal(out.numpy(), 51 * numbers(64))


@job
def memory_is_shared_through_dlpack(rt):
    compiled = enigma.compile(saxpy)
    size = 4096  # whole pages, which Metal takes without a copy
    memory = np.zeros(2 * size + 4096, np.float32)
    start = -(memory.ctypes.data // 4) % 4096
    x, out = memory[start : start + size], memory[start + size : start + 2 * size]
    x[:] = numbers(size)
    shared = rt.from_dlpack(out)
    rt.launch(compiled, [rt.from_dlpack(x), 2.0, shared, shared], size, 256)
    assert np.array_equal(np.from_dlpack(shared), 2 * numbers(size))
    assert np.array_equal(out, 2 * numbers(size)) and np.shares_memory(out, shared.numpy()) is False


# ---- jit functions


def tensors(*rows):
    return [
        enigma.Tensor(name, i, enigma.f32, enigma.make_layout(*shape)) for i, (name, shape) in enumerate(rows)
    ]


@enigma.jit
def mean_and_subtract(A: enigma.Tensor, Out: enigma.Tensor):
    """Row sums into scratch memory, then each element without its row's mean: two launches."""
    rows, columns = 16, 64
    sums = enigma.scratch(rows, enigma.f32, name="sums")

    @enigma.kernel
    def total(a, s):
        row = enigma.thread_position_in_grid
        acc = enigma.f32(0)
        for j in enigma.range(columns):
            acc = acc + a[row, j]
        s[row] = acc

    @enigma.kernel
    def subtract(a, s, out):
        i = enigma.thread_position_in_grid
        out[i // columns, i % columns] = a[i // columns, i % columns] - s[i // columns] / columns

    total(A, sums).launch(grid=(rows, 1, 1), block=(rows, 1, 1))
    subtract(A, sums, Out).launch(grid=(rows * columns, 1, 1), block=(128, 1, 1))


@job
def launches_of_a_jit_function_run_in_order_on_scratch_memory(rt):
    a = numbers((16, 64)) * 64
    A, Out = tensors(("A", ((16, 64), (64, 1))), ("Out", ((16, 64), (64, 1))))
    compiled = enigma.compile(mean_and_subtract, A, Out)
    assert len(compiled.launches) == 2
    want = a - a.sum(1, keepdims=True) / 64
    out = np.zeros_like(a)
    rt.launch(compiled, [a, out])
    assert np.array_equal(out, want)
    raw = rt.execute(compiled, [a], output_size=a.nbytes)
    assert np.array_equal(np.frombuffer(raw, np.float32).reshape(16, 64), want)
    on_device, result = rt.array(a), rt.empty((16, 64))
    with rt.batch():
        rt.launch(compiled, [on_device, result])
    assert np.array_equal(result.numpy(), want)
    with rt.prepare(compiled, [a], output_size=a.nbytes) as prepared:
        for _ in range(3):
            prepared.dispatch()
        assert np.array_equal(prepared.read_output(enigma.f32).reshape(16, 64), want)


@enigma.jit
def tiled_transpose(A: enigma.Tensor, Out: enigma.Tensor):
    """Tiles of 8 by 8 through threadgroup memory, behind a barrier."""

    @enigma.kernel
    def inner(a, out):
        tile = enigma.threadgroup_alloc(64, enigma.f32)
        lane = enigma.thread_position_in_threadgroup("x")
        group = enigma.threadgroup_position_in_grid("x")
        row, column = lane // 8, lane % 8
        down, across = group // 4, group % 4
        tile[column * 8 + row] = a[down * 8 + row, across * 8 + column]
        enigma.barrier()
        out[across * 8 + row, down * 8 + column] = tile[row * 8 + column]

    inner(A, Out).launch(grid=(32 * 16, 1, 1), block=(64, 1, 1))


@job
def a_jit_function_uses_threadgroup_memory(rt):
    a = numbers((16, 32))
    A, Out = tensors(("A", ((16, 32), (32, 1))), ("Out", ((32, 16), (16, 1))))
    out = np.zeros((32, 16), np.float32)
    rt.launch(enigma.compile(tiled_transpose, A, Out), [a, out])
    assert np.array_equal(out, a.T)


@enigma.kernel
def simd_sums(A: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = enigma.simd_sum(A[i]) + enigma.simd_shuffle_xor(A[i], 1)


@job
def simdgroups_run_in_lockstep(rt):
    a, out = numbers(128), np.zeros(128, np.float32)
    rt.launch(enigma.compile(simd_sums), [a, out], 128, 64)
    assert np.array_equal(out, np.repeat(a.reshape(4, 32).sum(1), 32) + a[np.arange(128) ^ 1])


# ---- Function constants

TYPES = ("b1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "bf16", "f32")


def constant_kernel(dtype):
    @enigma.kernel
    def constant(Out: dtype, Given: enigma.b1):
        i = enigma.thread_position_in_grid
        number = enigma.function_constant(dtype, 7, "NUMBER", default=1)
        Out[i] = number
        Given[i] = enigma.is_function_constant_defined(number)

    return constant


def one_launch(rt, compiled, dtype):
    out, given = np.zeros(4, enigma.dtypes.numpy_dtype(dtype)), np.zeros(4, np.bool_)
    rt.launch(compiled, [out, given], 4, 4)
    assert (out == out[0]).all() and (given == given[0]).all()
    return out[0].item(), bool(given[0])


@job
def a_pipeline_takes_constants_of_every_type(rt):
    host = enigma.HostRuntime()
    for name in TYPES:
        dtype = getattr(enigma, name)
        compiled = enigma.compile(constant_kernel(dtype))
        number = {"b": False, "f": -2.5, "i": -100, "u": 200}[name[:2].rstrip("1") if name == "b1" else "f" if "f" in name else name[0]]  # fmt: skip
        special = compiled.specialize({"NUMBER": number})
        assert compiled.function_constants == {"NUMBER": dtype} and special.function_constants == {}
        for device in (rt, host):
            assert one_launch(device, compiled, dtype) == (1, False), name
            assert one_launch(device, special, dtype) == (number, True), name


@enigma.kernel
def power(A: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    x = enigma.f32(1)
    for _ in range(enigma.function_constant(enigma.i32, 0, "STEPS")):
        x = x * A[i]
    Out[i] = x


@job
def a_text_with_open_constants_is_compiled_once(rt):
    compiled = enigma.compile(power)
    a, out = numbers(16), np.zeros(16, np.float32)
    before = counted("libraries")
    for steps in (1, 2, 3, 2):
        special = compiled.specialize({"STEPS": steps})
        assert special.metal_source == compiled.metal_source
        rt.launch(special, [a, out], 16, 16)
        assert np.array_equal(out, a**steps)
    assert not FAKE or counted("libraries") - before == 1
    bound = enigma.compile(power, function_constants={"STEPS": 2})
    rt.launch(bound, [a, out], 16, 16)
    assert np.array_equal(out, a**2)
    assert not FAKE or counted("libraries") - before == 2
    try:
        rt.launch(compiled, [a, out], 16, 16)
        message = "none"
    except enigma.CompileError as error:
        message = str(error)
    assert 'function constant 0 "STEPS" has no value' in message


@enigma.kernel
def choose(A: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    if enigma.function_constant(enigma.b1, 0, "NEGATE"):
        Out[i] = -A[i]
    else:
        Out[i] = A[i] * enigma.function_constant(enigma.f32, 1, "SCALE")


@job
def constants_at_compile_and_at_the_pipeline_mix(rt):
    a, out = numbers(16), np.zeros(16, np.float32)
    for negate in (True, False):
        half = enigma.compile(choose, function_constants={"NEGATE": negate})
        special = half.specialize({"SCALE": 3})  # which the text of the first does not have
        for device in (rt, enigma.HostRuntime()):
            device.launch(special, [a, out], 16, 16)
            assert np.array_equal(out, -a if negate else 3 * a)


@job
def wide_kernels_take_constants(rt):
    compiled = enigma.compile(constant_kernel(enigma.f32), vec_width=4).specialize({"NUMBER": 8})
    for device in (rt, enigma.HostRuntime()):
        out, given = np.zeros(8, np.float32), np.zeros(8, np.bool_)
        device.launch(compiled, [out, given], 2, 2)
        assert (out == 8).all() and given.all()


@enigma.jit
def scaled_twice(A: enigma.Tensor, Out: enigma.Tensor):
    between = enigma.scratch(64, enigma.f32, name="between")

    @enigma.kernel
    def first(a, b):
        i = enigma.thread_position_in_grid
        b[i] = a[i] * enigma.function_constant(enigma.f32, 0, "ONE", default=1.0)

    @enigma.kernel
    def second(b, out):
        i = enigma.thread_position_in_grid
        out[i] = b[i] * enigma.function_constant(enigma.f32, 1, "TWO", default=1.0)

    first(A, between).launch(grid=64, block=32)
    second(between, Out).launch(grid=64, block=32)


@job
def launches_of_a_jit_function_take_constants(rt):
    A, Out = tensors(("A", ((64,), (1,))), ("Out", ((64,), (1,))))
    a, out = numbers(64), np.zeros(64, np.float32)
    compiled = enigma.compile(scaled_twice, A, Out)
    bound = enigma.compile(scaled_twice, A, Out, function_constants={"TWO": 5})
    assert set(compiled.function_constants) == {"ONE", "TWO"} and set(bound.function_constants) == {"ONE"}
    for device in (rt, enigma.HostRuntime()):
        for kernel, factor in (
            (compiled, 1),
            (compiled.specialize({"ONE": 2, 1: 3}), 6),
            (bound, 5),
            (bound.specialize({"ONE": 4}), 20),
        ):
            device.launch(kernel, [a, out])
            assert np.array_equal(out, factor * a)


def main():
    rt = enigma.MetalRuntime()
    results = {}
    for function in JOBS:
        try:
            function(rt)
            results[function.__name__] = misuse()
        except BaseException:
            results[function.__name__] = traceback.format_exc()
    # The device keeps pipelines, libraries with open constants, and memory for copies: when all of it is there, running
    # the jobs again may not leave a single object more.
    counts = []
    for _ in range(2):
        for function in JOBS:
            if function is not a_text_with_open_constants_is_compiled_once:  # which is true once
                function(rt)
        gc.collect()
        counts.append(counted("objects"))
    left = counts[1] - counts[0]
    results["no object of Metal is left over"] = f"{left} more than before" if left else ""
    print(json.dumps(results))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
