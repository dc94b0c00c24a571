// SPDX-License-Identifier: MIT
//
// Every launch that cannot be right is refused before it runs, and the message says what is needed.
#include "HandWritten.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

struct Saxpy {
  std::shared_ptr<Device> device = hostDevice();
  std::shared_ptr<Pipeline> pipeline = device->createPipeline({.kernel = saxpyKernel()});
  std::vector<float> x = std::vector<float>(64, 1.0f), out = std::vector<float>(64, 0.0f);
  std::vector<Argument> args = {Argument::readOnlyMemory(x.data(), 256), Argument::scalar(2.0f),
                                Argument::memory(out.data(), 256)};
  std::string launchError(Size3 grid, Size3 threads) {
    ErrorKind kind = ErrorKind::Enigma;
    const std::string message = errorOf([&] { device->run(*pipeline, args, grid, threads); }, &kind);
    if (!message.empty())
      EXPECT_EQ(kind, ErrorKind::Launch);
    return message;
  }
};

TEST(LaunchChecks, RefuseEmptyAndNegativeSizes) {
  Saxpy s;
  EXPECT_EQ(s.launchError({0, 1, 1}, {1, 1, 1}),
            "saxpy: grid must be at least 1 in each dimension, got (0, 1, 1)");
  EXPECT_EQ(s.launchError({64, -1, 1}, {1, 1, 1}),
            "saxpy: grid must be at least 1 in each dimension, got (64, -1, 1)");
  EXPECT_EQ(s.launchError({64, 1, 1}, {32, 1, 0}),
            "saxpy: threads must be at least 1 in each dimension, got (32, 1, 0)");
}

TEST(LaunchChecks, RefuseSizesBeyondTheLimits) {
  Saxpy s;
  EXPECT_EQ(s.launchError({int64_t(1) << 32, 1, 1}, {1, 1, 1}),
            "saxpy: grid must be at most 4294967295 in each dimension, got (4294967296, 1, 1)");
  EXPECT_EQ(s.launchError({UINT32_MAX, UINT32_MAX, 2}, {1, 1, 1}),
            "saxpy: grid (4294967295, 4294967295, 2) has more than 18446744073709551615 threads");
  EXPECT_EQ(
      s.launchError({64, 1, 1}, {1025, 1, 1}),
      "saxpy: threads (1025, 1, 1) make a threadgroup of more than the 1024 threads that the device allows");
  EXPECT_EQ(
      s.launchError({64, 1, 1}, {65536, 65536, 65536}),
      "saxpy: threads (65536, 65536, 65536) make a threadgroup of more than the 1024 threads that the device "
      "allows");
  EXPECT_EQ(s.launchError({64, 1, 1}, {32, 32, 1}), "");
}

TEST(LaunchChecks, RefuseArgumentsThatDoNotFit) {
  Saxpy s;
  const auto bind = [&](size_t i, Argument arg) {
    Saxpy fresh;
    fresh.args[i] = arg;
    return fresh.launchError({64}, {32});
  };
  s.args.pop_back();
  EXPECT_EQ(s.launchError({64}, {32}), "saxpy: takes 3 arguments, got 2");
  EXPECT_EQ(bind(0, Argument::memory(s.x.data(), 255)),
            "saxpy: parameter X needs a multiple of 4 bytes (f32), got 255");
  EXPECT_EQ(bind(0, Argument::memory(reinterpret_cast<char *>(s.x.data()) + 1, 128)),
            "saxpy: parameter X needs memory aligned to 4 bytes (f32)");
  EXPECT_EQ(bind(0, Argument::scalar(1.0f)), "saxpy: parameter X needs a buffer of f32, got a scalar");
  EXPECT_EQ(bind(0, Argument::memory(nullptr, 256)), "saxpy: parameter X is bound to no memory");
  EXPECT_EQ(bind(1, Argument::scalar(1.0)),
            "saxpy: scalar parameter alpha needs one f32 (4 bytes), got 8 bytes");
  EXPECT_EQ(bind(2, Argument::readOnlyMemory(s.out.data(), 256)),
            "saxpy: parameter Out is written by the kernel, got read-only memory");
}

TEST(LaunchChecks, RefuseKernelsThatTheDeviceCannotHold) {
  KernelDescriptor kernel = countKernel();
  kernel.params.resize(32, kernel.params[0]);
  EXPECT_EQ(errorOf([&] { hostDevice()->createPipeline({.kernel = kernel}); }),
            "count_visits: has 32 parameters, the device allows 31");
  kernel = countKernel();
  kernel.threadgroupBytes = 40000;
  EXPECT_EQ(errorOf([&] { hostDevice()->createPipeline({.kernel = kernel}); }),
            "count_visits: uses 40000 bytes of threadgroup memory, the device has 32768");
  kernel = countKernel();
  kernel.entry = nullptr;
  EXPECT_EQ(errorOf([&] { hostDevice()->createPipeline({.kernel = kernel}); }),
            "count_visits: was not compiled for the host, so HostDevice can't run it");
}

} // namespace
