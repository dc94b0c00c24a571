// SPDX-License-Identifier: MIT
// Every option that changes a kernel changes its key: a flip of each member is no cache hit for other code.
#include "enigma/Compile/Compile.h"
#include "enigma/IR/Builder.h"
#include "enigma/Runtime/HostDevice.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::ir;
using compile::Options;

namespace {

/// Out[i] = A[i] * N + 1, with a function constant N: each option has something to change.
Function kernelNamed(const std::string &name) {
  Function f(name);
  Value a = f.addParam({"A", Type::buffer(Elem::f32)}), out = f.addParam({"Out", Type::buffer(Elem::f32)});
  Builder b(f);
  Value i = b.query(Opcode::thread_position_in_grid, 0);
  Value n = b.functionConstant(Elem::f32, 3, "N", Literal(2.0));
  b.store(out, i, b.binary(Operator::add, b.binary(Operator::mul, b.load(a, i), n), Literal(1.0)));
  return f;
}

struct Flip {
  const char *member;
  Options options;
  bool changesText, changesHostCode;
};

std::vector<Flip> flips() {
  // A new member does not compile here until it has its row below.
  const auto &[vecWidth, contract, fastMath, mslVersion, grid, threads, constants] = Options{};
  EXPECT_TRUE(vecWidth == 0 && contract && !fastMath && mslVersion == 0 && !grid[0] && !threads[0] &&
              constants.empty());
  return {
      {"vecWidth", {.vecWidth = 4}, true, true},
      {"contract", {.contract = false}, true, true},
      {"fastMath", {.fastMath = true}, true, true},
      {"mslVersion", {.mslVersion = 31}, true, false}, // may be refused, so that it has a key of its own
      {"grid", {.grid = {64, 1, 1}, .threads = {32, 1, 1}}, true, true},
      {"threads", {.grid = {64, 1, 1}, .threads = {64, 1, 1}}, true, true},
      {"constants", {.constants = {{3, 0x40400000, true}}}, true, true},
  };
}

TEST(Options, EachMemberChangesTheKey) {
  std::vector<std::pair<std::string, Hash128>> keys{{"none", compile::compile(kernelNamed("k"))->key()}};
  for (const Flip &flip : flips())
    keys.emplace_back(flip.member, compile::compile(kernelNamed("k"), flip.options)->key());
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(keys[i].second, keys[j].second) << keys[i].first << " and " << keys[j].first;
  EXPECT_EQ(compile::compile(kernelNamed("k"))->key(), keys[0].second);
}

TEST(Options, EachMemberThatChangesCodeForTheCpuCompilesItAnew) {
  auto device = runtime::hostDevice();
  const auto misses = [&](const Options &options) {
    const uint64_t before = compile::hostCodeStatistics().misses;
    compile::compile(kernelNamed("hostcode"), options)->hostPipeline(*device, true);
    return compile::hostCodeStatistics().misses - before;
  };
  compile::clearCache();
  EXPECT_EQ(misses({}), 1u);
  EXPECT_EQ(misses({}), 0u);
  for (const Flip &flip : flips()) {
    EXPECT_EQ(misses(flip.options), flip.changesHostCode ? 1u : 0u) << flip.member;
    EXPECT_EQ(misses(flip.options), 0u) << flip.member;
  }
}

float firstOf(const compile::CompiledKernel &kernel) {
  auto device = runtime::hostDevice();
  std::vector<float> a(64, 5), out(64);
  const runtime::Argument args[] = {runtime::Argument::memory(a.data(), 256),
                                    runtime::Argument::memory(out.data(), 256)};
  device->run(*kernel.hostPipeline(*device, true), args, {64}, {32});
  return out[0];
}

TEST(Options, ConstantsOfAPipelineChangeTheKeyAndKeepTheText) {
  auto kernel = compile::compile(kernelNamed("k"));
  const ConstantBinding three[] = {{3, 0x40400000}}, four[] = {{3, 0x40800000}};
  auto first = kernel->specialized(three), second = kernel->specialized(four);
  EXPECT_NE(first->key(), kernel->key());
  EXPECT_NE(first->key(), second->key());
  EXPECT_EQ(first->key(), kernel->specialized(three)->key());
  EXPECT_EQ(first->metalSource(), kernel->metalSource());
  EXPECT_EQ(kernel->openConstants().size(), 1u);
  EXPECT_TRUE(first->openConstants().empty());
  EXPECT_EQ(firstOf(*kernel), 11);
  EXPECT_EQ(firstOf(*first), 16);
  EXPECT_EQ(firstOf(*second), 21);
  EXPECT_EQ(firstOf(*kernel), 11);
}

TEST(Options, AConstantIsGivenOnce) {
  auto kernel = compile::compile(kernelNamed("k"));
  const ConstantBinding three[] = {{3, 0x40400000}}, unknown[] = {{4, 0}},
                        twice[] = {{3, 0x40400000}, {3, 0x40800000}};
  const auto message = [](const auto &call) -> std::string {
    try {
      call();
    } catch (const Error &error) {
      return error.message();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(message([&] { kernel->specialized(unknown); }),
            "kernel k: function constant 4 is none of its own");
  EXPECT_EQ(message([&] { kernel->specialized(twice); }),
            "kernel k: function constant 3 has its number already");
  EXPECT_EQ(message([&] { kernel->specialized(three)->specialized(three); }),
            "kernel k: function constant 3 has its number already");
  auto bound = compile::compile(kernelNamed("k"), {.constants = {{3, 0x40400000, true}}});
  EXPECT_EQ(message([&] { bound->specialized(three); }),
            "kernel k: function constant 3 has its number already, from the compile");
}

} // namespace
