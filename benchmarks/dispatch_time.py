# SPDX-License-Identifier: MIT
"""One small launch on the CPU: saxpy on 1024 elements, prepared, and with NumPy arrays as arguments; NumPy's own saxpy beside."""

import numpy as np
from kernels import best_us, saxpy

import enigma


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

    print(f"NumPy, two calls   {best_us(with_numpy):6.2f} us")


if __name__ == "__main__":
    main()
