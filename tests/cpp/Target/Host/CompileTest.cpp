// SPDX-License-Identifier: MIT
//
// Whole kernels: what comes out is right, and is the code that was meant.
#include "Compiled.h"

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

constexpr const char *kSaxpy = R"(
enigma.kernel @saxpy(%X: !enigma.buffer<f32, device>, %alpha: f32, %Y: !enigma.buffer<f32, device>,
                     %Out: !enigma.buffer<f32, device>) writes [3] {
  %i = enigma.thread_position_in_grid x
  %x = enigma.load %X[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %y = enigma.load %Y[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.fma %alpha, %x, %y : f32
  enigma.store %r, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})";

TEST(Compile, SaxpyIsRightForEveryLength) {
  Compiled saxpy(kSaxpy);
  for (const size_t n : {1, 5, 31, 32, 33, 64, 1000, 100003}) {
    std::vector<float> x(n), y(n), out(n + 8, -1.0f);
    for (size_t i = 0; i < n; ++i) {
      x[i] = float(i) * 0.25f;
      y[i] = float(n - i);
    }
    saxpy.run({buffer(x), Argument::scalar(3.0f), buffer(y), Argument::memory(out.data(), n * 4)}, {int64_t(n)}, {256});
    for (size_t i = 0; i < n; ++i)
      ASSERT_EQ(out[i], std::fma(3.0f, x[i], y[i])) << "element " << i << " of " << n;
    EXPECT_EQ(out[n], -1.0f) << "wrote past the end";
  }
}

} // namespace
