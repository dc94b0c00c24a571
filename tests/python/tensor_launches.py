# SPDX-License-Identifier: MIT
"""What tests of tensors and jit functions share: tensors by size, a run in three ways, and the text of an error."""

import numpy as np
import pytest

import enigma
from msl import standin

HOST = enigma.HostRuntime()


def matrices(m, n, dtype="float", count=3):
    """A, B, ... of m rows, the columns side by side."""
    layout = enigma.Layout((m, n), (n, 1))
    return [enigma.Tensor("ABCDEF"[i], i, dtype, layout) for i in range(count)]


def vectors(n, names="AB", dtype="float"):
    return [enigma.Tensor(name, i, dtype, enigma.Layout(n)) for i, name in enumerate(names)]


def in_three_ways(compiled, inputs, shape, dtype=np.float32):
    """The output on the host, and by the Metal text compiled by clang; the same bytes."""
    host = HOST.execute(compiled, inputs, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    out = np.zeros(shape, dtype)
    standin.compile(compiled.metal_source).run([*inputs, out], grid=compiled.grid, threads=compiled.block)
    assert out.tobytes() == host
    return out


def error_of(function, *args):
    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.compile(function, *args)
    return str(caught.value)


@enigma.jit
def tiled_add(mA: enigma.Tensor, mB: enigma.Tensor, mC: enigma.Tensor):
    # Layout arithmetic: runs at compile time
    thr = enigma.make_ordered_layout((4, 64), order=(1, 0))
    val = enigma.make_ordered_layout((4, 4), order=(1, 0))
    tiler_mn, tv_layout = enigma.make_layout_tv(thr, val)

    gA = enigma.tensor_zipped_divide(mA, tiler_mn)
    gB = enigma.tensor_zipped_divide(mB, tiler_mn)
    gC = enigma.tensor_zipped_divide(mC, tiler_mn)

    @enigma.kernel
    def inner(blkA, blkB, blkC, tv):
        thread_idx = enigma.thread_position_in_grid
        thrA = enigma.tensor_composition(blkA, tv, tiler_mn)[(thread_idx, None)]
        thrB = enigma.tensor_composition(blkB, tv, tiler_mn)[(thread_idx, None)]
        thrC = enigma.tensor_composition(blkC, tv, tiler_mn)[(thread_idx, None)]
        thrC.store(thrA.load() + thrB.load())

    threads = enigma.size(tv_layout, mode=[0])
    inner.launch(
        gA, gB, gC, tv_layout, grid=(enigma.size(gC, mode=[1]) * threads, 1, 1), block=(threads, 1, 1)
    )
