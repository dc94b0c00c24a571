// SPDX-License-Identifier: MIT
//
// A tiled matrix product, C = A B: each thread computes a tile of 4 by 4 elements in registers. The layouts
// say where tiles and elements lie; C++ loops over constants unroll, for_range is a loop on the device.
#include <cmath>
#include <cstdio>
#include <enigma/Compile/Kernel.h>

using namespace enigma;
using layout::IntTuple, layout::Layout;

namespace {

constexpr int M = 256, N = 192, K = 100, tile = 4;

Kernel matmulKernel() {
  return Kernel("matmul", [](KernelBuilder &k) {
    auto rowMajor = [](int rows, int columns) {
      return Layout(IntTuple{rows, columns}, IntTuple{columns, 1});
    };
    Tensor a(k.buffer("A", f32), rowMajor(M, K)), b(k.buffer("B", f32), rowMajor(K, N));
    // ((4,4),(64,48)): the element of a tile, and which tile.
    Tensor c(k.buffer("C", f32), layout::zippedDivide(rowMajor(M, N), layout::Tiler{tile, tile}));

    Value column = thread_position_in_grid(Axis::x).named("column");
    Value row = thread_position_in_grid(Axis::y).named("row");
    std::vector<Variable> sums;
    for (int i = 0; i < tile * tile; ++i)
      sums.emplace_back(0.0f, "sum");
    for_range(u32(0), K, [&](Value p) {
      std::vector<Value> left, top;
      for (int i = 0; i < tile; ++i) {
        left.push_back(a(row * tile + i, p));
        top.push_back(b(p, column * tile + i));
      }
      for (int j = 0; j < tile; ++j)
        for (int i = 0; i < tile; ++i)
          sums[i + j * tile] += left[i] * top[j];
    });
    for (int i = 0; i < tile * tile; ++i)
      c(i, row + column * (M / tile)) = sums[i];
  });
}

} // namespace

int main() try {
  std::vector<float> a(M * K), b(K * N), c(M * N);
  for (int i = 0; i < M * K; ++i)
    a[i] = float(i % 17) - 8;
  for (int i = 0; i < K * N; ++i)
    b[i] = float(i % 13) / 2;
  auto device = defaultDevice();
  Kernel matmul = matmulKernel();
  double milliseconds = matmul.run(*device, {N / tile, M / tile}, {16, 16}, {a, b, c}, {.timed = true});

  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      float sum = 0; // multiples of a half below 2^24: exact in every order
      for (int p = 0; p < K; ++p)
        sum += a[i * K + p] * b[p * N + j];
      if (c[i * N + j] != sum) {
        std::printf("wrong at (%d, %d): %g instead of %g\n", i, j, c[i * N + j], sum);
        return 1;
      }
    }
  std::printf("%d x %d x %d on %s in %.3f ms, all right\n", M, N, K, device->capabilities().name.c_str(),
              milliseconds);
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
