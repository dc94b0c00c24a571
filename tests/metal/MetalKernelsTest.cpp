// SPDX-License-Identifier: MIT
//
// Kernels written in C++ (Compile/Kernel.h) on the Metal device of the fake Metal, and on the CPU: the
// program is linked to the unchanged libenigma, and brings its own runtime::metalDevice.
#include "FakeMetal.h"
#include "FeatureKernels.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

using namespace enigma;

namespace {

const bool keepsNothing = setenv("ENIGMA_CACHE", "0", 1) == 0;

/// After each test no object may be left that was not there before, and no misuse noted.
struct MetalKernels : ::testing::Test {
  std::shared_ptr<runtime::Device> metal = runtime::metalDevice(), host = runtime::hostDevice();
  std::vector<std::string> before = objc::liveObjects();
  std::vector<float> a = numbers(256), b = numbers(192), out = std::vector<float>(256);

  static std::vector<float> numbers(size_t n) {
    std::vector<float> made(n);
    for (size_t i = 0; i < n; ++i)
      made[i] = float(int(i * 7 % 23) - 11);
    return made;
  }
  // What the device keeps for later launches: pipelines, libraries with open function constants, and memory
  // that copies go through.
  static size_t others(const std::vector<std::string> &objects) {
    return objects.size() - size_t(std::ranges::count_if(objects, [](const std::string &name) {
             return name == "FakeBuffer" || name == "FakeLibrary" ||
                    name.find("Pipeline") != std::string::npos;
           }));
  }
  void TearDown() override {
    for (int i = 0; i < 2000 && others(objc::liveObjects()) != others(before); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(others(objc::liveObjects()), others(before));
    EXPECT_EQ(objc::takeMisuse(), std::vector<std::string>());
  }
};

Kernel saxpyKernel() {
  return Kernel("saxpy", [](KernelBuilder &k) {
    Buffer X = k.buffer("X", f32);
    Value alpha = k.scalar("alpha", f32);
    Buffer Out = k.buffer("Out", f32);
    Value i = thread_position_in_grid();
    Out[i] = alpha * X[i] + Out[i];
  });
}

TEST_F(MetalKernels, EveryWayToRunGivesTheSame) {
  ASSERT_EQ(metal->capabilities().backend, "metal");
  Kernel saxpy = saxpyKernel();
  saxpy.run(*metal, {256}, {64}, {a, 2, out});
  saxpy.prepare(*metal, {a, 3, out})->run({256}, {64});
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(out[i], 5 * a[i]) << i;
  auto x = metal->allocate(1024), y = metal->allocate(1024);
  std::memcpy(x->data(), a.data(), 1024);
  {
    runtime::Batch batch(metal->stream());
    for (int i = 0; i < 10; ++i)
      saxpy.submit(*metal, {256}, {64}, {x, 0.5, y});
  }
  metal->stream().synchronize();
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(static_cast<float *>(y->data())[i], 5 * a[i]) << i;
}

TEST_F(MetalKernels, LoopsBranchesAndLayoutsAreThoseOfTheHost) {
  using layout::IntTuple, layout::Layout;
  Kernel product("product", [](KernelBuilder &k) {
    const Layout rows(IntTuple{16, 12}, IntTuple{12, 1}), columns(IntTuple{12, 16}, IntTuple{16, 1});
    Tensor left(k.buffer("A", f32), rows), right(k.buffer("B", f32), columns);
    Tensor result(k.buffer("Out", f32), Layout(IntTuple{16, 16}, IntTuple{16, 1}));
    Value column = thread_position_in_grid(Axis::x), row = thread_position_in_grid(Axis::y);
    Variable sum(0.0f);
    for_range(u32(0), 12, [&](Value p) { sum += left(row, p) * right(p, column); });
    if_(sum < 0, [&] { result(row, column) = -sum; }, [&] { result(row, column) = sum; });
  });
  std::vector<float> onHost(256);
  product.run(*metal, {16, 16}, {8, 4}, {a, b, out});
  product.run(*host, {16, 16}, {8, 4}, {a, b, onHost});
  EXPECT_EQ(out, onHost);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) {
      float sum = 0;
      for (int p = 0; p < 12; ++p)
        sum += a[i * 12 + p] * b[p * 16 + j];
      ASSERT_EQ(out[i * 16 + j], std::abs(sum)) << i << ", " << j;
    }
}

struct MetalFeatures : MetalKernels, ::testing::WithParamInterface<features::FeatureKernel> {};
TEST_P(MetalFeatures, GiveWhatAPlainLoopGives) { GetParam().check(*metal); }
INSTANTIATE_TEST_SUITE_P(Metal, MetalFeatures, ::testing::ValuesIn(features::featureKernels()),
                         [](const auto &info) { return info.param.name; });

} // namespace
