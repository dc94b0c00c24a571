# SPDX-License-Identifier: MIT
"""The other tools: for each a function from a workload to `run()`, or None where it has no form of it. A tool that is not
installed is left out.

C, numba and torch share the work among as many threads as Enigma uses; jax and PoCL use those that the process has.
"""

import ctypes
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def kind_of(work):
    """saxpy, RMSNorm, softmax, prefix, heat, transpose, SGEMM or attention."""
    return work.name.split()[0]


def c(threads, folder):
    library = Path(folder) / "plain.so"
    compiler = os.environ.get("CC", "clang-22")
    options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC"]
    vector_functions = ["-fveclib=libmvec", "-lmvec", "-lm"] if os.uname().sysname == "Linux" else []
    subprocess.run(
        [compiler, *options, str(HERE / "plain.c"), "-o", str(library), *vector_functions], check=True
    )
    loaded = ctypes.CDLL(str(library))
    pool = ThreadPoolExecutor(threads)
    names = {"RMSNorm": "rms_norm", "prefix": "scan", "SGEMM": "sgemm"}

    def tool(work):
        kind = kind_of(work)
        function = getattr(loaded, names.get(kind, kind))
        extra = [ctypes.c_long(work.side)] if work.side else []
        arguments = [ctypes.c_void_p(a.ctypes.data) for a in (*work.inputs, work.out)] + extra
        parts = {
            "saxpy": work.out.size,
            "transpose": work.side // 32,
            "SGEMM": work.side // 8,
            "heat": work.side,
            "attention": work.out.size // 512,
        }
        total = parts.get(kind, len(work.out))
        bounds = [total * t // threads for t in range(threads + 1)]

        def part(t):
            function(*arguments, ctypes.c_long(bounds[t]), ctypes.c_long(bounds[t + 1]))

        return (lambda: part(0)) if threads == 1 else lambda: list(pool.map(part, range(threads)))

    return tool


def peak_gflops(folder):
    """What one core can do, from registers."""
    function = ctypes.CDLL(str(Path(folder) / "plain.so")).peak
    function.restype = ctypes.c_float
    best, rounds = 0.0, 200_000
    for _ in range(20):
        start = time.perf_counter()
        function(ctypes.c_long(rounds), ctypes.c_float(0.999), ctypes.c_float(0.001))
        best = max(best, rounds * 6 * 32 * 2 / (time.perf_counter() - start) / 1e9)
    return best


def numpy(threads, folder):
    def tool(work):
        if kind_of(work) == "SGEMM":
            return lambda: np.matmul(*work.inputs, out=work.out)
        return None

    return tool


def numba(threads, folder):
    import numba

    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    jit = numba.njit(parallel=True, fastmath=True)
    across = numba.prange

    @jit
    def saxpy(x, y, out):
        for i in across(x.size):
            out[i] = np.float32(2.5) * x[i] + y[i]

    @jit
    def rms_norm(x, w, out):
        for r in across(x.shape[0]):
            total = np.float32(0)
            for c in range(x.shape[1]):
                total += x[r, c] * x[r, c]
            scale = np.float32(1) / np.sqrt(total / np.float32(x.shape[1]) + np.float32(1e-6))
            for c in range(x.shape[1]):
                out[r, c] = x[r, c] * scale * w[c]

    @jit
    def softmax(x, out):
        for r in across(x.shape[0]):
            top = x[r, 0]
            for c in range(x.shape[1]):
                top = max(top, x[r, c])
            total = np.float32(0)
            for c in range(x.shape[1]):
                out[r, c] = np.exp(x[r, c] - top)
                total += out[r, c]
            scale = np.float32(1) / total
            for c in range(x.shape[1]):
                out[r, c] *= scale

    @jit
    def scan(x, out):
        for r in across(x.shape[0]):
            total = np.float32(0)
            for c in range(x.shape[1]):
                total += x[r, c]
                out[r, c] = total

    @jit
    def heat(x, out):
        for r in across(x.shape[0] - 2):
            for c in range(4, x.shape[1] - 4):
                around = x[r, c] + x[r + 2, c] + x[r + 1, c - 1] + x[r + 1, c + 1]
                out[r + 1, c] = x[r + 1, c] + np.float32(0.2) * (around - np.float32(4) * x[r + 1, c])

    @jit
    def transpose(x, out):
        for block in across(x.shape[1] // 32):
            for row in range(0, x.shape[0], 32):
                for j in range(32):
                    for i in range(32):
                        out[block * 32 + j, row + i] = x[row + i, block * 32 + j]

    @jit
    def sgemm(a, b, out):
        n = a.shape[0]
        for block in across(n // 8):
            for r in range(block * 8, block * 8 + 8):
                for c in range(n):
                    out[r, c] = 0
                for k in range(n):
                    for c in range(n):
                        out[r, c] += a[r, k] * b[k, c]

    functions = {"saxpy": saxpy, "RMSNorm": rms_norm, "softmax": softmax, "prefix": scan, "heat": heat,
                 "transpose": transpose, "SGEMM": sgemm}  # fmt: skip

    def tool(work):
        function, arguments = functions.get(kind_of(work)), [*work.inputs, work.out]
        return function and (lambda: function(*arguments))

    return tool


def torch(threads, folder):
    import torch

    torch.set_num_threads(threads)

    def tool(work):
        inputs, out = [torch.from_numpy(a) for a in work.inputs], torch.from_numpy(work.out)
        x = inputs[0]
        forms = {
            "saxpy": lambda: torch.add(inputs[1], x, alpha=2.5, out=out),
            "RMSNorm": lambda: torch.nn.functional.rms_norm(x, (x.shape[-1],), inputs[1], 1e-6),
            "softmax": lambda: torch.softmax(x, 1, out=out),
            "prefix": lambda: torch.cumsum(x, 1, out=out),
            "transpose": lambda: out.copy_(x.T),
            "SGEMM": lambda: torch.mm(x, inputs[1], out=out),
            "attention": lambda: torch.nn.functional.scaled_dot_product_attention(*inputs),
        }
        return forms.get(kind_of(work))

    return tool


def jax(threads, folder):
    import jax
    import jax.numpy as jnp

    def heat(x):
        middle = x[1:-1, 4:-4]
        around = x[:-2, 4:-4] + x[2:, 4:-4] + x[1:-1, 3:-5] + x[1:-1, 5:-3]
        return jnp.pad(middle + 0.2 * (around - 4 * middle), ((1, 1), (4, 4)))

    forms = {
        "saxpy": lambda x, y: 2.5 * x + y,
        "RMSNorm": lambda x, w: x * jax.lax.rsqrt((x * x).mean(axis=1, keepdims=True) + 1e-6) * w,
        "softmax": lambda x: jax.nn.softmax(x, axis=1),
        "prefix": lambda x: jnp.cumsum(x, axis=1),
        "heat": heat,
        "transpose": lambda x: x.T + 0.0,
        "SGEMM": lambda a, b: a @ b,
        "attention": lambda q, k, v: jax.nn.softmax(q @ k.swapaxes(1, 2) / 8, axis=2) @ v,
    }

    def tool(work):
        function, inputs = jax.jit(forms[kind_of(work)]), [jnp.asarray(a) for a in work.inputs]
        return lambda: function(*inputs).block_until_ready()

    return tool


def pocl(threads, folder):
    import pyopencl as cl

    device = next(d for p in cl.get_platforms() if "Portable" in p.name for d in p.get_devices())
    context = cl.Context([device])
    queue = cl.CommandQueue(context)
    program = cl.Program(context, (HERE / "kernels.cl").read_text()).build("-cl-fast-relaxed-math")
    flags = cl.mem_flags

    def tool(work):
        if kind_of(work) == "attention":
            return None
        buffers = [cl.Buffer(context, flags.READ_ONLY | flags.USE_HOST_PTR, hostbuf=a) for a in work.inputs]
        out = cl.Buffer(context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=work.out)
        rows, side = len(work.out), work.side
        sizes = {
            "saxpy": ("saxpy", (work.out.size,), (256,)),
            "RMSNorm": ("rms_norm", (rows * 256,), (256,)),
            "softmax": ("softmax", (rows * 256,), (256,)),
            "prefix": ("scan", (rows * 256,), (256,)),
            "heat": ("heat", (side, side), (256 if side >= 256 else side, 1)),
            "transpose": ("transpose", (side, side), (16, 16)),
            "SGEMM": ("sgemm", (side, side), (16, 16)),
        }
        name, grid, group = sizes[kind_of(work)]
        kernel = cl.Kernel(program, name)
        kernel.set_args(*buffers, out, *([np.int32(side)] if side else []))

        def run():
            cl.enqueue_nd_range_kernel(queue, kernel, grid, group)
            queue.finish()

        run.inputs = buffers  # OpenCL does not keep them for the kernel

        def result():
            cl.enqueue_copy(queue, work.out, out)

        run.result = result
        return run

    return tool


TOOLS = {"C": c, "numba": numba, "PoCL": pocl, "torch": torch, "jax": jax, "NumPy": numpy}
