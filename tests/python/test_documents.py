# SPDX-License-Identifier: MIT
"""The snippets of the documents as they are written there, on the host; results against NumPy."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import enigma
import enigma as en
from enigma import f32, thread_position_in_grid


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


def test_saxpy_and_its_prepared_form(rt, rng):
    n = 65536
    x, y = rng.random(n, np.float32), rng.random(n, np.float32)
    alpha_val = np.array([2.5], np.float32)
    expected = (x.astype(np.float64) * 2.5 + y).astype(np.float32)  # rounded once
    compiled = enigma.compile(saxpy)
    raw = rt.execute(
        compiled,
        inputs=[x, alpha_val, y],   # numpy arrays in parameter order
        output_size=n * 4,
        grid=(n, 1, 1),
        threads=(256, 1, 1),
    )  # fmt: skip
    assert np.array_equal(np.frombuffer(raw, np.float32), expected)

    prepared = rt.prepare(compiled, inputs=[x, alpha_val, y], output_size=n * 4)
    # later:
    prepared.dispatch(grid=(n, 1, 1), threads=(256, 1, 1))
    result = prepared.read_output(dtype=np.float32)
    assert np.array_equal(result, expected)
    elapsed_ms = prepared.dispatch_timed(grid=(n, 1, 1), threads=(256, 1, 1))
    assert elapsed_ms > 0


@enigma.kernel
def elementwise(A: enigma.f32, B: enigma.f32, C: enigma.f32):
    tid = enigma.thread_position_in_grid
    C[tid] = A[tid] + B[tid]


def test_elementwise(rt, rng):
    n = 65536
    a, b = rng.random(n, np.float32), rng.random(n, np.float32)
    compiled = enigma.compile(elementwise)
    raw = rt.execute(compiled, [a, b], output_size=n * 4, grid=(n, 1, 1), threads=(256, 1, 1))
    assert np.array_equal(np.frombuffer(raw, np.float32), a + b)


def test_vec_width(rt, rng):
    n = 65536
    a, b = rng.random(n, np.float32), rng.random(n, np.float32)
    compiled = enigma.compile(elementwise, vec_width=4)
    raw = rt.execute(compiled, [a, b], output_size=n * 4,
                     grid=(n // 4, 1, 1), threads=(256, 1, 1))  # fmt: skip
    assert np.array_equal(np.frombuffer(raw, np.float32), a + b)


@enigma.kernel
def matscale(A: enigma.f32, C: enigma.f32):
    row = enigma.thread_position_in_grid_xyz("y")
    col = enigma.thread_position_in_grid_xyz("x")
    idx = row * 512 + col  # row-major, cols=512
    C[idx] = A[idx] * 2.0


def test_matscale(rt, rng):
    rows, cols = 256, 512
    a = rng.random((rows, cols), np.float32)
    compiled = enigma.compile(matscale)
    raw = rt.execute(compiled, [a], output_size=rows * cols * 4,
                     grid=(cols, rows, 1), threads=(16, 16, 1))  # fmt: skip
    assert np.array_equal(np.frombuffer(raw, np.float32).reshape(rows, cols), a * 2)
    assert "* 512u" in compiled.metal_source or "512" in compiled.metal_source


def test_predicated_load_and_store(rt):
    @enigma.kernel
    def bounded(A: enigma.f32, C: enigma.f32, n: enigma.Scalar(enigma.i32)):
        tid = enigma.thread_position_in_grid
        mask = enigma.cmp_lt(tid, n)
        val = enigma.load_if(A, tid, mask, default=enigma.f32(0.0))
        enigma.store_if(C, tid, val, mask)

    a, c = np.arange(10, dtype=np.float32), np.full(10, -1, np.float32)
    rt.launch(enigma.compile(bounded), [a, c, 7], grid=(32, 1, 1), threads=(32, 1, 1))
    assert c.tolist() == [0, 1, 2, 3, 4, 5, 6, -1, -1, -1]


def test_device_limits(rt):
    caps = rt.device_capabilities()
    assert caps.max_threads_per_threadgroup == 1024
    assert caps.simdgroup_size == 32


def test_every_import_form_of_the_documents(rt):
    @en.kernel
    def add(A: f32, B: en.f32, C: enigma.Float32):
        tid = thread_position_in_grid
        C[tid] = A[tid] + B[tid]

    a = np.arange(4, dtype=np.float32)
    assert rt.execute(en.compile(add), [a, a], output_shapes=4, grid=4, threads=4).tolist() == [0, 2, 4, 6]


# ---- The compilation page


def test_debug_output(capsys):
    enigma.compile(elementwise, dump_ir=True)
    assert "%tid = thread_position_in_grid x : u32" in capsys.readouterr().out
    enigma.compile(elementwise, dump_mlir=True)
    assert "enigma.load %A[%tid]" in capsys.readouterr().out
    enigma.compile(elementwise)
    assert capsys.readouterr().out == ""


def test_artifacts_in_a_work_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compiled = enigma.compile(elementwise, keep_metal_source=True, work_dir="./build")
    assert (tmp_path / "build" / "enigma_kernel_elementwise.metal").read_text() == compiled.metal_source
    assert os.listdir(tmp_path / "build") == ["enigma_kernel_elementwise.metal"]


def test_emit_only_is_automatic_where_there_is_no_metal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for compiled in (enigma.compile(elementwise, emit_only=True), enigma.compile(elementwise)):
        if compiled.emit_only:
            assert (compiled.metallib_path, compiled.metallib_bytes, compiled.has_metallib) == (
                None,
                None,
                False,
            )
    assert enigma.compile(elementwise).emit_only == (sys.platform != "darwin")
    assert os.listdir(tmp_path) == []


def test_the_table_of_attributes():
    compiled = enigma.compile(saxpy)
    assert compiled.kernel_name == "enigma_kernel_saxpy"
    assert "kernel void enigma_kernel_saxpy(" in compiled.metal_source
    assert "device float* Out [[buffer(3)]]" in compiled.metal_source
    assert compiled.kernel_source == compiled.metal_source
    assert "enigma.kernel @enigma_kernel_saxpy" in compiled.mlir_source
    assert compiled.ir_source.startswith("kernel enigma_kernel_saxpy(")
    assert compiled.param_names == ["X", "alpha", "Y", "Out"]
    assert compiled.scalar_params == ["alpha"]
    assert compiled.outputs == ["Out"]
    assert (compiled.grid, compiled.block) == (None, None)
    assert isinstance(compiled, enigma.CompiledKernel)


def test_export_metal_gives_the_resolved_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compiled = enigma.compile(saxpy)
    path = compiled.export_metal("texts/../saxpy.metal")
    assert path == str(tmp_path.resolve() / "saxpy.metal")
    assert Path(path).read_text() == compiled.metal_source


def test_the_body_runs_once_per_compile_and_never_at_dispatch(rt):
    runs = []

    @enigma.kernel
    def traced(A: enigma.f32, C: enigma.f32):
        runs.append(type(A))
        tid = enigma.thread_position_in_grid
        runs.append(type(A[tid]))
        C[tid] = A[tid]

    compiled = enigma.compile(traced)
    for _ in range(3):
        rt.execute(compiled, [np.zeros(4, np.float32)], output_size=16, grid=4, threads=4)
    assert runs == [enigma.Buffer, enigma.IRValue]


# ---- The execution model's rules


@pytest.mark.parametrize("threads", [(256, 1, 1), (100, 1, 1), (7, 3, 2)])
def test_every_thread_of_the_grid_runs_once(rt, threads):
    @enigma.kernel
    def count(C: enigma.u32):
        x, y, z = (enigma.thread_position_in_grid_xyz(axis) for axis in "xyz")
        C[(z * 5 + y) * 37 + x] += 1

    c = np.zeros((3, 5, 37), np.uint32)
    rt.launch(enigma.compile(count), [c], grid=(37, 5, 3), threads=threads)
    assert (c == 1).all()


def test_predicated_stores_cover_padded_domains(rt):
    @enigma.kernel
    def padded(A: enigma.f32, C: enigma.f32, N: enigma.Constexpr):
        tid = enigma.thread_position_in_grid
        enigma.store_if(C, tid, enigma.load_if(A, tid, tid < N) + 1, tid < N)

    for n in (1, 31, 100):
        a = np.arange(n, dtype=np.float32)
        compiled = enigma.compile(padded, N=n)
        assert np.array_equal(
            rt.execute(compiled, [a], output_shapes=n, grid=(n + 255) // 256 * 256, threads=256), a + 1
        )


def test_thread_index_queries_all_exist(rt):
    @enigma.kernel
    def queries(Out: enigma.u32):
        tid = enigma.thread_position_in_grid  # x-dimension shorthand
        x = enigma.thread_position_in_grid_xyz("x")  # explicit x
        y = enigma.thread_position_in_grid_xyz("y")
        z = enigma.thread_position_in_grid_xyz("z")
        local_id = enigma.thread_position_in_threadgroup("x")  # position within threadgroup
        group_id = enigma.threadgroup_position_in_grid("x")  # which threadgroup
        simd_idx = enigma.thread_index_in_simdgroup()  # lane index [0, 31]
        simd_gid = enigma.simdgroup_index_in_threadgroup()  # which simd group [0, N-1]
        simd_size = enigma.threads_per_simdgroup()  # typically 32
        tg_size = enigma.threads_per_threadgroup()  # tx * ty * tz
        here = x + y + z + local_id * 2 + group_id * 3
        Out[tid] = here + simd_idx * 5 + simd_gid * 7 + simd_size * 11 + tg_size * 13

    n = 256
    out = rt.execute(enigma.compile(queries), [], output_shapes=(n,), grid=(n, 1, 1), threads=(64, 1, 1))
    i = np.arange(n)
    expected = i + i % 64 * 2 + i // 64 * 3 + i % 32 * 5 + i % 64 // 32 * 7 + 32 * 11 + 64 * 13
    assert np.array_equal(out, expected)
