// SPDX-License-Identifier: MIT
//
// Launches in the background run in order, keep their buffers alive, and hand their errors to whoever waits.
#include "HandWritten.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

/// out[i] = out[i] * 3 + value: order matters.
void timesThreePlus(const LaunchContext *launch, uint64_t begin, uint64_t end) {
  auto *out = static_cast<uint32_t *>(launch->args[0].data);
  const uint32_t value = *static_cast<const uint32_t *>(launch->args[1].data);
  forEachThread(launch, begin, end, [&](uint32_t x, uint32_t, uint32_t) { out[x] = out[x] * 3 + value; });
}

std::shared_ptr<Pipeline> chainPipeline() {
  KernelDescriptor kernel;
  kernel.name = "chain";
  kernel.params = {ParamDescriptor{.name = "Out", .element = ElementKind::U32, .isWritten = true},
                   ParamDescriptor{.name = "value", .element = ElementKind::U32, .isScalar = true}};
  kernel.entry = timesThreePlus;
  return hostDevice()->createPipeline({.kernel = kernel});
}

TEST(HostStream, RunsInOrderWhateverTheSizes) {
  auto device = hostDevice();
  auto pipeline = chainPipeline();
  const int64_t count = 200000;
  auto out = device->allocate(count * 4);
  uint32_t small = 0, big = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    const bool isSmall = i % 3 == 1;
    const Argument args[] = {Argument::of(out), Argument::scalar(i)};
    device->stream().submit(pipeline, args, {isSmall ? 10 : count}, {256});
    small = small * 3 + i;
    if (!isSmall)
      big = big * 3 + i;
  }
  out->wait();
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[0], small);
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[count - 1], big);
}

TEST(HostStream, ASynchronousRunComesAfterWhatWasSubmitted) {
  auto device = hostDevice();
  auto pipeline = chainPipeline();
  const int64_t count = 1 << 20;
  auto out = device->allocate(count * 4);
  const Argument first[] = {Argument::of(out), Argument::scalar(uint32_t(5))};
  const Argument second[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  device->stream().submit(pipeline, first, {count}, {256});
  device->run(*pipeline, second, {count}, {256});
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[count - 1], 16u);
}

TEST(HostStream, KeepsBuffersAliveUntilTheyWereUsed) {
  auto device = hostDevice();
  auto pipeline = chainPipeline();
  auto owner = std::make_shared<std::vector<uint32_t>>(1 << 20, 2u);
  std::weak_ptr<std::vector<uint32_t>> watch = owner;
  for (int i = 0; i < 4; ++i) {
    auto view = device->wrap(owner->data(), 4 << 20, true, owner);
    const Argument args[] = {Argument::of(view), Argument::scalar(uint32_t(1))};
    device->stream().submit(pipeline, args, {1 << 20}, {256});
  }
  owner.reset();
  device->stream().synchronize();
  EXPECT_TRUE(watch.expired());
}

TEST(HostStream, SurfacesTheFirstErrorOnceAndRunsTheRest) {
  auto device = hostDevice();
  auto bad = device->createPipeline({.kernel = saxpyKernel()});
  auto good = chainPipeline();
  auto x = device->allocate(40), other = device->allocate(4096);
  const Argument badArgs[] = {Argument::of(x), Argument::scalar(1.0f), Argument::of(x)};
  const Argument goodArgs[] = {Argument::of(other), Argument::scalar(uint32_t(9))};
  const uint64_t ticket = device->stream().submit(bad, badArgs, {100}, {32});
  device->stream().submit(good, goodArgs, {1024}, {32});
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->stream().synchronize(); }, &kind),
            "saxpy: load from parameter X is out of bounds: index 10, size 10, thread (10, 0, 0)");
  EXPECT_EQ(kind, ErrorKind::OutOfBounds);
  EXPECT_EQ(static_cast<uint32_t *>(other->data())[1023], 9u);
  EXPECT_NO_THROW(device->stream().synchronize());
  EXPECT_NO_THROW(device->stream().wait(ticket));

  device->stream().submit(bad, badArgs, {100}, {32});
  EXPECT_NE(errorOf([&] { x->wait(); }), "") << "reading a buffer reports the launch that used it";
}

TEST(HostStream, ChecksBeforeItQueues) {
  auto device = hostDevice();
  auto pipeline = chainPipeline();
  auto out = device->allocate(64);
  std::vector<uint32_t> own(16);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  EXPECT_EQ(errorOf([&] { device->stream().submit(pipeline, args, {16}, {0}); }),
            "chain: threads must be at least 1 in each dimension, got (0, 1, 1)");
  const Argument memory[] = {Argument::memory(own.data(), 64), Argument::scalar(uint32_t(1))};
  EXPECT_EQ(errorOf([&] { device->stream().submit(pipeline, memory, {16}, {16}); }),
            "chain: parameter Out of a launch in the background must be a buffer or a scalar");
  EXPECT_EQ(errorOf([&] { device->stream().submit(pipeline, {args, 1}, {16}, {16}); }),
            "chain: takes 2 arguments, got 1");
}

void sleepForAMillisecond(const LaunchContext *, uint64_t begin, uint64_t end) {
  std::this_thread::sleep_for(std::chrono::milliseconds(end - begin));
}

TEST(HostStream, AnInterruptedWaitDropsTheQueue) {
  auto device = hostDevice();
  KernelDescriptor kernel = countKernel();
  kernel.entry = sleepForAMillisecond;
  auto pipeline = device->createPipeline({.kernel = kernel});
  auto out = device->allocate(4);
  const Argument args[] = {Argument::of(out)};
  for (int i = 0; i < 20; ++i)
    device->stream().submit(pipeline, args, {1 << 20}, {256});
  RunOptions options;
  options.interrupt = [](void *) { return true; };
  EXPECT_EQ(errorOf([&] { device->stream().synchronize(options); }),
            "interrupted while waiting for earlier launches; those still queued were dropped");
  EXPECT_NO_THROW(device->stream().synchronize());
  auto chain = chainPipeline();
  const Argument again[] = {Argument::of(out), Argument::scalar(uint32_t(7))};
  device->stream().submit(chain, again, {1}, {1});
  device->stream().synchronize();
  EXPECT_EQ(*static_cast<uint32_t *>(out->data()), 7u);
}

TEST(HostStream, AForkedChildStartsWithAnEmptyStream) {
  auto device = hostDevice();
  auto pipeline = chainPipeline();
  auto out = device->allocate(4 << 20);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  device->stream().submit(pipeline, args, {1 << 20}, {256});
  device->stream().synchronize();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    device->stream().submit(pipeline, args, {1 << 20}, {256});
    device->stream().submit(pipeline, args, {1}, {1});
    device->stream().synchronize();
    const auto *data = static_cast<const uint32_t *>(out->data());
    _exit(data[0] == 13 && data[1] == 4 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[0], 1u);
}

} // namespace
