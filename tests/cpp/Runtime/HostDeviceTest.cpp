// SPDX-License-Identifier: MIT
//
// Launches on the CPU device: every thread of every shape of grid once, errors and interruptions reported.
#include "HandWritten.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

TEST(HostDevice, SaysWhatItIs) {
  const Capabilities &caps = hostDevice()->capabilities();
  EXPECT_EQ(caps.backend, "host");
  EXPECT_FALSE(caps.name.empty());
  EXPECT_EQ(caps.maxThreadsPerThreadgroup, 1024u);
  EXPECT_EQ(caps.simdgroupSize, 32u);
  EXPECT_EQ(caps.maxThreadgroupMemory, 32768u);
  EXPECT_EQ(caps.maxBuffers, 31u);
  EXPECT_GE(caps.computeUnits, 1u);
  EXPECT_GT(caps.totalMemory, 0u);
  EXPECT_TRUE(caps.hasUnifiedMemory);
}

TEST(HostDevice, VisitsEveryThreadOfTheGridOnce) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = countKernel()});
  const Size3 grids[] = {{1},    {31},      {32},       {33},        {1000},      {100000},
                         {7, 5}, {33, 129}, {5, 3, 11}, {65, 4, 70}, {1, 5000, 2}};
  for (const Size3 grid : grids) {
    const uint64_t total = uint64_t(grid.x * grid.y * grid.z);
    auto out = device->allocate(total * 4);
    const Argument args[] = {Argument::of(out)};
    device->run(*pipeline, args, grid, {16, 4, 2});
    const auto *counts = static_cast<const uint32_t *>(out->data());
    EXPECT_EQ(std::count(counts, counts + total, 1u), int64_t(total))
        << grid.x << "x" << grid.y << "x" << grid.z;
  }
}

TEST(HostDevice, BuffersAreZeroAndAligned) {
  auto device = hostDevice();
  for (const uint64_t bytes : {0, 1, 100, 4096, 3 << 20}) {
    auto buffer = device->allocate(bytes);
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    const auto *data = static_cast<const char *>(buffer->data());
    EXPECT_EQ(std::count(data, data + bytes, 0), int64_t(bytes));
  }
}

TEST(HostDevice, RefusesMoreMemoryThanThereIs) {
  ErrorKind kind = ErrorKind::Enigma;
  const std::string message = errorOf([] { hostDevice()->allocate(uint64_t(1) << 60); }, &kind);
  EXPECT_EQ(kind, ErrorKind::Device);
  EXPECT_TRUE(message.starts_with("cannot allocate 1152921504606846976 bytes")) << message;
}

TEST(HostDevice, AViewWritesTheUsersMemoryAndKeepsItsOwner) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = countKernel()});
  auto owner = std::make_shared<std::vector<uint32_t>>(100, 41u);
  std::weak_ptr<std::vector<uint32_t>> watch = owner;
  auto *data = owner->data();
  {
    auto view = device->wrap(data, 400, true, owner);
    owner.reset();
    const Argument args[] = {Argument::of(view)};
    device->run(*pipeline, args, {100}, {32});
    EXPECT_EQ(data[0], 42u);
    EXPECT_EQ(data[99], 42u);
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(HostDevice, ReportsTheFirstOutOfBoundsThreadHoweverItIsScheduled) {
  auto device = hostDevice();
  SourceLoc line;
  line.file = "saxpy.py";
  line.line = 12;
  auto pipeline = device->createPipeline({.kernel = saxpyKernel(), .sites = {SourceLoc{}, line}});
  std::vector<float> x(40000, 1.0f), out(40000, 1.0f);
  const Argument args[] = {Argument::memory(x.data(), 160000), Argument::scalar(3.0f),
                           Argument::memory(out.data(), 160000)};
  for (int round = 0; round < 20; ++round) {
    try {
      device->run(*pipeline, args, {1000, 300}, {256});
      FAIL() << "nothing was thrown";
    } catch (const Error &error) {
      EXPECT_EQ(error.kind(), ErrorKind::OutOfBounds);
      EXPECT_EQ(error.message(),
                "saxpy: load from parameter X is out of bounds: index 40000, size 40000, thread (0, 40, 0)");
      EXPECT_EQ(error.loc().file, "saxpy.py");
      EXPECT_EQ(error.loc().line, 12u);
      ASSERT_EQ(error.notes().size(), 3u);
      EXPECT_EQ(error.notes()[1], "259999 more accesses were out of bounds");
    }
  }
  // Nothing of the failed launch is left over.
  std::fill(out.begin(), out.end(), 1.0f);
  EXPECT_NO_THROW(device->run(*pipeline, args, {40000}, {256}));
  EXPECT_EQ(out[39999], 4.0f);
}

TEST(HostDevice, PreparedLaunchesRunAgainAndAgain) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = countKernel()});
  auto out = device->allocate(4096);
  const Argument args[] = {Argument::of(out)};
  auto prepared = device->prepare(pipeline, args);
  for (int i = 0; i < 10; ++i)
    prepared->run({1024}, {256});
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[1023], 10u);
  EXPECT_EQ(errorOf([&] { prepared->run({0}, {256}); }),
            "count_visits: grid must be at least 1 in each dimension, got (0, 1, 1)");
  prepared->run({1}, {1});
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[0], 11u);
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[1023], 10u);
}

void spinForOneMillisecond(const LaunchContext *, uint64_t begin, uint64_t end) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(end - begin);
  while (std::chrono::steady_clock::now() < until) {
  }
}

KernelDescriptor slowKernel() {
  KernelDescriptor kernel = countKernel();
  kernel.name = "slow";
  kernel.entry = spinForOneMillisecond;
  return kernel;
}

/// Loops until the runtime says stop, as a generated `while` with a condition that never fails.
void loopForEver(const LaunchContext *launch, uint64_t, uint64_t) {
  while (!launch->cancel->load(std::memory_order_relaxed) && !launch->poll(launch)) {
  }
}

TEST(HostDevice, MeasuresTimeOnRequest) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = slowKernel()});
  auto out = device->allocate(4);
  const Argument args[] = {Argument::of(out)};
  EXPECT_EQ(device->run(*pipeline, args, {1}, {1}), 0.0);
  RunOptions timed;
  timed.timed = true;
  EXPECT_GE(device->run(*pipeline, args, {1}, {1}, timed), 1.0);
}

TEST(HostDevice, StopsAtTheTimeOut) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = slowKernel()});
  auto out = device->allocate(4);
  const Argument args[] = {Argument::of(out)};
  RunOptions options;
  options.timeout = 0.05;
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {1 << 20}, {256}, options); }, &kind),
            "slow: stopped after the time-out of 0.05 s");
  EXPECT_EQ(kind, ErrorKind::Launch);
}

TEST(HostDevice, StopsAnEndlessLoopInsideTheKernel) {
  auto device = hostDevice();
  KernelDescriptor kernel = countKernel();
  kernel.name = "endless";
  kernel.entry = loopForEver;
  auto pipeline = device->createPipeline({.kernel = kernel});
  auto out = device->allocate(4);
  const Argument args[] = {Argument::of(out)};
  RunOptions options;
  options.timeout = 0.03;
  for (const int64_t threads : {1, 1 << 20})
    EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {threads}, {1}, options); }),
              "endless: stopped after the time-out of 0.03 s");
}

TEST(HostDevice, AsksTheCallersInterruptAndPassesOnWhatItThrows) {
  auto device = hostDevice();
  KernelDescriptor kernel = countKernel();
  kernel.entry = loopForEver;
  auto pipeline = device->createPipeline({.kernel = kernel});
  auto out = device->allocate(4);
  const Argument args[] = {Argument::of(out)};
  struct State {
    std::thread::id caller = std::this_thread::get_id();
    int asked = 0;
    bool wrongThread = false;
  } state;
  RunOptions options;
  options.interruptState = &state;
  options.interrupt = [](void *s) {
    auto *mine = static_cast<State *>(s);
    mine->wrongThread |= std::this_thread::get_id() != mine->caller;
    return ++mine->asked == 3;
  };
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {1 << 20}, {256}, options); }),
            "count_visits: interrupted");
  EXPECT_EQ(state.asked, 3);
  EXPECT_FALSE(state.wrongThread);

  options.interrupt = [](void *) -> bool { throw std::domain_error("keyboard"); };
  EXPECT_THROW(device->run(*pipeline, args, {1 << 20}, {256}, options), std::domain_error);
}

TEST(HostDevice, SeveralThreadsMayLaunchAtOnce) {
  auto device = hostDevice();
  auto pipeline = device->createPipeline({.kernel = saxpyKernel()});
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      std::vector<float> x(20000, float(t)), out(20000, 1.0f);
      const Argument args[] = {Argument::memory(x.data(), 80000), Argument::scalar(2.0f),
                               Argument::memory(out.data(), 80000)};
      for (int round = 0; round < 20; ++round)
        device->run(*pipeline, args, {20000}, {256});
      wrong += std::count(out.begin(), out.end(), 1.0f + 40.0f * float(t)) != 20000;
    });
  for (auto &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
