# SPDX-License-Identifier: MIT
"""The sum of two matrices in tiles: layouts say which thread has which elements, and the loads become float4.

A thread-value layout puts 4 x 64 threads with 4 x 4 elements each on a tile of 16 x 256. Each threadgroup
takes a tile, each thread the 16 elements that the layout gives it; `metal/tiled_add.metal` is this by hand.
"""

import numpy as np

import enigma


@enigma.kernel
def add_tile(gA, gB, gC, tv, tiler):
    tx, ty, _ = enigma.arch.thread_idx()
    bx, by, _ = enigma.arch.block_idx()
    tile = (None, None), (by, bx)
    a = enigma.tensor_composition(gA[tile], tv, tiler)[(tx, ty), None]
    b = enigma.tensor_composition(gB[tile], tv, tiler)[(tx, ty), None]
    c = enigma.tensor_composition(gC[tile], tv, tiler)[(tx, ty), None]
    c.store(a.load() + b.load())


@enigma.jit
def tiled_add(mA: enigma.Tensor, mB: enigma.Tensor, mC: enigma.Tensor):
    # Runs once, when it is compiled. 64 threads side by side in 4 rows; 4 elements side by side in 4 rows.
    thr = enigma.make_ordered_layout((4, 64), order=(1, 0))
    val = enigma.make_ordered_layout((4, 4), order=(1, 0))
    tiler, tv = enigma.make_layout_tv(thr, val)  # (16, 256), and (thread, value) -> element of the tile

    gA, gB, gC = (enigma.tensor_zipped_divide(t, tiler) for t in (mA, mB, mC))  # ((16,256), (tiles, tiles))
    rows, columns = gC.shape[1]
    add_tile(gA, gB, gC, tv, tiler).launch(grid=(64 * columns, 4 * rows, 1), block=(64, 4, 1))


def compiled_for(m, n):
    layout = enigma.Layout((m, n), (n, 1))
    A, B, C = (enigma.Tensor(name, i, enigma.f32, layout) for i, name in enumerate("ABC"))
    return enigma.compile(tiled_add, A, B, C)


def kernels():
    """What the tests check: whole tiles, and tiles that hang over the end."""
    return [compiled_for(256, 512), compiled_for(250, 500)]


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for m, n in ((256, 512), (250, 500)):
        compiled = compiled_for(m, n)
        a, b = rng.random((m, n), dtype=np.float32), rng.random((m, n), dtype=np.float32)
        raw = rt.execute(compiled, inputs=[a, b], output_size=m * n * 4)
        np.testing.assert_array_equal(np.frombuffer(raw, np.float32).reshape(m, n), a + b)
        print(f"{m} x {n} elements agree with NumPy's on {rt.device_capabilities().name}")
        print(compiled.explain())
    print(compiled_for(256, 512).metal_source)


if __name__ == "__main__":
    main()
