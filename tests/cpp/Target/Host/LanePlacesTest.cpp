// SPDX-License-Identifier: MIT
//
// Lanes that do not lie side by side, or not all of which take part: every element type, CPUs with and
// without gathers and masks, indices that wrap, and where the generated code calls out of line. What is
// expected is the same program run thread by thread.
#include "Compiled.h"

#include <functional>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

#if defined(__x86_64__)
const char *const kCpus[] = {"", "x86-64-v3", "x86-64"};
#else
const char *const kCpus[] = {""};
#endif

/// How often the common path calls out of line.
size_t callsInline(const std::string &ir) {
  const std::string common = commonPath(ir);
  size_t calls = 0;
  for (const char *name : {"@enigma_load_", "@enigma_store_"})
    for (size_t at = 0; (at = common.find(name, at)) != std::string::npos; ++at)
      calls += common.rfind("declare", at) == std::string::npos ||
               common.rfind("call", at) > common.rfind("declare", at);
  return calls;
}

/// Out[to(i)] = A[from(i)] of elements of a type; `index` computes %from and %to (both ui32) from %i.
Compiled moves(const std::string &type, const std::string &index, HostOptions options = {}) {
  const std::string b = "!enigma.buffer<" + type + ", device>";
  return Compiled("enigma.kernel @moves(%A: " + b + ", %Out: " + b +
                      ", %P: !enigma.buffer<ui32, device>) writes [1] {\n" +
                      "  %i = enigma.thread_position_in_grid x\n" + index +
                      "  %v = enigma.load %A[%from] : " + b + ", ui32 -> " + type +
                      "\n  enigma.store %v, %Out[%to] : " + type + ", " + b + ", ui32\n}",
                  options);
}

struct Pattern {
  const char *name, *text;
  std::function<size_t(size_t)> from, to;
};
const Pattern kPatterns[] = {
    {"backwards",
     "  %c = enigma.constant 199 : ui32\n  %from = enigma.sub %c, %i : ui32\n"
     "  %d = enigma.constant 150 : ui32\n  %to = enigma.sub %d, %i : ui32\n",
     [](size_t i) { return 199 - i; }, [](size_t i) { return 150 - i; }},
    {"every third",
     "  %c = enigma.constant 3 : ui32\n  %from = enigma.mul %i, %c : ui32\n  %to = enigma.mul %i, %c : "
     "ui32\n",
     [](size_t i) { return 3 * i; }, [](size_t i) { return 3 * i; }},
    {"every third backwards",
     "  %c = enigma.constant 3 : ui32\n  %d = enigma.constant 399 : ui32\n  %m = enigma.mul %i, %c : ui32\n"
     "  %from = enigma.sub %d, %m : ui32\n  %to = enigma.sub %d, %m : ui32\n",
     [](size_t i) { return 399 - 3 * i; }, [](size_t i) { return 399 - 3 * i; }},
    {"a column",
     "  %c = enigma.constant 33 : ui32\n  %from = enigma.mul %i, %c : ui32\n  %to = enigma.mul %i, %c : "
     "ui32\n",
     [](size_t i) { return 33 * i; }, [](size_t i) { return 33 * i; }},
    {"anywhere",
     "  %from = enigma.load %P[%i] : !enigma.buffer<ui32, device>, ui32 -> ui32\n"
     "  %c = enigma.constant 31 : ui32\n  %to = enigma.xor %from, %c : ui32\n",
     [](size_t i) { return i * 29 % 311; }, [](size_t i) { return (i * 29 % 311) ^ 31; }},
};

TEST(LanePlaces, EveryTypeOnEveryCpu) {
  const std::pair<const char *, size_t> types[] = {{"ui8", 1},
                                                   {"i16", 2},
                                                   {"f16", 2},
                                                   {"f32", 4},
                                                   {"ui64", 8},
                                                   {"vector<2xf32>", 8},
                                                   {"vector<3xf32>", 16},
                                                   {"vector<4xi16>", 8}};
  for (const char *cpu : kCpus)
    for (const auto &[type, bytes] : types)
      for (const Pattern &p : kPatterns) {
        HostOptions options;
        options.cpu = cpu;
        Compiled kernel = moves(type, p.text, options);
        const size_t elements = 3200;
        std::vector<unsigned char> a(elements * bytes), out(elements * bytes, 0xcd), want = out;
        for (size_t i = 0; i < a.size(); ++i)
          a[i] = static_cast<unsigned char>(i * 7 % 0x7b); // no NaN
        std::vector<uint32_t> places(96);
        const size_t payload = std::string(type) == "vector<3xf32>" ? 12 : bytes;
        for (size_t i = 0; i < places.size(); ++i) {
          places[i] = uint32_t(i * 29 % 311);
          std::copy_n(a.begin() + ptrdiff_t(p.from(i) * bytes), payload,
                      want.begin() + ptrdiff_t(p.to(i) * bytes));
        }
        kernel.run({buffer(a), buffer(out), buffer(places)}, {int64_t(places.size())});
        ASSERT_EQ(out, want) << type << " " << p.name << " on '" << cpu << "'";
      }
}

/// for (i < n) if (c(i)) Out[i] = A[i - back]: neighbours under a mask, and before them indices that wrap.
Compiled guarded(const std::string &cpu) {
  HostOptions options;
  options.cpu = cpu;
  return Compiled(
      R"(enigma.kernel @guarded(%A: !enigma.buffer<f32, device>, %Out: !enigma.buffer<f32, device>,
      %back: ui32, %low: ui32, %high: ui32) writes [1] {
  %i = enigma.thread_position_in_grid x
  %a = enigma.cmp_ge %i, %low : ui32
  %b = enigma.cmp_lt %i, %high : ui32
  %c = enigma.and %a, %b : i1
  enigma.if %c {
    %j = enigma.sub %i, %back : ui32
    %v = enigma.load %A[%j] : !enigma.buffer<f32, device>, ui32 -> f32
    enigma.store %v, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
    enigma.yield
  } else {
    enigma.yield
  }
})",
      options);
}

TEST(LanePlaces, NeighboursUnderAMask) {
  struct Case {
    uint32_t back, low, high;
    size_t n, size;
    const char *error;
  };
  const Case cases[] = {
      {0, 0, 100, 100, 100, ""},
      {5, 5, 100, 100, 95, ""},
      {37, 37, 71, 100, 34, ""}, // the buffers end where the mask does
      {1, 0, 100, 100, 100, "index 4294967295, size 100, thread (0, 0, 0)"},
      {3, 2, 90, 100, 100, "index 4294967295, size 100, thread (2, 0, 0)"},
      {0, 40, 60, 100, 50, "index 50, size 50, thread (50, 0, 0)"},
      {0, 7, 7, 64, 1, ""}, // no lane at all
  };
  for (const char *cpu : kCpus) {
    Compiled kernel = guarded(cpu);
    for (const Case &c : cases) {
      std::vector<float> a(c.size), out(c.n, -1.0f), want = out;
      for (size_t i = 0; i < a.size(); ++i)
        a[i] = float(i) + 1;
      for (size_t i = c.low; i < c.high; ++i) {
        const auto j = uint32_t(i - c.back);
        want[i] = j < c.size ? a[j] : 0.0f;
      }
      const std::string error = errorOf([&] {
        kernel.run({buffer(a), buffer(out), Argument::scalar(c.back), Argument::scalar(c.low),
                    Argument::scalar(c.high)},
                   {int64_t(c.n)});
      });
      const std::string prefix = "guarded: load from parameter A is out of bounds: ";
      EXPECT_EQ(error, *c.error ? prefix + c.error : "") << cpu;
      EXPECT_EQ(out, want) << "'" << cpu << "' back " << c.back << ", " << c.low << " to " << c.high;
    }
  }
}

#if defined(__x86_64__)
TEST(LanePlaces, NothingButSlowBlocksCallsOutOfLine) {
  HostOptions wide;
  wide.cpu = "x86-64-v4";
  for (const Pattern &p : kPatterns) {
    const std::string &ir = moves("f32", p.text, wide).code->llvmIr();
    EXPECT_NE(ir.find("@enigma_load_"), std::string::npos) << "nothing checks the bounds";
    EXPECT_EQ(callsInline(ir), 0u) << p.name;
  }
  // Vectors of 2 and 4 need no such instructions.
  for (const char *type : {"vector<2xf32>", "vector<4xi16>"})
    for (const char *cpu : kCpus) {
      wide.cpu = cpu;
      EXPECT_EQ(callsInline(moves(type, kPatterns[4].text, wide).code->llvmIr()), 0u) << type << cpu;
    }
  EXPECT_EQ(callsInline(guarded("x86-64-v4").code->llvmIr()), 0u);
  // What the CPU has no instructions for stays a call.
  wide.cpu = "x86-64";
  EXPECT_EQ(callsInline(moves("f32", kPatterns[4].text, wide).code->llvmIr()), 2u);
}
#endif

} // namespace
