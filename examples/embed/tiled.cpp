// SPDX-License-Identifier: MIT
//
// A matrix product, C = A B, through threadgroup memory: the 16 by 16 threads of a threadgroup load a tile of
// each factor together, wait for each other, and multiply the tiles. Rows and columns past the end read as
// zero.
#include <cstdio>
#include <enigma/Compile/Kernel.h>

using namespace enigma;
using layout::IntTuple, layout::Layout;

namespace {

constexpr int M = 100, N = 70, K = 90, T = 16;

Kernel tiledKernel() {
  return Kernel("tiled", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", f32), B = k.buffer("B", f32), C = k.buffer("C", f32);
    // One element more in each row keeps the rows in different banks of the memory.
    const Layout padded(IntTuple{T, T}, IntTuple{T + 1, 1});
    Tensor left(threadgroup_alloc(T * (T + 1), f32).named("left"), padded);
    Tensor right(threadgroup_alloc(T * (T + 1), f32).named("right"), padded);

    Value x = thread_position_in_threadgroup(Axis::x).named("x");
    Value y = thread_position_in_threadgroup(Axis::y).named("y");
    Value column = thread_position_in_grid(Axis::x).named("column");
    Value row = thread_position_in_grid(Axis::y).named("row");
    Variable sum(0.0f, "sum");
    for_range(u32(0), K, T, [&](Value begin) {
      Value p = begin + x, q = begin + y;
      left(y, x) = load_if(A, row * K + p, (row < M) & (p < K));
      right(y, x) = load_if(B, q * N + column, (q < K) & (column < N));
      barrier();
      for (int i = 0; i < T; ++i)
        sum += left(y, i) * right(i, x);
      barrier();
    });
    store_if(C, row * N + column, sum, (row < M) & (column < N));
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
  Kernel tiled = tiledKernel();
  constexpr auto whole = [](int n) { return (n + T - 1) / T * T; };
  double milliseconds = tiled.run(*device, {whole(N), whole(M)}, {T, T}, {a, b, c}, {.timed = true});

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
  std::printf("%d x %d x %d in tiles of %d on %s in %.3f ms, all right\n", M, N, K, T,
              device->capabilities().name.c_str(), milliseconds);
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
