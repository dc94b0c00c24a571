// SPDX-License-Identifier: MIT
// Every feature of the language for C++ on the CPU, and what is refused about it.
#include "FeatureKernels.h"

using namespace enigma;
using namespace enigma::features;

namespace {

struct Features : ::testing::TestWithParam<FeatureKernel> {};
TEST_P(Features, GiveWhatAPlainLoopGives) { GetParam().check(*runtime::hostDevice()); }
INSTANTIATE_TEST_SUITE_P(Cpu, Features, ::testing::ValuesIn(featureKernels()),
                         [](const auto &info) { return info.param.name; });

#ifdef __APPLE__
struct FeaturesOnMetal : ::testing::TestWithParam<FeatureKernel> {};
TEST_P(FeaturesOnMetal, GiveWhatAPlainLoopGives) { GetParam().check(*runtime::metalDevice()); }
INSTANTIATE_TEST_SUITE_P(Metal, FeaturesOnMetal, ::testing::ValuesIn(featureKernels()),
                         [](const auto &info) { return info.param.name; });
#endif

template <class Call>
std::string messageOf(Call &&call) {
  try {
    call();
  } catch (const Error &error) {
    std::string text = error.message();
    for (const std::string &note : error.notes())
      text += " | " + note;
    return text;
  }
  return "nothing was thrown";
}

std::string refused(const std::function<void(Buffer)> &body) {
  return messageOf([&] { Kernel("k", [&](KernelBuilder &k) { body(k.buffer("Out", f32)); }); });
}

TEST(FeatureErrors, BreaksBelongIntoLoops) {
  EXPECT_EQ(refused([](Buffer) { break_(); }), "break_: works only in the block of for_range or of while_");
  EXPECT_EQ(refused([](Buffer Out) {
              Variable x(0);
              for_range(0, 4, [&](Value) {
                while_(
                    [&] {
                      continue_();
                      return x < 1;
                    },
                    [&] { x += 1; });
              });
              Out[0] = f32(x);
            }),
            "continue_: works only in the block of for_range or of while_");
}

TEST(FeatureErrors, VectorsSayWhatTheyNeed) {
  EXPECT_EQ(refused([](Buffer Out) { Out[0] = f32(1).x(); }), "a component: needs a vector, got f32");
  EXPECT_EQ(refused([](Buffer Out) { Out[0] = vec(f32, 2)(1, 2).swizzle("xg"); }),
            "swizzle: needs up to 4 letters of xyzw or of rgba, got \"xg\"");
  EXPECT_EQ(refused([](Buffer Out) { Out[0] = f32(Value(1.0f), 2); }),
            "f32: takes one value, got 2 | vec(f32, 2) makes a vector");
  EXPECT_EQ(messageOf([] { vec(f32, 5); }), "vec: Metal has vectors of 2, 3 and 4 numbers, got 5 of f32");
  EXPECT_EQ(messageOf([] { vec(vec(f32, 2), 2); }),
            "vec: Metal has vectors of 2, 3 and 4 numbers, got 2 of float2");
}

TEST(FeatureErrors, MemorySaysWhatItNeeds) {
  EXPECT_EQ(refused([](Buffer) { threadgroup_alloc(10000, f32); }).substr(0, 60),
            "threadgroup_alloc: does not fit: 10000 elements of f32 are 4");
  EXPECT_EQ(refused([](Buffer) { constant_array(u8, {1, 300}); }),
            "constant_array: the number 300 does not fit u8");
  EXPECT_EQ(refused([](Buffer) { constant_array(vec(f32, 2), {1, 2, 3}); }),
            "constant_array: needs 2 numbers for each float2, got 3 in all");
  EXPECT_EQ(
      refused([](Buffer Out) { constant_array(f32, {Value(Out[0])}); }),
      "constant_array: needs numbers, got a value | its elements are fixed when the kernel is compiled");
  EXPECT_EQ(refused([](Buffer Out) {
              constant_array(f32, {1, 2})[0] = 3;
              Out[0] = 1;
            }).substr(0, 7),
            "store: ");
  EXPECT_EQ(refused([](Buffer Out) { function_constant(f32, 0, "N", Out[0]); }),
            "function_constant: the default must be a number");
}

TEST(FeatureErrors, ArgumentsOfVectorParametersAreArrays) {
  Kernel kernel("k", [](KernelBuilder &k) {
    Buffer Out = k.buffer("Out", vec(f32, 2));
    Value v = k.scalar("v", vec(f32, 3));
    Out[thread_position_in_grid()] = v.swizzle("zx");
  });
  std::vector<float> out(4);
  runtime::Device &device = *runtime::hostDevice();
  const auto message = [&](std::initializer_list<Argument> arguments) {
    return messageOf([&] { kernel.run(device, {2}, {2}, arguments); });
  };
  EXPECT_EQ(message({out, 1}),
            "enigma_kernel_k: parameter v needs the 3 numbers of one float3, got the number 1 | "
            "pass a std::array of them");
  EXPECT_EQ(message({out, std::array{1.0f, 2.0f}}),
            "enigma_kernel_k: parameter v needs the 3 numbers of one float3, got 8 bytes of memory | "
            "pass a std::array of them");
  EXPECT_EQ(message({out, std::array{1, 2, 3}}),
            "enigma_kernel_k: parameter v needs memory of f32, got i32 | "
            "use the C++ type of that name, or enigma::Argument::bits where there is none");
  std::vector<float> odd(3);
  EXPECT_EQ(message({odd, std::array{1.0f, 2.0f, 3.0f}}),
            "enigma_kernel_k: parameter Out holds elements of 8 bytes, float2, got 12 bytes");
  kernel.run(device, {2}, {2}, {out, std::array{1.0f, 2.0f, 3.0f}});
  EXPECT_EQ(out, (std::vector<float>{3, 1, 3, 1}));
}

TEST(FeatureErrors, ConstantsAreGivenByTheirNames) {
  Kernel kernel("k", [](KernelBuilder &k) {
    Buffer Out = k.buffer("Out", u8);
    Out[thread_position_in_grid()] = function_constant(u8, 1, "N");
  });
  EXPECT_EQ(messageOf([&] { kernel.specialize({{"M", 1}}); }),
            "enigma_kernel_k: function constant M is none of its own | it declares N");
  EXPECT_EQ(messageOf([&] { kernel.specialize({{"N", 300}}); }),
            "enigma_kernel_k: function constant N is u8, which cannot hold 300 | it declares N");
  std::vector<uint8_t> out(1);
  EXPECT_EQ(messageOf([&] { kernel.run(*runtime::hostDevice(), {1}, {1}, {out}); }).substr(0, 51),
            "kernel k: function constant 1 \"N\" has no value | gi");
}

TEST(FeatureText, LeavingIsPrintedAsOneWouldWriteIt) {
  Kernel kernel("first", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", i32), Out = k.buffer("Out", i32);
    Variable total(0, "total");
    for_range(0, 100, [&](Value i) {
      if_(A[i.named("i")] < 0, [&] { break_(); });
      if_(A[i] == 7, [&] { continue_(); });
      total += A[i];
    });
    Out[0] = total;
  });
  EXPECT_NE(kernel.metalSource().find("    int total = 0;\n"
                                      "    for (int i = 0; i < 100; ++i) {\n"
                                      "        if (A[i] < 0)\n"
                                      "            break;\n"
                                      "        if (A[i] == 7)\n"
                                      "            continue;\n"
                                      "        total = int(uint(total) + uint(A[i]));\n"
                                      "    }\n"
                                      "    Out[0u] = total;\n"),
            std::string::npos)
      << kernel.metalSource();
}

} // namespace
