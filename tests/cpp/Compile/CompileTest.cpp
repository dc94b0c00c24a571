// SPDX-License-Identifier: MIT
// A kernel built in C++, compiled and run on the CPU, with its errors and its caches.
#include "enigma/Compile/Compile.h"

#include "enigma/IR/Builder.h"
#include "enigma/Runtime/HostDevice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

using namespace enigma;
using namespace enigma::ir;

namespace {

// The tests compile; what earlier runs compiled must not stand in for that. DiskCacheTest.cpp has its own
// folders.
const bool compilesEverything = setenv("ENIGMA_CACHE", "0", 1) == 0;

Function saxpy(std::string_view buffer = "X") {
  Function f("saxpy");
  Value x = f.addParam({std::string(buffer), Type::buffer(Elem::f32)});
  Value alpha = f.addParam({"alpha", Type::value(Elem::f32)});
  Value y = f.addParam({"Y", Type::buffer(Elem::f32)});
  Value out = f.addParam({"Out", Type::buffer(Elem::f32)});
  Builder b(f);
  Value tid = b.query(Opcode::thread_position_in_grid, 0);
  f.setName(tid, "tid");
  Value product = b.binary(Operator::mul, alpha, b.load(x, tid));
  b.store(out, tid, b.binary(Operator::add, product, b.load(y, tid)));
  return f;
}

TEST(Compile, SaxpyIsTheTextThatAPersonWouldWrite) {
  auto kernel = compile::compile(saxpy());
  EXPECT_EQ(kernel->kernelName(), "enigma_kernel_saxpy");
  EXPECT_NE(kernel->metalSource().find("    const device float* X [[buffer(0)]],\n"
                                       "    constant float& alpha [[buffer(1)]],\n"
                                       "    const device float* Y [[buffer(2)]],\n"
                                       "    device float* Out [[buffer(3)]],\n"
                                       "    uint tid [[thread_position_in_grid]])\n"
                                       "{\n"
                                       "    Out[tid] = fma(alpha, X[tid], Y[tid]);\n"
                                       "}\n"),
            std::string::npos)
      << kernel->metalSource();
}

TEST(Compile, RunsOnTheCpu) {
  for (int width : {1, 2, 4}) {
    auto kernel = compile::compile(saxpy(), {.vecWidth = width});
    auto device = runtime::hostDevice();
    auto pipeline = kernel->hostPipeline(*device, true);
    std::vector<float> x(1000), y(1000), out(1000, -1.0f);
    for (int i = 0; i < 1000; ++i) {
      x[i] = i;
      y[i] = 2 * i;
    }
    runtime::Argument args[] = {runtime::Argument::memory(x.data(), 4000), runtime::Argument::scalar(3.0f),
                                runtime::Argument::memory(y.data(), 4000),
                                runtime::Argument::memory(out.data(), 4000)};
    device->run(*pipeline, args, {1000 / width}, {256});
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(out[i], 5.0f * i) << "vec_width " << width;
  }
}

/// Takes what a pipeline is made of, and runs nothing.
struct SourceTaker : runtime::Device {
  runtime::PipelineSource taken;
  runtime::Capabilities caps;
  const runtime::Capabilities &capabilities() const override { return caps; }
  std::shared_ptr<runtime::Buffer> allocate(uint64_t) override { return nullptr; }
  std::shared_ptr<runtime::Buffer> wrap(void *, uint64_t, bool, std::shared_ptr<void>) override {
    return nullptr;
  }
  std::shared_ptr<runtime::Pipeline> createPipeline(runtime::PipelineSource source) override {
    taken = std::move(source);
    return nullptr;
  }
  std::unique_ptr<runtime::PreparedLaunch> prepare(std::shared_ptr<runtime::Pipeline>,
                                                   std::span<const runtime::Argument>) override {
    return nullptr;
  }
  double run(const runtime::Pipeline &, std::span<const runtime::Argument>, runtime::Size3, runtime::Size3,
             const runtime::RunOptions &) override {
    return 0;
  }
  runtime::CommandStream &stream() override { std::abort(); }
};

TEST(Compile, AMetalDeviceGetsTheTextAndWhatTheHostIsToldOfTheParameters) {
  for (int width : {1, 4}) {
    auto kernel = compile::compile(saxpy(), {.vecWidth = width, .fastMath = width == 4});
    auto onHost = kernel->hostPipeline(*runtime::hostDevice(), true);
    SourceTaker metal;
    kernel->metalPipeline(metal);
    EXPECT_EQ(metal.taken.metalSource, kernel->metalSource());
    EXPECT_EQ(metal.taken.mslVersion, kernel->mslVersion());
    EXPECT_EQ(metal.taken.fastMath, width == 4);
    const auto &kernelOfMetal = metal.taken.kernel, &kernelOfHost = onHost->kernel();
    EXPECT_EQ(kernelOfMetal.name, "saxpy");
    EXPECT_EQ(kernelOfMetal.function, "enigma_kernel_saxpy");
    EXPECT_EQ(kernelOfMetal.vecWidth, kernelOfHost.vecWidth);
    ASSERT_EQ(kernelOfMetal.params.size(), kernelOfHost.params.size());
    for (size_t i = 0; i < kernelOfMetal.params.size(); ++i) {
      const auto &one = kernelOfMetal.params[i], &other = kernelOfHost.params[i];
      EXPECT_EQ(one.name, other.name);
      EXPECT_EQ(one.element, other.element) << one.name;
      EXPECT_EQ(one.isScalar, other.isScalar) << one.name;
      EXPECT_EQ(one.isRead, other.isRead) << one.name;
      EXPECT_EQ(one.isWritten, other.isWritten) << one.name;
    }
  }
}

TEST(Compile, EqualTracesAreCompiledOnce) {
  compile::clearCache();
  auto first = compile::compile(saxpy());
  auto before = compile::cacheStatistics();
  auto second = compile::compile(saxpy());
  EXPECT_EQ(compile::cacheStatistics().hits, before.hits + 1);
  EXPECT_EQ(first->key(), second->key());
  EXPECT_NE(first->key(), compile::compile(saxpy("Z"))->key()) << "the text shows the name";
  EXPECT_NE(first->key(), compile::compile(saxpy(), {.vecWidth = 4})->key());
  EXPECT_NE(first->key(), compile::compile(saxpy(), {.fastMath = true})->key());
  EXPECT_NE(first->key(), compile::compile(saxpy(), {.contract = false})->key());
}

TEST(Compile, ContractionCanBeTurnedOff) {
  auto kernel = compile::compile(saxpy(), {.contract = false});
  EXPECT_NE(kernel->metalSource().find("Out[tid] = alpha * X[tid] + Y[tid];"), std::string::npos);
}

// A kernel that copies A[i + offset] to B[i], where offset is what `make` builds of the scalar s.
Function copyFrom(Elem index, auto make) {
  Function f("copy");
  Value a = f.addParam({"A", Type::buffer(Elem::f32)}), out = f.addParam({"B", Type::buffer(Elem::f32)});
  Value s = f.addParam({"s", Type::value(index)});
  Builder b(f);
  Value i = b.query(Opcode::thread_position_in_grid, 0);
  b.store(out, i, b.load(a, b.binary(Operator::add, b.cast(i, index), make(b, s))));
  return f;
}

TEST(Compile, AlignmentOfALongChainIsFoundInTime) {
  auto kernel = compile::compile(copyFrom(Elem::u32,
                                          [](Builder &b, Value s) {
                                            for (int k = 0; k < 60; ++k) // 2^60 ways from the end to s
                                              s = b.binary(Operator::add, b.binary(Operator::mul, s, s), s);
                                            return s;
                                          }),
                                 {.vecWidth = 4});
  EXPECT_NE(kernel->metalSource().find("float4(A["), std::string::npos)
      << "nothing says that s is a multiple of 4";
}

TEST(Compile, AShiftOutOfItsWidthProvesNoAlignment) {
  // The shifted value is 0, of which every number is a divisor; 1 more is odd.
  auto kernel = compile::compile(
      copyFrom(Elem::u64,
               [](Builder &b, Value s) {
                 Value even = b.binary(Operator::mul, s, Literal(2));
                 return b.binary(Operator::add, b.binary(Operator::shl, even, Literal(63)), Literal(1));
               }),
      {.vecWidth = 4});
  EXPECT_EQ(kernel->metalSource().find("float4*)(A"), std::string::npos) << kernel->metalSource();
}

TEST(Compile, RefusesAKernelWithoutAStore) {
  Function f("nothing");
  Value a = f.addParam({"A", Type::buffer(Elem::f32)});
  Builder b(f);
  b.load(a, Literal(0));
  try {
    compile::compile(std::move(f));
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Trace);
    EXPECT_EQ(error.message(), "kernel nothing stores nothing, so running it has no effect");
  }
}

TEST(Compile, RefusesMoreBuffersThanMetalBinds) {
  Function f("many");
  Value last;
  for (int i = 0; i < 32; ++i)
    last = f.addParam({"A" + std::to_string(i), Type::buffer(Elem::f32)});
  Builder b(f);
  b.store(last, Literal(0), Literal(1.0));
  try {
    compile::compile(std::move(f));
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.message(), "kernel many has 32 parameters, Metal binds at most 31 buffers");
  }
}

TEST(Compile, AVectorWidthThatTellsPositionsApartIsRefusedAtItsLine) {
  auto table = std::make_shared<SourceLocTable>();
  Function f("lanes");
  f.setLocations(table);
  Value a = f.addParam({"A", Type::buffer(Elem::u32)});
  Builder b(f);
  b.place = table->add({"lanes.cpp", 7, 4, 7, 9});
  Value lane = b.query(Opcode::thread_index_in_simdgroup);
  b.place = table->add({"lanes.cpp", 8, 4, 8, 9});
  b.store(a, lane, lane);
  try {
    compile::compile(std::move(f), {.vecWidth = 4});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.message(), "vec_width: the kernel asks for thread_index_in_simdgroup, which cannot be "
                               "told for 4 positions of one thread");
    EXPECT_EQ(error.loc().line, 7u);
  }
}

TEST(Compile, AnOlderTargetThanTheKernelNeedsIsRefused) {
  Function f("narrow");
  Value a = f.addParam({"A", Type::buffer(Elem::bf16)});
  Builder b(f);
  b.store(a, Literal(0), Literal(1.0));
  EXPECT_EQ(compile::compile(Function(f))->mslVersion(), 31);
  try {
    compile::compile(Function(f), {.mslVersion = 30});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.message(), "bf16 needs MSL 3.1, the target is MSL 3.0");
  }
}

TEST(Compile, AnAccessOutOfBoundsIsReportedAtItsLineAlsoByCodeOfAnotherTrace) {
  auto make = [](uint32_t line) {
    auto table = std::make_shared<SourceLocTable>();
    Function f("past");
    f.setLocations(table);
    Value a = f.addParam({"A", Type::buffer(Elem::f32)});
    Builder b(f);
    Value i = b.query(Opcode::thread_position_in_grid, 0);
    b.place = table->add({"past.cpp", line, 0, line, 1});
    b.store(a, i, Literal(1.0));
    return f;
  };
  auto device = runtime::hostDevice();
  for (uint32_t line : {11u, 22u}) {
    auto kernel = compile::compile(make(line));
    auto pipeline = kernel->hostPipeline(*device, true);
    std::vector<float> a(10);
    runtime::Argument args[] = {runtime::Argument::memory(a.data(), 40)};
    try {
      device->run(*pipeline, args, {11}, {32});
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.kind(), ErrorKind::OutOfBounds);
      EXPECT_EQ(error.loc().line, line);
    }
    EXPECT_EQ(a, std::vector<float>(10, 1.0f)) << "what is inside is written";
  }
}

TEST(Compile, ThreadsCompileAtTheSameTime) {
  compile::clearCache();
  std::vector<std::thread> threads;
  std::vector<std::string> texts(8);
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i)
        texts[t] = compile::compile(saxpy("X" + std::to_string(i)))->metalSource();
    });
  for (auto &thread : threads)
    thread.join();
  for (const std::string &text : texts)
    EXPECT_EQ(text, texts[0]);
}

TEST(Compile, MlirKeepsTheUsersNames) {
  std::string text = compile::compile(saxpy())->mlirSource();
  EXPECT_NE(text.find("%tid = enigma.thread_position_in_grid x"), std::string::npos) << text;
}

} // namespace
