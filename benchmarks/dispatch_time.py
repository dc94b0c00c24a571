# SPDX-License-Identifier: MIT
"""One small launch on the CPU: saxpy on 1024 elements, prepared, with NumPy arrays as arguments, and a thousand of them in
a batch; NumPy's own saxpy beside."""

import numpy as np
from kernels import best_us, saxpy

import enigma


def batch_of_a_thousand(rt, compiled, x, alpha, y):
    """Launches on device arrays, one by one and in a batch; a prepared kernel in a batch."""
    n, times = len(x), 1000
    grid, threads = (n, 1, 1), (256, 1, 1)
    args = [rt.array(x), alpha, rt.array(y), rt.empty(n)]

    def one_by_one():
        for _ in range(times):
            rt.launch(compiled, args, grid, threads)
        rt.synchronize()

    def in_a_batch():
        with rt.batch():
            for _ in range(times):
                rt.launch(compiled, args, grid, threads)
        rt.synchronize()

    with rt.prepare(compiled, inputs=[x, alpha, y], output_size=4 * n) as prepared:

        def prepared_batch():
            with rt.batch():
                for _ in range(times):
                    prepared.dispatch(grid, threads)
            rt.synchronize()

        for name, run in (
            ("1,000 launches", one_by_one),
            ("1,000 in a batch", in_a_batch),
            ("1,000 prepared, batch", prepared_batch),
        ):
            print(f"{name:22} {best_us(run) / times:6.2f} us each")


def main():
    n = 1024
    rt = enigma.HostRuntime()
    compiled = enigma.compile(saxpy)
    x, y, out = np.ones(n, np.float32), np.ones(n, np.float32), np.empty(n, np.float32)
    alpha = np.float32(2)
    grid, threads = (n, 1, 1), (256, 1, 1)
    args = [x, alpha, y, out]
    with rt.prepare(compiled, inputs=[x, alpha, y], output_size=4 * n) as prepared:
        print(
            f"prepared           {best_us(lambda: prepared.dispatch(grid=grid, threads=threads)):6.2f} us   goal 0.3 us"
        )
    print(
        f"NumPy arguments    {best_us(lambda: rt.launch(compiled, args, grid, threads)):6.2f} us   goal 0.8 us"
    )

    def with_numpy():
        np.multiply(x, alpha, out=out)
        np.add(out, y, out=out)

    batch_of_a_thousand(rt, compiled, x, alpha, y)
    print(f"NumPy, two calls   {best_us(with_numpy):6.2f} us")


if __name__ == "__main__":
    main()
