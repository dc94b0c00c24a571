// SPDX-License-Identifier: MIT
//
// The Metal device on the fake Metal: no object leaks, nothing is misused, and what Metal refuses arrives as
// an error that leaves the device usable. What every device does is in ConformanceTest.cpp.
#include "Metal/MetalDevice.h"

#include "Conformance.h"
#include "FakeMetal.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

using Clock = std::chrono::steady_clock;

/// Looks after every test of this program, those of the conformance suite too.
class Watch : public ::testing::EmptyTestEventListener {
  std::vector<std::string> before;
  void OnTestStart(const ::testing::TestInfo &) override {
    fakemetal::reset();
    before = objc::liveObjects();
  }
  void OnTestEnd(const ::testing::TestInfo &) override {
    // The thread of a queue lets go of a command buffer a moment after it is done.
    const auto until = Clock::now() + std::chrono::seconds(5);
    while (objc::liveObjects() != before && Clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(objc::liveObjects(), before) << "objects leak";
    EXPECT_EQ(objc::takeMisuse(), std::vector<std::string>()) << "Metal is misused";
  }
};

const bool watches = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Watch);
  return true;
}();

struct MetalDevice : ::testing::Test {
  std::shared_ptr<Device> device = metal::makeDevice("");

  /// Runs the chain kernel once on a fresh buffer and looks at the result.
  void expectItStillWorks() {
    auto pipeline = device->createPipeline(chainSource());
    auto out = device->allocate(64);
    const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
    device->run(*pipeline, args, {16}, {16});
    EXPECT_EQ(static_cast<uint32_t *>(out->data())[15], 3u);
  }
};

TEST_F(MetalDevice, SaysWhatItIs) {
  const Capabilities &caps = device->capabilities();
  EXPECT_EQ(caps.name, "Fake M1");
  EXPECT_EQ(caps.backend, "metal");
  EXPECT_EQ(caps.family, "apple7");
  EXPECT_EQ(caps.maxThreadsPerThreadgroup, 1024u);
  EXPECT_EQ(caps.maxBufferLength, uint64_t(1) << 33);
  EXPECT_EQ(caps.totalMemory, uint64_t(1) << 34);
}

TEST_F(MetalDevice, DevicesHaveNames) {
  fakemetal::controls().devices = {"Fake M1", "Fake M2 Ultra"};
  EXPECT_EQ(metalDeviceNames(), (std::vector<std::string>{"Fake M1", "Fake M2 Ultra"}));
  EXPECT_EQ(metal::makeDevice("Fake M2 Ultra")->capabilities().name, "Fake M2 Ultra");
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([] { metal::makeDevice("Fake M9"); }, &kind),
            "no Metal device is called 'Fake M9'; there is Fake M1, Fake M2 Ultra");
  EXPECT_EQ(kind, ErrorKind::Device);
}

TEST_F(MetalDevice, NoDeviceIsAnErrorThatNamesTheHost) {
  fakemetal::controls().devices.clear();
  try {
    metal::makeDevice("");
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Device);
    EXPECT_EQ(error.message(), "no Metal device: the system has no GPU that this process may use");
    ASSERT_EQ(error.notes().size(), 1u);
    EXPECT_NE(error.notes()[0].find("HostRuntime"), std::string::npos);
  }
}

TEST_F(MetalDevice, AMissingQueueIsAnError) {
  fakemetal::controls().failQueue = true;
  EXPECT_EQ(errorOf([] { metal::makeDevice(""); }), "Metal gave no command queue");
}

TEST_F(MetalDevice, BadSourceIsAnErrorWithTheCompilersTextAndNumberedLines) {
  PipelineSource source = chainSource();
  source.metalSource = "#include <metal_stdlib>\nusing namespace metal;\nkernel void chain(device uint *Out "
                       "[[buffer(0)]]) {\n  Out[0] = nonsense;\n}\n";
  ErrorKind kind = ErrorKind::Enigma;
  const std::string message = errorOf([&] { device->createPipeline(source); }, &kind);
  EXPECT_EQ(kind, ErrorKind::Compile);
  EXPECT_TRUE(message.starts_with("chain: Metal's compiler refused the source:\nprogram_source:4:"))
      << message;
  EXPECT_NE(message.find("'nonsense'"), std::string::npos) << message;
  EXPECT_NE(message.find("\n   4 |   Out[0] = nonsense;\n"), std::string::npos) << message;
  expectItStillWorks();
}

TEST_F(MetalDevice, AMissingKernelIsAnError) {
  PipelineSource source = chainSource();
  source.kernel.name = "other";
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }), "other: the source has no kernel of this name");
  EXPECT_EQ(errorOf([&] { device->createPipeline({.kernel = countKernel()}); }),
            "count_visits: has no Metal source, so a Metal device can't run it");
}

TEST_F(MetalDevice, APipelineThatFailsIsAnErrorAndIsTriedAgain) {
  fakemetal::controls().failPipelines = true;
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->createPipeline(chainSource()); }, &kind),
            "chain: Metal made no pipeline of it: Compute function exceeds available stack space");
  EXPECT_EQ(kind, ErrorKind::Device);
  fakemetal::controls().failPipelines = false;
  expectItStillWorks();
}

TEST_F(MetalDevice, EqualTextIsCompiledOnce) {
  auto first = device->createPipeline(chainSource());
  auto second = device->createPipeline(chainSource());
  EXPECT_EQ(fakemetal::record().libraries, 1u);
  PipelineSource fast = chainSource();
  fast.fastMath = true;
  device->createPipeline(fast);
  EXPECT_EQ(fakemetal::record().libraries, 2u);
}

TEST_F(MetalDevice, MathIsSafeAndPreciseUnlessAskedOtherwise) {
  device->createPipeline(chainSource());
  EXPECT_EQ(fakemetal::record().mathMode, 0);
  EXPECT_EQ(fakemetal::record().mathFunctions, 1);
  PipelineSource fast = chainSource();
  fast.fastMath = true;
  device->createPipeline(fast);
  EXPECT_EQ(fakemetal::record().mathMode, 2);
  EXPECT_EQ(fakemetal::record().mathFunctions, 0);

  fakemetal::controls().macos = 14; // which has no math modes
  auto older = metal::makeDevice("");
  older->createPipeline(chainSource());
  EXPECT_EQ(fakemetal::record().fastMath, 0);
  EXPECT_EQ(fakemetal::record().mathMode, -1);
}

TEST_F(MetalDevice, TheLanguageVersionIsWhatTheKernelNeedsAndTheSystemHas) {
  PipelineSource source = chainSource();
  source.mslVersion = 31;
  device->createPipeline(source);
  EXPECT_EQ(fakemetal::record().languageVersion, uint64_t(3) << 16 | 1);
  source.mslVersion = 0;
  device->createPipeline(source);
  EXPECT_EQ(fakemetal::record().languageVersion, uint64_t(3) << 16 | 2);
  source.mslVersion = 40;
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }, &kind),
            "chain: needs Metal Shading Language 4.0, macOS 15 has 3.2");
  EXPECT_EQ(kind, ErrorKind::Unsupported);
}

TEST_F(MetalDevice, ThePipelinesOwnLimitCounts) {
  fakemetal::controls().maxThreads = 448;
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(4096);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  EXPECT_EQ(
      errorOf([&] { device->run(*pipeline, args, {1024}, {512}); }),
      "chain: threads (512, 1, 1) make a threadgroup of more than the 448 threads that the device allows");
  EXPECT_NO_THROW(device->run(*pipeline, args, {1024}, {448}));
}

TEST_F(MetalDevice, AnotherSimdgroupWidthIsRefused) {
  fakemetal::controls().simdWidth = 64;
  EXPECT_EQ(errorOf([&] { device->createPipeline(chainSource()); }),
            "chain: Fake M1 runs simdgroups of 64 threads; Enigma needs 32");
}

TEST_F(MetalDevice, ThreadgroupMemoryOfTheTextIsCounted) {
  PipelineSource source = chainSource();
  source.metalSource = R"(#include <metal_stdlib>
using namespace metal;
kernel void chain(device uint *Out [[buffer(0)]], constant uint &value [[buffer(1)]],
                  uint i [[thread_position_in_grid]], uint t [[thread_position_in_threadgroup]]) {
  threadgroup uint shared[SIZE];
  shared[t] = Out[i] + value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  Out[i] = shared[63u - t];
}
)";
  const auto ofSize = [&](const char *size) {
    PipelineSource sized = source;
    sized.metalSource.replace(sized.metalSource.find("SIZE"), 4, size);
    return sized;
  };
  auto pipeline = device->createPipeline(ofSize("64"));
  EXPECT_EQ(pipeline->kernel().threadgroupBytes, 256u);
  auto out = device->allocate(512);
  auto *words = static_cast<uint32_t *>(out->data());
  for (uint32_t i = 0; i < 128; ++i)
    words[i] = i;
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1000))};
  device->run(*pipeline, args, {128}, {64});
  EXPECT_EQ(words[0], 1063u);
  EXPECT_EQ(words[127], 1064u);
  EXPECT_EQ(errorOf([&] { device->createPipeline(ofSize("8256")); }),
            "chain: uses 33024 bytes of threadgroup memory, the device has 32768");
}

TEST_F(MetalDevice, OutOfMemoryLeavesTheDeviceUsable) {
  fakemetal::controls().memory = 1 << 16;
  ErrorKind kind = ErrorKind::Enigma;
  const std::string message = errorOf([&] { device->allocate(1 << 20); }, &kind);
  EXPECT_EQ(kind, ErrorKind::Device);
  EXPECT_TRUE(message.starts_with("cannot allocate 1048576 bytes")) << message;
  auto pipeline = device->createPipeline(chainSource());
  std::vector<uint32_t> own(1 << 18);
  const Argument args[] = {Argument::memory(own.data(), 1 << 20), Argument::scalar(uint32_t(3))};
  EXPECT_NE(errorOf([&] { device->run(*pipeline, args, {16}, {16}); }), "") << "its copy does not fit either";
  expectItStillWorks();
}

TEST_F(MetalDevice, AFailedLaunchIsAnErrorAndTheNextOneRuns) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  fakemetal::controls().failLaunches = 2; // time-out
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {16}, {16}); }, &kind),
            "chain: the GPU did not complete the launch: Injected failure");
  EXPECT_EQ(kind, ErrorKind::Launch);
  fakemetal::controls().failLaunches = 8; // out of memory
  EXPECT_NE(errorOf([&] { device->run(*pipeline, args, {16}, {16}); }, &kind), "");
  EXPECT_EQ(kind, ErrorKind::Device);
  fakemetal::controls().failLaunches = 0;
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[0], 0u);
  expectItStillWorks();
}

TEST_F(MetalDevice, AFailureInTheBackgroundIsReportedOnceToWhoeverWaits) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64), other = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  const Argument good[] = {Argument::of(other), Argument::scalar(uint32_t(3))};
  fakemetal::controls().failLaunches = 3;
  device->stream().submit(pipeline, args, {16}, {16});
  EXPECT_EQ(errorOf([&] { out->wait(); }), "chain: the GPU did not complete the launch: Injected failure");
  EXPECT_NO_THROW(out->wait());
  fakemetal::controls().failLaunches = 0;
  device->stream().submit(pipeline, good, {16}, {16});
  EXPECT_NO_THROW(device->stream().synchronize());
  EXPECT_EQ(static_cast<uint32_t *>(other->data())[15], 3u);
}

TEST_F(MetalDevice, AKernelThatFaultsIsAnErrorWithAWayOut) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  try {
    device->run(*pipeline, args, {1 << 16}, {256});
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Device);
    ASSERT_EQ(error.notes().size(), 1u);
    EXPECT_NE(error.notes()[0].find("HostRuntime"), std::string::npos);
  }
  expectItStillWorks();
}

TEST_F(MetalDevice, ManyLaunchesShareACommandBufferWhileTheGpuIsBusy) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  fakemetal::controls().launchMillis = 100;
  const uint32_t before = fakemetal::record().commandBuffers;
  for (int i = 0; i < 40; ++i) {
    const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
    device->stream().submit(pipeline, args, {16}, {16});
  }
  device->stream().synchronize();
  EXPECT_EQ(fakemetal::record().commandBuffers - before, 2u) << "one at once, the others while it runs";
  EXPECT_EQ(fakemetal::record().dispatches, 40u);
}

TEST_F(MetalDevice, ABatchIsOneCommandBuffer) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  auto prepared = device->prepare(pipeline, args);
  const uint32_t before = fakemetal::record().commandBuffers;
  {
    const Batch batch(device->stream());
    for (int i = 0; i < 200; ++i)
      prepared->submit({16}, {16});
    EXPECT_EQ(fakemetal::record().dispatches, 200u) << "they are encoded already";
  }
  device->stream().synchronize();
  EXPECT_EQ(fakemetal::record().commandBuffers - before, 1u);
  {
    const Batch empty(device->stream());
  }
  EXPECT_EQ(fakemetal::record().commandBuffers - before, 1u) << "an empty one is none";
}

TEST_F(MetalDevice, APreparedLaunchMakesNothingButItsCommandBuffer) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  std::vector<uint32_t> own(16);
  const Argument inBuffer[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  const Argument copied[] = {Argument::memory(own.data(), 64), Argument::scalar(uint32_t(1))};
  for (const std::span<const Argument> args : {std::span(inBuffer), std::span(copied)}) {
    auto prepared = device->prepare(pipeline, args);
    prepared->run({16}, {16});
    const fakemetal::Record before = fakemetal::record();
    const auto alive = objc::liveObjects().size();
    for (int i = 0; i < 50; ++i)
      prepared->run({16}, {16});
    const fakemetal::Record after = fakemetal::record();
    EXPECT_EQ(after.commandBuffers - before.commandBuffers, 50u);
    EXPECT_EQ(after.buffers, before.buffers);
    EXPECT_EQ(after.libraries, before.libraries);
    // The fake's thread may still hold the last command buffer and its queue's error.
    EXPECT_LE(objc::liveObjects().size(), alive + 1);
  }
}

TEST_F(MetalDevice, AFailureInABatchIsReportedAndTheNextBatchRuns) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(1))};
  auto prepared = device->prepare(pipeline, args);
  fakemetal::controls().failLaunches = 3;
  {
    const Batch batch(device->stream());
    prepared->submit({16}, {16});
    prepared->submit({16}, {16});
  }
  EXPECT_EQ(errorOf([&] { device->stream().synchronize(); }),
            "chain (one of 2 launches): the GPU did not complete the launch: Injected failure");
  fakemetal::controls().failLaunches = 0;
  {
    const Batch batch(device->stream());
    prepared->submit({16}, {16});
  }
  out->wait();
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[15], 1u);
}

TEST_F(MetalDevice, EveryBufferOfACommandBufferLivesUntilItIsDone) {
  auto pipeline = device->createPipeline(chainSource());
  fakemetal::controls().launchMillis = 50;
  for (int i = 0; i < 10; ++i) {
    const Argument args[] = {Argument::of(device->allocate(64)), Argument::scalar(uint32_t(1))};
    device->stream().submit(pipeline, args, {16}, {16});
  }
  pipeline.reset();
  EXPECT_NO_THROW(device->stream().synchronize());
  EXPECT_EQ(fakemetal::record().dispatches, 10u);
}

TEST_F(MetalDevice, ATimeOutEndsTheWaitingAndLaterLaunchesComeAfter) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  std::vector<uint32_t> own(16, 1);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  const Argument copied[] = {Argument::memory(own.data(), 64), Argument::scalar(uint32_t(3))};
  fakemetal::controls().launchMillis = 100;
  RunOptions impatient;
  impatient.timeout = 0.01;
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {16}, {16}, impatient); }, &kind),
            "chain: not done after the time-out of 0.01 s");
  EXPECT_EQ(kind, ErrorKind::Launch);
  EXPECT_NO_THROW(device->run(*pipeline, args, {16}, {16}));
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[15], 12u) << "both ran";

  auto prepared = device->prepare(pipeline, copied);
  EXPECT_NE(errorOf([&] { prepared->run({16}, {16}, impatient); }), "");
  own.assign(16, 2);
  prepared->run({16}, {16});
  EXPECT_EQ(own[15], 9u) << "the launch that was given up must not write into the copies of the next one";

  EXPECT_NE(errorOf([&] { device->run(*pipeline, args, {16}, {16}, impatient); }), "");
  out.reset(); // the launch keeps the buffer
}

TEST_F(MetalDevice, TheInterruptEndsTheWaitingAndPassesOnWhatItThrows) {
  auto pipeline = device->createPipeline(chainSource());
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  fakemetal::controls().launchMillis = 200;
  RunOptions options;
  options.interrupt = [](void *) { return true; };
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {16}, {16}, options); }), "chain: interrupted");
  options.interrupt = [](void *) -> bool { throw std::domain_error("keyboard"); };
  EXPECT_THROW(device->run(*pipeline, args, {16}, {16}, options), std::domain_error);
  EXPECT_THROW(out->wait(options), std::domain_error);
  out->wait();
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[15], 12u);
}

TEST_F(MetalDevice, PagesAreUsedInPlaceAndOtherMemoryIsCopied) {
  auto pipeline = device->createPipeline(chainSource());
  alignas(65536) static uint32_t own[32768];
  auto pages = device->wrap(own, sizeof own, true, nullptr);
  auto part = device->wrap(own + 4096, 64, true, nullptr);
  EXPECT_EQ(fakemetal::record().noCopyBuffers, 1u) << "the part belongs to the same Metal buffer";
  const Argument args[] = {Argument::of(part), Argument::scalar(uint32_t(3))};
  device->run(*pipeline, args, {16}, {16});
  EXPECT_EQ(own[4096], 3u);
  pages.reset();
  part.reset();

  fakemetal::controls().refuseNoCopy = true;
  auto view = device->wrap(own, sizeof own, true, nullptr);
  const Argument whole[] = {Argument::of(view), Argument::scalar(uint32_t(4))};
  device->run(*pipeline, whole, {16}, {16});
  EXPECT_EQ(own[15], 4u);
}

TEST_F(MetalDevice, MemoryThatOnlyPartlyBelongsToABufferIsRefused) {
  auto pipeline = device->createPipeline(chainSource());
  alignas(65536) static uint32_t own[32768];
  auto half = device->wrap(own, sizeof own / 2, true, nullptr);
  const Argument args[] = {Argument::memory(own, sizeof own), Argument::scalar(uint32_t(3))};
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {16}, {16}); }),
            "chain: parameter Out is memory of which only a part belongs to a buffer of the device");
}

TEST_F(MetalDevice, VectorsNeedAlignedMemory) {
  PipelineSource source = chainSource();
  source.kernel.vecWidth = 4;
  auto pipeline = device->createPipeline(source);
  auto out = device->allocate(4096);
  auto *data = static_cast<char *>(out->data());
  const Argument odd[] = {Argument::memory(data + 4, 64), Argument::scalar(uint32_t(3))};
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, odd, {16}, {16}); }),
            "chain: parameter Out begins 4 bytes into its memory; the GPU needs a multiple of 16");
  const Argument even[] = {Argument::memory(data + 16, 64), Argument::scalar(uint32_t(3))};
  EXPECT_NO_THROW(device->run(*pipeline, even, {16}, {16}));
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[4], 3u);
}

TEST_F(MetalDevice, BuffersAndPipelinesOfOthersAreRefused) {
  auto pipeline = device->createPipeline(chainSource());
  auto second = metal::makeDevice("");
  auto foreign = second->allocate(64);
  const Argument args[] = {Argument::of(foreign), Argument::scalar(uint32_t(3))};
  EXPECT_EQ(errorOf([&] { device->run(*pipeline, args, {16}, {16}); }),
            "chain: parameter Out is bound to a buffer of another device");
}

TEST_F(MetalDevice, BuffersMayOutliveTheDevice) {
  auto out = device->allocate(64);
  auto pipeline = device->createPipeline(chainSource());
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  fakemetal::controls().launchMillis = 20;
  device->stream().submit(pipeline, args, {16}, {16});
  device.reset();
  out->wait();
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[15], 3u);
}

} // namespace
