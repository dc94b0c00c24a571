// SPDX-License-Identifier: MIT
//
// A prepared launch on the CPU allocates nothing, at once or in the background. Every `new` of this program
// is counted.
#include "Conformance.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<uint64_t> allocations{0};

void *operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

struct Allocation : ::testing::Test {
  std::shared_ptr<Device> device = hostDevice();
  std::shared_ptr<Buffer> out = device->allocate(1 << 20);
  const Argument args[2] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  std::unique_ptr<PreparedLaunch> prepared = device->prepare(device->createPipeline(chainSource()), args);

  template <class F>
  static uint64_t during(F run) {
    const uint64_t before = allocations.load();
    run();
    return allocations.load() - before;
  }
};

TEST_F(Allocation, IsCounted) {
  EXPECT_GE(during([this] { device->allocate(64); }), 1u);
}

TEST_F(Allocation, APreparedLaunchNeedsNone) {
  for (const int64_t grid : {16, 1 << 18}) { // on this thread, and on several
    prepared->run({grid}, {256});
    EXPECT_EQ(during([&] {
                for (int i = 0; i < 100; ++i)
                  prepared->run({grid}, {256});
              }),
              0u)
        << grid;
  }
}

TEST_F(Allocation, APreparedLaunchInTheBackgroundNeedsNone) {
  for (const int64_t grid : {16, 1 << 18}) {
    const auto batch = [&] {
      {
        const Batch open(device->stream());
        for (int i = 0; i < 100; ++i)
          prepared->submit({grid}, {256});
      }
      device->stream().synchronize();
    };
    batch(); // starts threads, and gives the queue its room
    EXPECT_EQ(during(batch), 0u) << grid;
  }
}

} // namespace
