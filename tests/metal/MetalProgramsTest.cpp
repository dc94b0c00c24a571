// SPDX-License-Identifier: MIT
//
// What the Metal device makes of programs beyond plain text: archives of compiled code, metallibs, function
// constants; and residency sets and captures.
#include "Conformance.h"
#include "FakeMetal.h"
#include "Metal/MetalDevice.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <unistd.h>

using namespace enigma;
using namespace enigma::runtime;
using namespace enigma::runtime::testing;

namespace {

/// A store in memory that counts.
struct Store final : CodeStore {
  std::map<std::string, std::string> entries;
  int loads = 0, stores = 0;
  bool load(std::string_view kind, std::string_view identity, std::string &bytes) override {
    ++loads;
    const auto found = entries.find(std::string(kind) + ":" + std::string(identity));
    if (found != entries.end())
      bytes = found->second;
    return found != entries.end();
  }
  void store(std::string_view kind, std::string_view identity, std::string_view bytes) override {
    ++stores;
    entries[std::string(kind) + ":" + std::string(identity)] = bytes;
  }
  bool isOpen() const override { return true; }
};

struct MetalPrograms : ::testing::Test {
  std::shared_ptr<Device> device = metal::makeDevice("");

  /// The first element after one launch of the chain kernel on zeros.
  static uint32_t result(Device &on, const std::shared_ptr<Pipeline> &pipeline) {
    auto out = on.allocate(64);
    const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
    on.run(*pipeline, args, {16}, {16});
    return *static_cast<uint32_t *>(out->data());
  }
  static std::string temporary(const std::string &suffix) {
    return "/tmp/enigma-metal-" + std::to_string(getpid()) + suffix;
  }
};

TEST_F(MetalPrograms, AnArchiveSavesTheNextDeviceTheWork) {
  auto store = std::make_shared<Store>();
  PipelineSource source = chainSource();
  source.store = store;
  EXPECT_EQ(result(*device, device->createPipeline(source)), 3u);
  EXPECT_EQ(store->stores, 1);
  EXPECT_EQ(fakemetal::record().archivesMade, 1u);
  device->createPipeline(source);
  EXPECT_EQ(store->loads, 1) << "the device has the pipeline itself";

  auto next = metal::makeDevice(""); // as in another process
  EXPECT_EQ(result(*next, next->createPipeline(source)), 3u);
  EXPECT_EQ(fakemetal::record().archivesLoaded, 1u);
  EXPECT_EQ(fakemetal::record().archiveHits, 2u) << "the one just made, and the one loaded";
  EXPECT_EQ(store->stores, 1);
}

TEST_F(MetalPrograms, AnArchiveIsForOneGpuOneSystemAndOneKernel) {
  auto store = std::make_shared<Store>();
  PipelineSource source = chainSource();
  source.store = store;
  device->createPipeline(source);
  fakemetal::controls().build = "24B83";
  metal::makeDevice("")->createPipeline(source);
  EXPECT_EQ(store->stores, 2);
  fakemetal::controls().devices = {"Fake M2"};
  metal::makeDevice("")->createPipeline(source);
  EXPECT_EQ(store->stores, 3);
  source.fastMath = true;
  metal::makeDevice("")->createPipeline(source);
  source.metalSource += "// another\n";
  metal::makeDevice("")->createPipeline(source);
  EXPECT_EQ(store->stores, 5);
  EXPECT_EQ(store->entries.size(), 5u);
  EXPECT_EQ(fakemetal::record().archivesLoaded, 0u);
}

TEST_F(MetalPrograms, AnArchiveThatMetalRefusesIsMadeAnew) {
  auto store = std::make_shared<Store>();
  PipelineSource source = chainSource();
  source.store = store;
  device->createPipeline(source);
  store->entries.begin()->second = "nonsense";
  auto next = metal::makeDevice("");
  EXPECT_EQ(result(*next, next->createPipeline(source)), 3u);
  EXPECT_EQ(store->stores, 2);
  EXPECT_NE(store->entries.begin()->second, "nonsense");
}

TEST_F(MetalPrograms, AnArchiveLeavesNoFileInTheTemporaryFolder) {
  char folder[] = "/tmp/enigma-tmpdir-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const char *before = std::getenv("TMPDIR");
  const std::string old = before ? before : "";
  setenv("TMPDIR", folder, 1);
  PipelineSource source = chainSource();
  source.store = std::make_shared<Store>();
  EXPECT_EQ(result(*device, device->createPipeline(source)), 3u);
  EXPECT_EQ(static_cast<Store &>(*source.store).stores, 1) << "it went through the folder";
  before ? setenv("TMPDIR", old.c_str(), 1) : unsetenv("TMPDIR");
  EXPECT_EQ(rmdir(folder), 0) << "the folder is not empty";
}

TEST_F(MetalPrograms, ATemporaryFolderThatIsNotThereCostsTheArchiveOnly) {
  const char *before = std::getenv("TMPDIR");
  const std::string old = before ? before : "";
  setenv("TMPDIR", "/nowhere/at/all", 1);
  PipelineSource source = chainSource();
  source.store = std::make_shared<Store>();
  EXPECT_EQ(result(*device, device->createPipeline(source)), 3u);
  EXPECT_EQ(static_cast<Store &>(*source.store).stores, 0) << "TMPDIR comes first";
  before ? setenv("TMPDIR", old.c_str(), 1) : unsetenv("TMPDIR");
}

TEST_F(MetalPrograms, WithoutArchivesThePipelineIsMadeAllTheSame) {
  auto store = std::make_shared<Store>();
  PipelineSource source = chainSource();
  source.store = store;
  fakemetal::controls().failArchives = true;
  EXPECT_EQ(result(*device, device->createPipeline(source)), 3u);
  EXPECT_EQ(store->stores, 0);
  fakemetal::controls().failArchives = false;
  fakemetal::controls().failPipelines = true;
  source.fastMath = true;
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }),
            "chain: Metal made no pipeline of it: Compute function exceeds available stack space");
  EXPECT_EQ(store->stores, 0) << "what is no pipeline is not kept";
}

TEST_F(MetalPrograms, AMetallibStandsForTheText) {
  const std::string path = temporary(".metallib");
  PipelineSource source = chainSource();
  std::ofstream(path) << "MTLB" << source.metalSource;
  source.metalSource.clear();
  source.metallib = path;
  EXPECT_EQ(result(*device, device->createPipeline(source)), 3u);
  EXPECT_EQ(fakemetal::record().libraries, 0u) << "nothing was compiled from text";
  source.kernel.name = "other";
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }),
            "other: the metallib has no kernel of this name");
  source.kernel.name = "chain";
  std::ofstream(path) << "text";
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }),
            "chain: Metal does not load " + path + ": Invalid library file");
  std::remove(path.c_str());
  ErrorKind kind = ErrorKind::Enigma;
  EXPECT_EQ(errorOf([&] { device->createPipeline(source); }, &kind),
            "chain: Metal does not load " + path + ": library not found");
  EXPECT_EQ(kind, ErrorKind::Device);
}

PipelineSource withConstants() {
  PipelineSource source = chainSource();
  source.metalSource = R"(#include <metal_stdlib>
using namespace metal;
constant uint factor [[function_constant(0)]];
constant bool negative [[function_constant(3)]];
constant float share [[function_constant(4)]];
kernel void chain(device uint *Out [[buffer(0)]], constant uint &value [[buffer(1)]],
                  uint i [[thread_position_in_grid]]) {
  Out[i] = (negative ? 1000u : 0u) + value * factor + uint(share * 8.0f);
}
)";
  return source;
}

TEST_F(MetalPrograms, FunctionConstantsAreFixedWithThePipeline) {
  PipelineSource source = withConstants();
  const auto of = [](uint32_t factor, bool negative, float share) {
    uint32_t bits = 0;
    std::memcpy(&bits, &share, sizeof bits);
    return std::vector<FunctionConstant>{
        {0, ElementKind::U32, factor}, {3, ElementKind::B1, negative}, {4, ElementKind::F32, bits}};
  };
  source.constants = of(7, false, 0.5f);
  auto first = device->createPipeline(source);
  source.constants = of(11, true, 0.25f);
  auto second = device->createPipeline(source);
  EXPECT_EQ(result(*device, first), 25u);
  EXPECT_EQ(result(*device, second), 1035u);
  EXPECT_EQ(result(*device, first), 25u);
}

TEST_F(MetalPrograms, BadTextWithFunctionConstantsIsACompileError) {
  PipelineSource source = withConstants();
  source.constants = {{0, ElementKind::U32, 1}};
  source.kernel.name = "other";
  ErrorKind kind = ErrorKind::Enigma;
  const std::string message = errorOf([&] { device->createPipeline(source); }, &kind);
  EXPECT_EQ(kind, ErrorKind::Compile);
  EXPECT_NE(message.find("Function other was not found in the library"), std::string::npos) << message;
  EXPECT_NE(message.find("   3 | constant uint factor"), std::string::npos) << message;
}

TEST_F(MetalPrograms, BuffersAreResidentWhileTheyLive) {
  EXPECT_EQ(fakemetal::record().resident, 0u);
  auto first = device->allocate(64), second = device->allocate(1 << 20);
  EXPECT_EQ(fakemetal::record().resident, 2u);
  alignas(65536) static uint32_t own[32768];
  auto pages = device->wrap(own, sizeof own, true, nullptr);
  EXPECT_EQ(fakemetal::record().resident, 3u);
  first.reset();
  pages.reset();
  EXPECT_EQ(fakemetal::record().resident, 1u);
  std::vector<uint32_t> copied(16);
  auto pipeline = device->createPipeline(chainSource());
  const Argument args[] = {Argument::memory(copied.data(), 64), Argument::scalar(uint32_t(3))};
  device->run(*pipeline, args, {16}, {16});
  EXPECT_EQ(fakemetal::record().resident, 2u) << "the copy's buffer waits for the next launch";
  second.reset();
  pipeline.reset();
  device.reset();
  EXPECT_EQ(fakemetal::record().resident, 0u);
}

TEST_F(MetalPrograms, WithoutResidencySetsEverythingRuns) {
  for (const bool isOld : {false, true}) {
    fakemetal::controls().failResidency = true;
    fakemetal::controls().macos = isOld ? 14 : 15;
    auto other = metal::makeDevice("");
    EXPECT_EQ(result(*other, other->createPipeline(chainSource())), 3u);
  }
}

TEST_F(MetalPrograms, ACaptureIsADocument) {
  const std::string path = temporary(".gputrace");
  auto pipeline = device->createPipeline(chainSource());
  device->startCapture(path);
  EXPECT_EQ(errorOf([&] { device->startCapture(path); }), "capture: another capture is under way");
  auto out = device->allocate(64);
  const Argument args[] = {Argument::of(out), Argument::scalar(uint32_t(3))};
  device->stream().submit(pipeline, args, {16}, {16});
  device->stopCapture();
  EXPECT_EQ(static_cast<uint32_t *>(out->data())[0], 3u) << "what was submitted is done, and in the trace";
  EXPECT_EQ(fakemetal::record().captures, 1u);
  EXPECT_TRUE(std::ifstream(path).good());
  EXPECT_EQ(errorOf([&] { device->startCapture(path); }),
            "capture: Metal cannot write " + path + ": the file exists");
  std::remove(path.c_str());
}

TEST_F(MetalPrograms, ACaptureThatTheSystemForbidsIsExplained) {
  fakemetal::controls().allowsCaptures = false;
  try {
    device->startCapture("/tmp/never.gputrace");
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Device);
    ASSERT_EQ(error.notes().size(), 1u);
    EXPECT_EQ(error.notes()[0], "set MTL_CAPTURE_ENABLED=1 before the program starts");
  }
}

} // namespace
