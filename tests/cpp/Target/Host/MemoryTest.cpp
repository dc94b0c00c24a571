// SPDX-License-Identifier: MIT
//
// Loads and stores of every shape: lanes side by side, strided, scattered, all in one place; masked, out of
// bounds, negative, of vectors. Each result is compared with the same program run thread by thread.
#include "Compiled.h"

#include <numeric>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

constexpr const char *kF32 = "!enigma.buffer<f32, device>";
constexpr const char *kI32 = "!enigma.buffer<i32, device>";

/// Out[i] = A[index(i)], where `index` computes %j from %i (ui32) and gives its type.
Compiled gather(const std::string &index, const std::string &type, HostOptions options = {}) {
  return Compiled(
      std::string("enigma.kernel @gather(%A: ") + kI32 + ", %P: " + kI32 + ", %Out: " + kI32 +
          ") writes [2] {\n  %i = enigma.thread_position_in_grid x\n  %zero = enigma.constant 0 : ui32\n" +
          index + "\n  %v = enigma.load %A[%j] : " + kI32 + ", " + type +
          " -> i32\n  enigma.store %v, %Out[%i] : i32, " + kI32 + ", ui32\n}",
      options);
}

/// Out[index(i)] = A[i].
Compiled scatter(const std::string &index, const std::string &type) {
  return Compiled(std::string("enigma.kernel @scatter(%A: ") + kI32 + ", %P: " + kI32 + ", %Out: " + kI32 +
                  ") writes [2] {\n  %i = enigma.thread_position_in_grid x\n" + index +
                  "\n  %v = enigma.load %A[%i] : " + kI32 +
                  ", ui32 -> i32\n  enigma.store %v, %Out[%j] : i32, " + kI32 + ", " + type + "\n}");
}

std::vector<int32_t> iota(size_t n, int32_t from = 100) {
  std::vector<int32_t> values(n);
  std::iota(values.begin(), values.end(), from);
  return values;
}

struct IndexCase {
  const char *name, *text, *type;
  std::function<int64_t(int64_t)> of;
};
const IndexCase kIndices[] = {
    {"itself", "  %j = enigma.cast %i : ui32 to i32", "i32", [](int64_t i) { return i; }},
    {"shifted", "  %c = enigma.constant 5 : ui32\n  %j = enigma.add %i, %c : ui32", "ui32",
     [](int64_t i) { return i + 5; }},
    {"backwards", "  %c = enigma.constant 99 : ui32\n  %j = enigma.sub %c, %i : ui32", "ui32",
     [](int64_t i) { return 99 - i; }},
    {"strided", "  %c = enigma.constant 3 : ui32\n  %j = enigma.mul %i, %c : ui32", "ui32",
     [](int64_t i) { return 3 * i; }},
    {"shifted left", "  %c = enigma.constant 1 : ui32\n  %j = enigma.shl %i, %c : ui32", "ui32",
     [](int64_t i) { return 2 * i; }},
    {"constant", "  %j = enigma.constant 7 : i64", "i64", [](int64_t) { return 7; }},
    {"wrapped", "  %c = enigma.constant 64 : ui32\n  %j = enigma.mod %i, %c : ui32", "ui32",
     [](int64_t i) { return i % 64; }},
    {"wrapped oddly", "  %c = enigma.constant 37 : ui32\n  %j = enigma.mod %i, %c : ui32", "ui32",
     [](int64_t i) { return i % 37; }},
    {"divided", "  %c = enigma.constant 32 : ui32\n  %j = enigma.floor_div %i, %c : ui32", "ui32",
     [](int64_t i) { return i / 32; }},
    {"divided by 96", "  %c = enigma.constant 96 : ui32\n  %j = enigma.floor_div %i, %c : ui32", "ui32",
     [](int64_t i) { return i / 96; }},
    {"masked", "  %c = enigma.constant 31 : ui32\n  %j = enigma.and %i, %c : ui32", "ui32",
     [](int64_t i) { return i & 31; }},
    {"high bits", "  %c = enigma.constant 4294967264 : ui32\n  %j = enigma.and %i, %c : ui32", "ui32",
     [](int64_t i) { return i & ~31; }},
    {"shifted right", "  %c = enigma.constant 6 : ui32\n  %j = enigma.shr %i, %c : ui32", "ui32",
     [](int64_t i) { return i >> 6; }},
    {"shifted right a little", "  %c = enigma.constant 2 : ui32\n  %j = enigma.shr %i, %c : ui32", "ui32",
     [](int64_t i) { return i >> 2; }},
    {"widened", "  %j = enigma.cast %i : ui32 to i64", "i64", [](int64_t i) { return i; }},
    {"widened after adding",
     "  %c = enigma.constant 3 : ui32\n  %k = enigma.add %i, %c : ui32\n  %j = enigma.cast %k : ui32 to ui64",
     "ui64", [](int64_t i) { return i + 3; }},
    {"narrow", "  %j = enigma.cast %i : ui32 to ui8", "ui8", [](int64_t i) { return i & 255; }},
    {"narrow and signed",
     "  %c = enigma.constant 63 : ui32\n  %k = enigma.and %i, %c : ui32\n  %j = enigma.cast %k : ui32 to i16",
     "i16", [](int64_t i) { return i & 63; }},
    {"from memory", "  %j = enigma.load %P[%i] : !enigma.buffer<i32, device>, ui32 -> i32", "i32",
     [](int64_t i) { return i * 29 % 311; }},
};

TEST(Memory, LoadsThroughEveryShapeOfIndex) {
  for (const IndexCase &c : kIndices) {
    Compiled kernel = gather(c.text, c.type);
    for (const int64_t n : {1, 31, 32, 100}) {
      std::vector<int32_t> a = iota(311), p(311), out(size_t(n), -1);
      for (size_t i = 0; i < p.size(); ++i)
        p[i] = int32_t(i * 29 % 311);
      kernel.run({buffer(a), buffer(p), buffer(out)}, {n});
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[size_t(i)], a[size_t(c.of(i))]) << c.name << ", thread " << i << " of " << n;
    }
  }
}

void runInOrder(const Compiled &kernel, std::vector<hostabi::BufferArg> args, uint32_t n) {
  hostabi::OutOfBoundsRecord record;
  hostabi::LaunchContext launch;
  launch.args = args.data();
  launch.outOfBounds = &record;
  launch.grid[0] = n;
  launch.blocksPerRow = (n + 31) / 32;
  kernel.code->descriptor().entry(&launch, 0, launch.blocksPerRow);
  EXPECT_EQ(record.count, 0u);
}

TEST(Memory, StoresThroughEveryShapeOfIndex) {
  for (const IndexCase &c : kIndices) {
    Compiled kernel = scatter(c.text, c.type);
    for (const int64_t n : {1, 31, 32, 100}) {
      std::vector<int32_t> a = iota(311), p(311), out(311, -1), want(311, -1);
      for (size_t i = 0; i < p.size(); ++i)
        p[i] = int32_t(i * 29 % 311);
      for (int64_t i = 0; i < n; ++i)
        want[size_t(c.of(i))] = a[size_t(i)];
      // Where several threads write one place the last one's value stays, as the blocks run in order here.
      runInOrder(kernel, {{a.data(), a.size()}, {p.data(), p.size()}, {out.data(), out.size()}}, uint32_t(n));
      EXPECT_EQ(out, want) << c.name << ", " << n << " threads";
    }
  }
}

TEST(Memory, OutOfBoundsLoadsGiveZeroAndAreReported) {
  struct {
    const char *index, *type, *message;
    int64_t size, badIndex;
  } cases[] = {
      {"  %j = enigma.cast %i : ui32 to i32", "i32", "index 50, size 50, thread (50, 0, 0)", 50, 0},
      {"  %c = enigma.constant 3 : i32\n  %k = enigma.cast %i : ui32 to i32\n  %j = enigma.sub %k, %c : i32",
       "i32", "index -3, size 200, thread (0, 0, 0)", 200, 0},
      {"  %c = enigma.constant 3 : ui32\n  %j = enigma.sub %i, %c : ui32", "ui32",
       "index 4294967293, size 200, thread (0, 0, 0)", 200, 0},
      {"  %j = enigma.constant 9999 : i32", "i32", "index 9999, size 200, thread (0, 0, 0)", 200, 0},
      {"  %j = enigma.constant -1 : i64", "i64", "index -1, size 200, thread (0, 0, 0)", 200, 0},
      {"  %c = enigma.constant 7 : ui32\n  %j = enigma.mul %i, %c : ui32", "ui32",
       "index 203, size 200, thread (29, 0, 0)", 200, 0},
      {"  %j = enigma.load %P[%i] : !enigma.buffer<i32, device>, ui32 -> i32", "i32",
       "index -7, size 200, thread (40, 0, 0)", 200, 0},
      {"  %k = enigma.cast %i : ui32 to i64\n  %c = enigma.constant -9223372036854775808 : i64\n  %j = "
       "enigma.add %k, %c : i64",
       "i64", "index -9223372036854775808, size 200, thread (0, 0, 0)", 200, 0},
  };
  for (const auto &c : cases) {
    Compiled kernel = gather(c.index, c.type);
    std::vector<int32_t> a = iota(size_t(c.size)), p = iota(200, 0), out(100, -1);
    p[40] = -7;
    p[90] = 200;
    const std::string message = errorOf([&] { kernel.run({buffer(a), buffer(p), buffer(out)}, {100}); });
    EXPECT_EQ(message, std::string("gather: load from parameter A is out of bounds: ") + c.message);
    for (const int32_t v : out)
      EXPECT_TRUE(v == 0 || (v >= 100 && v < 300)) << v;
  }
}

TEST(Memory, OutOfBoundsStoresTouchNothing) {
  Compiled kernel = scatter(
      "  %c = enigma.constant 20 : i32\n  %k = enigma.cast %i : ui32 to i32\n  %j = enigma.sub %k, %c : i32",
      "i32");
  std::vector<int32_t> a = iota(200), p(1), all(300, -1);
  const std::string message =
      errorOf([&] { kernel.run({buffer(a), buffer(p), Argument::memory(all.data() + 100, 50 * 4)}, {100}); });
  EXPECT_EQ(message,
            "scatter: store to parameter Out is out of bounds: index -20, size 50, thread (0, 0, 0)");
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(all[size_t(i)], i >= 100 && i < 150 ? 120 + i - 100 : -1) << i;
}

TEST(Memory, AnErrorNamesTheUsersLine) {
  Compiled kernel = gather("  %j = enigma.constant 400 : i32", "i32");
  std::vector<int32_t> a = iota(10), p(1), out(10);
  try {
    kernel.run({buffer(a), buffer(p), buffer(out)}, {10});
    FAIL() << "nothing was thrown";
  } catch (const Error &error) {
    EXPECT_EQ(error.loc().line, 5u); // of the text that the kernel was parsed from
  }
}

TEST(Memory, UncheckedAccessesInBoundsAreTheSame) {
  HostOptions unchecked;
  unchecked.check = false;
  for (const IndexCase &c : kIndices) {
    Compiled kernel = gather(c.text, c.type, unchecked);
    std::vector<int32_t> a = iota(311), p(311), out(77, -1);
    for (size_t i = 0; i < p.size(); ++i)
      p[i] = int32_t(i * 29 % 311);
    kernel.run({buffer(a), buffer(p), buffer(out)}, {77});
    for (size_t i = 0; i < 77; ++i)
      ASSERT_EQ(out[i], a[size_t(c.of(int64_t(i)))]) << c.name;
  }
}

std::string masked(const std::string &mask) {
  return std::string("enigma.kernel @masked(%A: ") + kF32 + ", %Out: " + kF32 + ") writes [1] {\n" +
         "  %i = enigma.thread_position_in_grid x\n  %n = enigma.constant 70 : ui32\n  %one = "
         "enigma.constant 1 : ui32\n" +
         "  %two = enigma.constant 2 : ui32\n  %f = enigma.constant -5.0 : f32\n" + mask +
         "  %v = enigma.load_if %A[%i] if %m else %f : " + kF32 +
         ", ui32 -> f32\n  enigma.store_if %v, %Out[%i] if %m : f32, " + kF32 + ", ui32\n}";
}

TEST(Memory, AFalseMaskNeverTouchesMemoryAndIsNoError) {
  Compiled kernel(masked("  %m = enigma.cmp_lt %i, %n : ui32\n"));
  std::vector<float> a(70), out(70, -1.0f);
  std::iota(a.begin(), a.end(), 0.0f);
  kernel.run({buffer(a), buffer(out)}, {1000}); // both buffers end at 70
  EXPECT_EQ(out, a);
}

TEST(Memory, ATrueMaskPastTheEndIsAnError) {
  Compiled kernel(masked("  %m = enigma.cmp_lt %i, %n : ui32\n"));
  std::vector<float> a(64), out(70, -1.0f);
  EXPECT_EQ(errorOf([&] { kernel.run({buffer(a), buffer(out)}, {1000}); }),
            "masked: load from parameter A is out of bounds: index 64, size 64, thread (64, 0, 0)");
  EXPECT_EQ(out[63], 0.0f);
  EXPECT_EQ(out[69], 0.0f);
}

TEST(Memory, MasksMayHaveHoles) {
  Compiled kernel(masked("  %k = enigma.and %i, %one : ui32\n  %m = enigma.cmp_eq %k, %one : ui32\n"));
  std::vector<float> a(100), out(100, -1.0f);
  std::iota(a.begin(), a.end(), 0.0f);
  kernel.run({buffer(a), buffer(out)}, {100});
  for (size_t i = 0; i < 100; ++i)
    EXPECT_EQ(out[i], i % 2 ? a[i] : -1.0f);
}

TEST(Memory, TheFallbackIsUsedWhereTheMaskIsFalse) {
  Compiled kernel(std::string("enigma.kernel @k(%A: ") + kF32 + ", %Out: " + kF32 + ") writes [1] {\n" + R"(
  %i = enigma.thread_position_in_grid x
  %n = enigma.constant 40 : ui32
  %f = enigma.constant -5.0 : f32
  %zero = enigma.constant 0 : ui32
  %m = enigma.cmp_lt %i, %n : ui32
  %v = enigma.load_if %A[%i] if %m else %f : !enigma.buffer<f32, device>, ui32 -> f32
  %u = enigma.load_if %A[%zero] if %m else %f : !enigma.buffer<f32, device>, ui32 -> f32
  %s = enigma.add %u, %v : f32
  enigma.store %s, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})");
  std::vector<float> a(40, 3.0f), out(100, -1.0f);
  kernel.run({buffer(a), buffer(out)}, {100});
  for (size_t i = 0; i < 100; ++i)
    EXPECT_EQ(out[i], i < 40 ? 6.0f : -10.0f) << i;
}

TEST(Memory, EveryElementTypeIsCopiedUnchanged) {
  const std::pair<const char *, size_t> types[] = {{"f16", 2},  {"bf16", 2}, {"f32", 4},  {"i8", 1},
                                                   {"ui8", 1},  {"i16", 2},  {"ui16", 2}, {"i32", 4},
                                                   {"ui32", 4}, {"i64", 8},  {"ui64", 8}};
  for (const auto &[type, bytes] : types) {
    const std::string b = std::string("!enigma.buffer<") + type + ", device>";
    Compiled kernel("enigma.kernel @copy(%A: " + b + ", %Out: " + b + ") writes [1] {\n" +
                    "  %i = enigma.thread_position_in_grid x\n  %v = enigma.load %A[%i] : " + b +
                    ", ui32 -> " + type + "\n  enigma.store %v, %Out[%i] : " + type + ", " + b + ", ui32\n}");
    const size_t n = 1000;
    std::vector<unsigned char> from(n * bytes), to(n * bytes + 16, 0xcd);
    uint32_t random = 12345;
    for (unsigned char &byte : from)
      byte = static_cast<unsigned char>((random = random * 1664525 + 1013904223) >> 24);
    if (std::string(type) == "f16") // a signalling NaN becomes quiet
      for (size_t i = 1; i < from.size(); i += 2)
        from[i] &= 0xbf;
    kernel.run({buffer(from), Argument::memory(to.data(), n * bytes)}, {int64_t(n)});
    EXPECT_TRUE(std::equal(from.begin(), from.end(), to.begin())) << type;
    EXPECT_EQ(to[n * bytes], 0xcd);
  }
}

TEST(Memory, BooleansAreBytes) {
  const std::string b = "!enigma.buffer<i1, device>";
  Compiled kernel(
      "enigma.kernel @k(%A: " + b + ", %Out: " + b +
      ") writes [1] {\n  %i = enigma.thread_position_in_grid x\n" + "  %v = enigma.load %A[%i] : " + b +
      ", ui32 -> i1\n  %w = enigma.not %v : i1\n  enigma.store %w, %Out[%i] : i1, " + b + ", ui32\n}");
  std::vector<uint8_t> a = {0, 1, 2, 255, 0, 1}, out(6, 9);
  kernel.run({buffer(a), buffer(out)}, {6});
  EXPECT_EQ(out, (std::vector<uint8_t>{1, 0, 0, 0, 1, 0}));
}

TEST(Memory, VectorsAreConsecutiveElements) {
  for (const int width : {2, 4}) {
    const std::string w = std::to_string(width), vec = "vector<" + w + "xf32>", b = kF32;
    Compiled kernel("enigma.kernel @k(%A: " + b + ", %Out: " + b +
                    ") writes [1] {\n  %i = enigma.thread_position_in_grid x\n" + "  %w = enigma.constant " +
                    w + " : ui32\n  %j = enigma.mul %i, %w : ui32\n  %v = enigma.load %A[%j] : " + b +
                    ", ui32 -> " + vec + "\n  %x = enigma.extract %v[0] : " + vec +
                    " -> f32\n  %s = enigma.splat %x : f32 -> " + vec + "\n  %r = enigma.add %v, %s : " +
                    vec + "\n  enigma.store %r, %Out[%j] : " + vec + ", " + b + ", ui32\n}");
    for (const size_t n : {1, 32, 77}) {
      std::vector<float> a(n * size_t(width)), out(a.size() + 4, -1.0f);
      std::iota(a.begin(), a.end(), 0.0f);
      kernel.run({buffer(a), Argument::memory(out.data(), a.size() * 4)}, {int64_t(n)});
      for (size_t i = 0; i < a.size(); ++i)
        ASSERT_EQ(out[i], a[i] + a[i / size_t(width) * size_t(width)])
            << "element " << i << ", width " << width;
      EXPECT_EQ(out[a.size()], -1.0f);
      a.pop_back(); // now the last thread's vector is out of bounds, as a whole
      EXPECT_NE(errorOf([&] { kernel.run({buffer(a), buffer(out)}, {int64_t(n)}); }), "");
    }
  }
}

TEST(Memory, BuffersMayOverlap) {
  // Each thread reads its own element of both before it writes, whatever the buffers share.
  Compiled kernel(std::string("enigma.kernel @k(%A: ") + kI32 + ", %B: " + kI32 + ", %Out: " + kI32 +
                  R"() writes [2] {
  %i = enigma.thread_position_in_grid x
  %a = enigma.load %A[%i] : !enigma.buffer<i32, device>, ui32 -> i32
  enigma.store %a, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
  %b = enigma.load %B[%i] : !enigma.buffer<i32, device>, ui32 -> i32
  %s = enigma.add %a, %b : i32
  enigma.store %s, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
})");
  std::vector<int32_t> a = iota(100), b = iota(100, 7);
  kernel.run({buffer(a), buffer(b), buffer(b)}, {100});
  for (size_t i = 0; i < 100; ++i)
    EXPECT_EQ(b[i], 2 * a[i]) << "the second load must see the first store";
}

} // namespace
