// SPDX-License-Identifier: MIT
//
// See Conformance.h.
#include "Conformance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <unistd.h>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

struct Conformance : ::testing::Test {
  std::shared_ptr<Device> device = conformanceDevice();
};

uint32_t *words(const std::shared_ptr<Buffer> &buffer) { return static_cast<uint32_t *>(buffer->data()); }

TEST_F(Conformance, CapabilitiesAreThoseOfADevice) {
  const Capabilities &caps = device->capabilities();
  EXPECT_FALSE(caps.name.empty());
  EXPECT_FALSE(caps.backend.empty());
  EXPECT_GE(caps.maxThreadsPerThreadgroup, 256u);
  EXPECT_EQ(caps.simdgroupSize, 32u);
  EXPECT_GE(caps.maxThreadgroupMemory, 32768u);
  EXPECT_EQ(caps.maxBuffers, 31u);
  EXPECT_GT(caps.maxBufferLength, 0u);
  EXPECT_GT(caps.totalMemory, 0u);
}

TEST_F(Conformance, BuffersAreZeroAndAligned) {
  for (const uint64_t bytes : {0, 1, 100, 4096, 3 << 20}) {
    auto buffer = device->allocate(bytes);
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_TRUE(buffer->isWritable());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    const auto *data = static_cast<const char *>(buffer->data());
    EXPECT_EQ(std::count(data, data + bytes, 0), int64_t(bytes));
  }
}

TEST_F(Conformance, MoreMemoryThanThereIsIsRefused) {
  ErrorKind kind = ErrorKind::Enigma;
  const std::string message = errorOf([&] { device->allocate(uint64_t(1) << 60); }, &kind);
  EXPECT_EQ(kind, ErrorKind::Device);
  EXPECT_TRUE(message.starts_with("cannot allocate 1152921504606846976 bytes")) << message;
}

TEST_F(Conformance, EveryThreadOfTheGridRunsOnce) {
  auto pipeline = device->createPipeline(countSource());
  const Size3 grids[] = {{1}, {31}, {33}, {1000}, {7, 5}, {33, 129}, {5, 3, 11}};
  for (const Size3 grid : grids) {
    const uint64_t total = uint64_t(grid.x * grid.y * grid.z);
    auto out = device->allocate(total * 4);
    const Argument args[] = {Argument::of(out)};
    device->run(*pipeline, args, grid, {16, 4, 2});
    EXPECT_EQ(std::count(words(out), words(out) + total, 1u), int64_t(total))
        << grid.x << "x" << grid.y << "x" << grid.z;
  }
}

TEST_F(Conformance, BuffersMemoryAndScalarsMixInOneLaunch) {
  auto pipeline = device->createPipeline(saxpySource());
  auto x = device->allocate(4000);
  std::fill_n(static_cast<float *>(x->data()), 1000, 2.0f);
  std::vector<float> out(1000, 1.0f);
  const Argument args[] = {Argument::of(x), Argument::scalar(3.0f), Argument::memory(out.data(), 4000)};
  device->run(*pipeline, args, {1000}, {256});
  EXPECT_EQ(std::count(out.begin(), out.end(), 7.0f), 1000);
  const Argument asMemory[] = {Argument::readOnlyMemory(x->data(), 4000), Argument::scalar(0.5f),
                               Argument::memory(out.data(), 4000)};
  device->run(*pipeline, asMemory, {1000}, {256});
  EXPECT_EQ(std::count(out.begin(), out.end(), 8.0f), 1000);
}

TEST_F(Conformance, ParametersThatShareMemorySeeOneMemory) {
  auto pipeline = device->createPipeline(aliasSource());
  std::vector<uint32_t> own(512, 2), seen(512, 0);
  const Argument memory[] = {Argument::memory(own.data(), 2048), Argument::memory(own.data(), 2048),
                             Argument::memory(seen.data(), 2048)};
  device->run(*pipeline, memory, {512}, {64});
  EXPECT_EQ(std::count(own.begin(), own.end(), 5u), 512);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 5u), 512);

  auto buffer = device->allocate(2048), result = device->allocate(2048);
  const Argument through[] = {Argument::memory(buffer->data(), 2048), Argument::of(buffer),
                              Argument::of(result)};
  device->run(*pipeline, through, {512}, {64});
  EXPECT_EQ(words(result)[511], 5u);
}

TEST_F(Conformance, ReadOnlyMemoryIsNeverWritten) {
  auto pipeline = device->createPipeline(saxpySource());
  std::vector<float> x(64, 1.0f), out(64, 0.0f);
  const Argument args[] = {Argument::memory(x.data(), 256), Argument::scalar(1.0f),
                           Argument::readOnlyMemory(out.data(), 256)};
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {64}, {64}); }),
            "saxpy: parameter Out is written by the kernel, got read-only memory");
  EXPECT_EQ(out[0], 0.0f);
}

TEST_F(Conformance, AViewWritesTheUsersMemoryAndKeepsItsOwner) {
  auto pipeline = device->createPipeline(countSource());
  const auto page = size_t(sysconf(_SC_PAGESIZE));
  for (const bool isAtPage : {true, false}) {
    std::shared_ptr<void> owner(std::aligned_alloc(page, 2 * page), [](void *p) { std::free(p); });
    std::weak_ptr<void> watch = owner;
    auto *data = static_cast<uint32_t *>(owner.get()) + (isAtPage ? 0 : 1);
    const size_t bytes = isAtPage ? page : 400;
    std::fill_n(data, bytes / 4, 41u);
    data[bytes / 4] = 77;
    {
      auto view = device->wrap(data, bytes, true, owner);
      auto again = device->wrap(data, 4 * 16, true, owner);
      auto *bytesOfView = data;
      owner.reset();
      const Argument args[] = {Argument::of(view)};
      device->run(*pipeline, args, {int64_t(bytes / 4)}, {32});
      EXPECT_EQ(bytesOfView[0], 42u);
      EXPECT_EQ(bytesOfView[bytes / 4 - 1], 42u);
      const Argument same[] = {Argument::of(again)};
      device->stream().submit(pipeline, args, {int64_t(bytes / 4)}, {32});
      device->stream().submit(pipeline, same, {16}, {32});
      view->wait();
      again->wait();
      EXPECT_EQ(bytesOfView[0], 44u);
      EXPECT_EQ(bytesOfView[16], 43u);
      EXPECT_EQ(bytesOfView[bytes / 4], 77u) << "past the end of the view";
      EXPECT_FALSE(watch.expired());
    }
    EXPECT_TRUE(watch.expired()) << isAtPage;
  }
}

TEST_F(Conformance, LaunchesInTheBackgroundRunInOrder) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(4096);
  uint32_t expected = 0;
  for (uint32_t i = 0; i < 150; ++i) {
    const Argument args[] = {Argument::of(out), Argument::scalar(i)};
    device->stream().submit(pipeline, args, {1024}, {256});
    expected = expected * 3 + i;
  }
  const Argument last[] = {Argument::of(out), Argument::scalar(uint32_t(7))};
  device->run(*pipeline, last, {1024}, {256});
  expected = expected * 3 + 7;
  EXPECT_EQ(words(out)[0], expected);
  EXPECT_EQ(words(out)[1023], expected);
  EXPECT_NO_THROW(device->stream().synchronize());
}

TEST_F(Conformance, ATicketWaitsForItsLaunch) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(5))};
  const uint64_t first = device->stream().submit(pipeline, args, {16}, {16});
  device->stream().wait(first);
  EXPECT_EQ(words(out)[15], 5u);
  const uint64_t second = device->stream().submit(pipeline, args, {16}, {16});
  EXPECT_GT(second, first);
  out->wait();
  EXPECT_EQ(words(out)[15], 20u);
  EXPECT_NO_THROW(device->stream().wait(second + 1000));
}

TEST_F(Conformance, BuffersLiveUntilTheLaunchesThatUseThemAreDone) {
  auto pipeline = device->createPipeline(chainSource());
  auto owner = std::make_shared<std::vector<uint32_t>>(1 << 12, 2u);
  std::weak_ptr<std::vector<uint32_t>> watch = owner;
  for (int i = 0; i < 4; ++i) {
    auto view = device->wrap(owner->data(), 4 << 12, true, owner);
    auto scratch = device->allocate(4 << 12);
    const Argument args[] = {Argument::of(view), Argument::scalar(uint32_t(1))};
    const Argument other[] = {Argument::of(scratch), Argument::scalar(uint32_t(1))};
    device->stream().submit(pipeline, args, {1 << 12}, {256});
    device->stream().submit(pipeline, other, {1 << 12}, {256});
  }
  owner.reset();
  device->stream().synchronize();
  EXPECT_TRUE(watch.expired());
}

TEST_F(Conformance, PreparedLaunchesRunAgainAndAgain) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(4096);
  std::vector<uint32_t> own(1024, 0);
  const Argument inBuffer[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  const Argument inMemory[] = {Argument::memory(own.data(), 4096), Argument::scalar(uint32_t(1))};
  for (const std::span<const Argument> args : {std::span(inBuffer), std::span(inMemory)}) {
    auto prepared = device->prepare(pipeline, args);
    for (int i = 0; i < 4; ++i)
      prepared->run({1024}, {256});
    const auto *result = static_cast<const uint32_t *>(args[0].data());
    EXPECT_EQ(result[1023], 40u);
    EXPECT_EQ(errorOf([&] { prepared->run({0}, {256}); }),
              "chain: grid must be at least 1 in each dimension, got (0, 1, 1)");
    prepared->run({1}, {1});
    EXPECT_EQ(result[0], 121u);
    EXPECT_EQ(result[1023], 40u);
  }
}

TEST_F(Conformance, ABatchBeginsAtItsEndAndKeepsTheOrder) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(4096);
  uint32_t expected = 0;
  const Argument five[] = {Argument::of(out), Argument::scalar(uint32_t(5))};
  auto prepared = device->prepare(pipeline, five);
  {
    const Batch batch(device->stream());
    for (uint32_t i = 0; i < 60; ++i) {
      const Argument args[] = {Argument::of(out), Argument::scalar(i)};
      device->stream().submit(pipeline, args, {1024}, {256});
      {
        const Batch inner(device->stream());
        prepared->submit({1024}, {256});
      }
      expected = (expected * 3 + i) * 3 + 5;
    }
    EXPECT_EQ(words(out)[0], 0u) << "nothing may run yet";
  }
  device->stream().synchronize();
  EXPECT_EQ(words(out)[0], expected);
  EXPECT_EQ(words(out)[1023], expected);
}

TEST_F(Conformance, WhoeverWaitsInABatchGetsWhatWasRecorded) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64), other = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(2))};
  const Argument onOther[] = {Argument::of(other), Argument::scalar(uint32_t(1))};
  {
    const Batch batch(device->stream());
    device->stream().submit(pipeline, args, {16}, {16});
    out->wait();
    EXPECT_EQ(words(out)[15], 2u);
    device->stream().submit(pipeline, args, {16}, {16});
    device->run(*pipeline, args, {16}, {16}); // waits for itself, and comes after
    EXPECT_EQ(words(out)[15], 26u);
    device->stream().submit(pipeline, onOther, {16}, {16});
  }
  other->wait();
  EXPECT_EQ(words(other)[0], 1u);
}

TEST_F(Conformance, PreparedLaunchesRunInTheBackgroundToo) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(4096);
  std::vector<uint32_t> own(1024);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  const Argument memory[] = {Argument::memory(own.data(), 4096), Argument::scalar(uint32_t(1))};
  uint64_t last = 0;
  {
    auto prepared = device->prepare(pipeline, args);
    for (int i = 0; i < 20; ++i) {
      const uint64_t ticket = prepared->submit({i < 19 ? 1024 : 1}, {256});
      EXPECT_GT(ticket, last);
      last = ticket;
    }
    EXPECT_EQ(errorOf([&] { prepared->submit({1024}, {0}); }),
              "chain: threads must be at least 1 in each dimension, got (0, 1, 1)");
  } // its launches keep what they need
  uint32_t expected = 0;
  for (int i = 0; i < 19; ++i)
    expected = expected * 3 + 1;
  out->wait();
  EXPECT_EQ(words(out)[1023], expected);
  EXPECT_EQ(words(out)[0], expected * 3 + 1);
  auto borrowed = device->prepare(pipeline, memory);
  EXPECT_EQ(errorOf([&] { borrowed->submit({1024}, {256}); }),
            "chain: was prepared with memory of the caller, so it cannot run in the background");
}

TEST_F(Conformance, WhatDoesNotFitIsRefusedBeforeTheLaunch) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  std::vector<uint32_t> own(16);
  const Argument good[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  const Argument memory[] = {Argument::memory(own.data(), 64), Argument::scalar(uint32_t(1))};
  const Argument odd[] = {Argument::memory(own.data(), 63), Argument::scalar(uint32_t(1))};
  auto &stream = device->stream();
  EXPECT_EQ(errorOf([&] { stream.submit(pipeline, good, {16}, {0}); }),
            "chain: threads must be at least 1 in each dimension, got (0, 1, 1)");
  EXPECT_EQ(errorOf([&] { stream.submit(pipeline, memory, {16}, {16}); }),
            "chain: parameter Out of a launch in the background must be a buffer or a scalar");
  EXPECT_EQ(
      errorOf([&] { device->run(*pipeline, good, {16}, {2048}); }),
      "chain: threads (2048, 1, 1) make a threadgroup of more than the 1024 threads that the device allows");
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, odd, {16}, {16}); }),
            "chain: parameter Out needs a multiple of 4 bytes (u32), got 63");
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, std::span(good, 1), {16}, {16}); }),
            "chain: takes 2 arguments, got 1");
  EXPECT_EQ(words(out)[0], 0u);
}

TEST_F(Conformance, TimeIsMeasuredOnRequest) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  EXPECT_EQ(device->run(*pipeline, args, {16}, {16}), 0.0);
  RunOptions timed;
  timed.timed = true;
  const double milliseconds = device->run(*pipeline, args, {16}, {16}, timed);
  EXPECT_GT(milliseconds, 0.0);
  EXPECT_LT(milliseconds, 10000.0);
}

TEST_F(Conformance, SeveralThreadsMayLaunchAtOnce) {
  auto pipeline = device->createPipeline(saxpySource());
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      auto y = device->allocate(4000);
      std::vector<float> x(1000, float(t)), out(1000, 1.0f);
      const Argument args[] = {Argument::memory(x.data(), 4000), Argument::scalar(2.0f),
                               Argument::memory(out.data(), 4000)};
      auto in = device->wrap(x.data(), 4000, false, nullptr);
      const Argument behind[] = {Argument::of(in), Argument::scalar(2.0f), Argument::of(y)};
      for (int round = 0; round < 10; ++round) {
        device->stream().submit(pipeline, behind, {1000}, {256});
        device->run(*pipeline, args, {1000}, {256});
      }
      y->wait();
      wrong += std::count(out.begin(), out.end(), 1.0f + 20.0f * float(t)) != 1000;
      wrong += static_cast<float *>(y->data())[999] != 20.0f * float(t);
    });
  for (auto &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
