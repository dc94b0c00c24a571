# SPDX-License-Identifier: MIT
"""The Mandelbrot set: a loop that each thread leaves when its own point escapes.

Prints the set as text and checks it against NumPy.
"""

import numpy as np

import enigma

WIDTH, HEIGHT, STEPS = 72, 28, 60


@enigma.kernel
def mandelbrot(Count: enigma.i32):
    col = enigma.thread_position_in_grid_xyz("x")
    row = enigma.thread_position_in_grid_xyz("y")
    cx = col * (3.0 / WIDTH) - 2.2
    cy = row * (2.4 / HEIGHT) - 1.2
    x = 0.0
    y = 0.0
    n = 0
    while (n < STEPS) & (x * x + y * y < 4.0):
        x, y = x * x - y * y + cx, 2.0 * x * y + cy
        n = n + 1
    Count[row * WIDTH + col] = n


def reference():
    cx = np.arange(WIDTH)[None, :] * (3.0 / WIDTH) - 2.2
    cy = np.arange(HEIGHT)[:, None] * (2.4 / HEIGHT) - 1.2
    c, z = cx + 1j * cy, np.zeros((HEIGHT, WIDTH), complex)
    count = np.zeros((HEIGHT, WIDTH), np.int32)
    for _ in range(STEPS):
        inside = np.abs(z) < 2
        count += inside
        z[inside] = z[inside] ** 2 + c[inside]
    return count


def main():
    compiled = enigma.compile(mandelbrot)
    print(compiled.metal_source)
    rt = enigma.default_runtime()
    count = np.zeros((HEIGHT, WIDTH), np.int32)
    rt.launch(compiled, [count], grid=(WIDTH, HEIGHT, 1), threads=(16, 16, 1))
    for line in count:
        print("".join(" .:-=+*#%@"[min(n * 10 // (STEPS + 1), 9)] for n in line))
    # f32 and f64 part where the orbit is chaotic: a few points at the edge may differ.
    assert (count != reference()).mean() < 0.02


if __name__ == "__main__":
    main()
