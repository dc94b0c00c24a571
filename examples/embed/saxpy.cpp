// SPDX-License-Identifier: MIT
//
// The first kernel, in C++: built, compiled and run on the system's GPU, or on the CPU where there is none,
// and held against a plain loop.
#include <cmath>
#include <cstdio>
#include <enigma/Compile/Kernel.h>
#include <enigma/Support/Version.h>

using namespace enigma;

int main() try {
  Kernel saxpy("saxpy", [](KernelBuilder &k) {
    Buffer X = k.buffer("X", f32);
    Value alpha = k.scalar("alpha", f32);
    Buffer Y = k.buffer("Y", f32), Out = k.buffer("Out", f32);
    Value tid = thread_position_in_grid().named("tid");
    Out[tid] = alpha * X[tid] + Y[tid];
  });
  std::printf("%s\n", saxpy.metalSource().c_str());

  constexpr int n = 1 << 20;
  std::vector<float> x(n), y(n), out(n);
  for (int i = 0; i < n; ++i) {
    x[i] = float(i) / 64;
    y[i] = float(n - i);
  }
  auto device = defaultDevice();
  double milliseconds = saxpy.run(*device, {n}, {256}, {x, 2.5, y, out}, {.timed = true});

  for (int i = 0; i < n; ++i)
    if (out[i] != std::fma(2.5f, x[i], y[i])) { // the product is not rounded before the sum
      std::printf("wrong at %d: %g\n", i, out[i]);
      return 1;
    }
  std::printf("enigma %s on %s: %d elements in %.3f ms, all right\n", std::string(support::version()).c_str(),
              device->capabilities().name.c_str(), n, milliseconds);
} catch (const Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
