// SPDX-License-Identifier: MIT
//
// Branches and loops: uniform and divergent, with carried values of every shape, accesses inside, positions
// at the ends of their types, and loops that have to be stopped.
#include "Compiled.h"

#include <chrono>
#include <limits>
#include <numeric>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

/// "f32" in "<>" stands for a buffer of it; the position is %i (ui32) and %t (i32), and %zero and %one are
/// i32.
Compiled kernelOf(std::string params, const std::string &written, const std::string &body) {
  const auto expand = [](std::string text) {
    for (size_t at; (at = text.find("<<")) != std::string::npos;)
      text.replace(at, 2, "!enigma.buffer<");
    for (size_t at; (at = text.find(">>")) != std::string::npos;)
      text.replace(at, 2, ", device>");
    return text;
  };
  return Compiled("enigma.kernel @k(" + expand(params) + ") writes [" + written +
                  "] {\n  %i = enigma.thread_position_in_grid x\n  %t = enigma.cast %i : ui32 to i32\n"
                  "  %zero = enigma.constant 0 : i32\n  %one = enigma.constant 1 : i32\n" +
                  expand(body) + "}");
}

size_t count(const std::string &text, const std::string &what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

std::vector<int32_t> iota(size_t n, int32_t from = 0) {
  std::vector<int32_t> values(n);
  std::iota(values.begin(), values.end(), from);
  return values;
}

TEST(Control, ASumOverColumnsOfARowPerThread) {
  Compiled kernel = kernelOf("%A: <<f32>>, %n: i32, %Out: <<f32>>", "2", R"(
  %start = enigma.mul %t, %n : i32
  %zerof = enigma.constant 0.0 : f32
  %sum = enigma.for %zero, %n, %one carry(%zerof : f32) : i32 -> f32 {
  ^bb0(%k: i32, %acc: f32):
    %j = enigma.add %start, %k : i32
    %a = enigma.load %A[%j] : <<f32>>, i32 -> f32
    %next = enigma.add %acc, %a : f32
    enigma.yield %next : f32
  }
  enigma.store %sum, %Out[%i] : f32, <<f32>>, ui32
)");
  for (const int32_t n : {0, 1, 7, 50}) {
    std::vector<float> a(size_t(n) * 70 + 1), out(70, -1);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = float(i % 97);
    kernel.run({buffer(a), Argument::scalar(n), buffer(out)}, {70});
    for (size_t row = 0; row < 70; ++row) {
      float sum = 0;
      for (int32_t k = 0; k < n; ++k)
        sum += a[row * size_t(n) + size_t(k)];
      ASSERT_EQ(out[row], sum) << row << " of length " << n;
    }
  }
}

TEST(Control, AUniformLoopKeepsUniformValuesAsScalarsAndNeighboursAsVectors) {
  Compiled kernel = kernelOf("%A: <<f32>>, %W: <<f32>>, %n: i32, %Out: <<f32>>", "3", R"(
  %zerof = enigma.constant 0.0 : f32
  %r:2 = enigma.for %zero, %n, %one carry(%zerof, %t : f32, i32) : i32 -> f32, i32 {
  ^bb0(%k: i32, %acc: f32, %j: i32):
    %a = enigma.load %A[%j] : <<f32>>, i32 -> f32
    %w = enigma.load %W[%k] : <<f32>>, i32 -> f32
    %next = enigma.fma %a, %w, %acc : f32
    %jj = enigma.add %j, %one : i32
    enigma.yield %next, %jj : f32, i32
  }
  enigma.store %r#0, %Out[%i] : f32, <<f32>>, ui32
)");
  const std::string &ir = kernel.code->llvmIr();
  EXPECT_EQ(count(ir, "_varying"), 0u) << "neighbours stay neighbours as both move on";
  EXPECT_GE(count(ir, "load <32 x float>"), 1u);
  std::vector<float> a(80), w{0.5f, 2, -1, 3, 7}, out(70);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = float(i);
  kernel.run({buffer(a), buffer(w), Argument::scalar(5), buffer(out)}, {70});
  for (size_t i = 0; i < out.size(); ++i) {
    float sum = 0;
    for (size_t k = 0; k < w.size(); ++k)
      sum = std::fma(a[i + k], w[k], sum);
    ASSERT_EQ(out[i], sum) << i;
  }
}

TEST(Control, LanesThatLeftALoopKeepTheirValues) {
  // The Collatz steps of i + 1, and a count that every lane has in common while it is in the loop.
  Compiled kernel = kernelOf("%Steps: <<i32>>, %Last: <<i32>>", "0, 1", R"(
  %two = enigma.constant 2 : i32
  %three = enigma.constant 3 : i32
  %first = enigma.add %t, %one : i32
  %r:2 = enigma.while %first, %zero : i32, i32 -> i32, i32 {
  ^bb0(%x: i32, %n: i32):
    %c = enigma.cmp_ne %x, %one : i32
    enigma.yield %c, %x, %n : i1, i32, i32
  } do {
  ^bb0(%x: i32, %n: i32):
    %bit = enigma.and %x, %one : i32
    %odd = enigma.cmp_eq %bit, %one : i32
    %y = enigma.if %odd -> i32 {
      %m = enigma.mul %x, %three : i32
      %m1 = enigma.add %m, %one : i32
      enigma.yield %m1 : i32
    } else {
      %h = enigma.floor_div %x, %two : i32
      enigma.yield %h : i32
    }
    %n1 = enigma.add %n, %one : i32
    enigma.yield %y, %n1 : i32, i32
  }
  enigma.store %r#1, %Steps[%i] : i32, <<i32>>, ui32
  enigma.store %r#0, %Last[%i] : i32, <<i32>>, ui32
)");
  std::vector<int32_t> steps(100, -1), last(100, -1);
  kernel.run({buffer(steps), buffer(last)}, {100});
  for (size_t i = 0; i < steps.size(); ++i) {
    int32_t want = 0;
    for (int64_t x = int64_t(i) + 1; x != 1; ++want)
      x = x % 2 ? 3 * x + 1 : x / 2;
    ASSERT_EQ(steps[i], want) << i;
    ASSERT_EQ(last[i], 1) << i;
  }
}

TEST(Control, LoopsFromTheThreadsPositionOn) {
  // A grid-stride loop: lanes side by side, which leave in their own time.
  Compiled kernel = kernelOf("%A: <<i32>>, %n: i32, %Out: <<i32>>, %Times: <<i32>>", "2, 3", R"(
  %stride = enigma.constant 70 : i32
  %r:2 = enigma.for %t, %n, %stride carry(%zero, %zero : i32, i32) : i32 -> i32, i32 {
  ^bb0(%j: i32, %acc: i32, %times: i32):
    %a = enigma.load %A[%j] : <<i32>>, i32 -> i32
    %next = enigma.add %acc, %a : i32
    %more = enigma.add %times, %one : i32
    enigma.yield %next, %more : i32, i32
  }
  enigma.store %r#0, %Out[%i] : i32, <<i32>>, ui32
  enigma.store %r#1, %Times[%i] : i32, <<i32>>, ui32
)");
  EXPECT_EQ(count(kernel.code->llvmIr(), "_varying"), 0u);
  for (const int32_t n : {0, 5, 70, 333, 1000}) {
    std::vector<int32_t> a = iota(size_t(n), 3), out(70, -1), times(70, -1);
    a.reserve(1);
    kernel.run({buffer(a), Argument::scalar(n), buffer(out), buffer(times)}, {70});
    for (int32_t i = 0; i < 70; ++i) {
      int32_t sum = 0, rounds = 0;
      for (int32_t j = i; j < n; j += 70, ++rounds)
        sum += a[size_t(j)];
      ASSERT_EQ(out[size_t(i)], sum) << i << " of " << n;
      ASSERT_EQ(times[size_t(i)], rounds) << i << " of " << n;
    }
  }
}

template <class T>
void expectPositions(const char *type) {
  // Out[lane] += 1 + position for each position: bounds and steps once as scalars, once from memory.
  const std::string t = type, buf = "<<" + t + ">>";
  const std::string body = R"(
  %r:2 = enigma.for %lo, %hi, %st carry(%zero, %zero : i32, i32) : )" +
                           t + R"( -> i32, i32 {
  ^bb0(%k: )" + t + R"(, %times: i32, %sum: i32):
    %p = enigma.cast %k : )" +
                           t + R"( to i32
    %s = enigma.add %sum, %p : i32
    %n = enigma.add %times, %one : i32
    enigma.yield %n, %s : i32, i32
  }
  enigma.store %r#0, %Times[%i] : i32, <<i32>>, ui32
  enigma.store %r#1, %Sum[%i] : i32, <<i32>>, ui32
)";
  Compiled uniform = kernelOf(
      "%lo: " + t + ", %hi: " + t + ", %st: " + t + ", %Times: <<i32>>, %Sum: <<i32>>", "3, 4", body);
  std::string loads;
  for (const char *name : {"lo", "hi", "st"})
    loads += std::string("  %") + name + " = enigma.load %" + char(*name - 32) + "[%i] : " + buf +
             ", ui32 -> " + t + "\n";
  Compiled varying =
      kernelOf("%L: " + buf + ", %H: " + buf + ", %S: " + buf + ", %Times: <<i32>>, %Sum: <<i32>>", "3, 4",
               loads + body);
  using Limits = std::numeric_limits<T>;
  std::vector<T> los, his, steps;
  std::vector<int32_t> times, sums;
  // Wide enough that the reference itself does not wrap.
  using Wide = __int128;
  const Wide low = Limits::min(), high = Limits::max();
  for (const Wide lo : {low, low + 1, Wide(0), Wide(5), high - 3, high})
    for (const int64_t span : {-300ll, -7ll, 0ll, 1ll, 2ll, 250ll})
      for (const int64_t step : {-128ll, -3ll, -1ll, 0ll, 1ll, 2ll, 3ll, 127ll, 200ll}) {
        const Wide hi = std::clamp<Wide>(lo + span, low, high);
        if (step < low || step > high)
          continue;
        int32_t n = 0;
        uint32_t sum = 0;
        for (Wide k = lo; step && (step > 0 ? k < hi : k > hi); k += step, ++n)
          sum += uint32_t(k);
        los.push_back(T(lo)), his.push_back(T(hi)), steps.push_back(T(step));
        times.push_back(n), sums.push_back(int32_t(sum));
      }
  std::vector<int32_t> gotTimes(times.size(), -1), gotSums(sums.size(), -1);
  varying.run({buffer(los), buffer(his), buffer(steps), buffer(gotTimes), buffer(gotSums)},
              {int64_t(los.size())});
  EXPECT_EQ(gotTimes, times) << type;
  EXPECT_EQ(gotSums, sums) << type;
  for (size_t i = 0; i < los.size(); ++i) {
    int32_t n = -1, sum = -1;
    uniform.run({Argument::scalar(los[i]), Argument::scalar(his[i]), Argument::scalar(steps[i]),
                 Argument::memory(&n, 4), Argument::memory(&sum, 4)},
                {1});
    ASSERT_EQ(n, times[i]) << type << " " << +los[i] << ", " << +his[i] << ", " << +steps[i];
    ASSERT_EQ(sum, sums[i]) << type << " " << +los[i] << ", " << +his[i] << ", " << +steps[i];
  }
}

TEST(Control, PositionsStopAtTheEndsOfTheirType) {
  expectPositions<int8_t>("i8");
  expectPositions<uint8_t>("ui8");
  expectPositions<int16_t>("i16");
  expectPositions<uint16_t>("ui16");
  expectPositions<int32_t>("i32");
  expectPositions<uint32_t>("ui32");
  expectPositions<int64_t>("i64");
  expectPositions<uint64_t>("ui64");
}

TEST(Control, AnArmTouchesMemoryForItsLanesAlone) {
  // Even threads read and write in bounds; odd ones take the other arm, whose accesses would be far out.
  Compiled kernel = kernelOf("%A: <<i32>>, %P: <<i32>>, %Out: <<i32>>", "2", R"(
  %p = enigma.load %P[%i] : <<i32>>, ui32 -> i32
  %c = enigma.cmp_lt %p, %zero : i32
  %r = enigma.if %c -> i32 {
    enigma.yield %one : i32
  } else {
    %a = enigma.load %A[%p] : <<i32>>, i32 -> i32
    %b = enigma.load %A[%i] : <<i32>>, ui32 -> i32
    %s = enigma.add %a, %b : i32
    enigma.store %s, %Out[%i] : i32, <<i32>>, ui32
    enigma.yield %s : i32
  }
  enigma.if %c {
    enigma.store %r, %Out[%i] : i32, <<i32>>, ui32
    enigma.yield
  } else {
    enigma.yield
  }
)");
  std::vector<int32_t> a = iota(100, 1000), p(100), out(100, -1), want(100, 1);
  for (size_t i = 0; i < p.size(); ++i) {
    p[i] = i % 2 || (i >= 32 && i < 64) ? -int32_t(i) - 1 : int32_t(99 - i);
    if (p[i] >= 0)
      want[i] = a[size_t(p[i])] + a[i];
  }
  kernel.run({buffer(a), buffer(p), buffer(out)}, {100});
  EXPECT_EQ(out, want);
}

TEST(Control, OutOfBoundsInsideALoopIsReportedForActiveLanesOnly) {
  // Thread i reads A[0 .. i): of 40 elements, threads from 41 on read past the end.
  Compiled kernel = kernelOf("%A: <<i32>>, %Out: <<i32>>", "1", R"(
  %sum = enigma.for %zero, %t, %one carry(%zero : i32) : i32 -> i32 {
  ^bb0(%k: i32, %acc: i32):
    %a = enigma.load %A[%k] : <<i32>>, i32 -> i32
    %next = enigma.add %acc, %a : i32
    enigma.yield %next : i32
  }
  enigma.store %sum, %Out[%i] : i32, <<i32>>, ui32
)");
  std::vector<int32_t> a(40, 1), out(64, -1);
  kernel.run({buffer(a), buffer(out)}, {41});
  for (int32_t i = 0; i < 41; ++i)
    EXPECT_EQ(out[size_t(i)], i);
  const std::string message = errorOf([&] { kernel.run({buffer(a), buffer(out)}, {64}); });
  EXPECT_NE(message.find("parameter A is out of bounds: index 40, size 40, thread (41, 0, 0)"),
            std::string::npos)
      << message;
  for (int32_t i = 0; i < 64; ++i)
    EXPECT_EQ(out[size_t(i)], std::min(i, 40));
}

TEST(Control, VectorsOfEveryComponentTravelThroughRegions) {
  Compiled kernel = kernelOf("%A: <<f32>>, %Out: <<f32>>", "1", R"(
  %four = enigma.constant 4 : i32
  %j = enigma.mul %t, %four : i32
  %v = enigma.load %A[%j] : <<f32>>, i32 -> vector<4xf32>
  %half = enigma.constant 0.5 : f32
  %s = enigma.splat %half : f32 -> vector<4xf32>
  %r:2 = enigma.for %zero, %four, %one carry(%v, %s : vector<4xf32>, vector<4xf32>) : i32 -> vector<4xf32>, vector<4xf32> {
  ^bb0(%k: i32, %x: vector<4xf32>, %y: vector<4xf32>):
    %c = enigma.cmp_lt %k, %t : i32
    %z = enigma.if %c -> vector<4xf32> {
      %m = enigma.add %x, %s : vector<4xf32>
      enigma.yield %m : vector<4xf32>
    } else {
      enigma.yield %y : vector<4xf32>
    }
    enigma.yield %z, %x : vector<4xf32>, vector<4xf32>
  }
  enigma.store %r#0, %Out[%j] : vector<4xf32>, <<f32>>, i32
)");
  std::vector<float> a(4 * 70), out(a.size(), -1);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = float(i) * 0.25f;
  kernel.run({buffer(a), buffer(out)}, {70});
  for (size_t i = 0; i < a.size(); ++i) {
    float x = a[i], y = 0.5f;
    for (int k = 0; k < 4; ++k) {
      const float z = size_t(k) < i / 4 ? x + 0.5f : y;
      y = x;
      x = z;
    }
    ASSERT_EQ(out[i], x) << i;
  }
}

TEST(Control, LoopsAreStoppedByATimeout) {
  Compiled forever = kernelOf("%A: <<i32>>, %Out: <<i32>>", "1", R"(
  %r = enigma.while %zero : i32 -> i32 {
  ^bb0(%x: i32):
    %c = enigma.cmp_ge %x, %zero : i32
    enigma.yield %c, %x : i1, i32
  } do {
  ^bb0(%x: i32):
    %a = enigma.load %A[%i] : <<i32>>, ui32 -> i32
    %y = enigma.and %x, %a : i32
    enigma.yield %y : i32
  }
  enigma.store %r, %Out[%i] : i32, <<i32>>, ui32
)");
  // Loops that are long only together: none of the inner ones goes on for long.
  Compiled together = kernelOf("%n: i64, %Out: <<i64>>", "1", R"(
  %zerol = enigma.constant 0 : i64
  %onel = enigma.constant 1 : i64
  %three = enigma.constant 3 : i64
  %r = enigma.for %zerol, %n, %onel carry(%zerol : i64) : i64 -> i64 {
  ^bb0(%k: i64, %x: i64):
    %inner = enigma.for %zerol, %three, %onel carry(%x : i64) : i64 -> i64 {
    ^bb0(%l: i64, %y: i64):
      %z = enigma.xor %y, %k : i64
      %zz = enigma.mul %z, %three : i64
      enigma.yield %zz : i64
    }
    enigma.yield %inner : i64
  }
  enigma.store %r, %Out[%i] : i64, <<i64>>, ui32
)");
  using Clock = std::chrono::steady_clock;
  for (const int64_t n : {1, 100}) {
    std::vector<int32_t> a(100, -1), out(100);
    std::vector<int64_t> wide(100);
    const Clock::time_point start = Clock::now();
    EXPECT_NE(errorOf([&] {
                runtime::hostDevice()->run(*forever.pipeline, std::vector{buffer(a), buffer(out)}, {n}, {32},
                                           {.timeout = 0.05});
              }).find("time-out"),
              std::string::npos);
    EXPECT_NE(errorOf([&] {
                runtime::hostDevice()->run(*together.pipeline,
                                           std::vector{Argument::scalar(int64_t(1) << 50), buffer(wide)}, {n},
                                           {32}, {.timeout = 0.05});
              }).find("time-out"),
              std::string::npos);
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - start).count(), 2.0);
  }
}

TEST(Control, CarriedValuesThatPassDifferencesOnAreFoundVarying) {
  // A chain of twelve: each takes its neighbour's value, and the last one becomes the lane's own.
  std::string carried, types, args, yields, results;
  for (int i = 0; i < 12; ++i) {
    const std::string comma = i ? ", " : "";
    carried += comma + "%zero";
    types += comma + "i32";
    args += ", %c" + std::to_string(i) + ": i32";
    yields += comma + (i == 11 ? std::string("%t") : "%c" + std::to_string(i + 1));
  }
  Compiled kernel =
      kernelOf("%n: i32, %Out: <<i32>>", "1",
               "  %r:12 = enigma.for %zero, %n, %one carry(" + carried + " : " + types + ") : i32 -> " +
                   types + " {\n  ^bb0(%k: i32" + args + "):\n    enigma.yield " + yields + " : " + types +
                   "\n  }\n  enigma.store %r#0, %Out[%i] : i32, <<i32>>, ui32\n");
  for (const int32_t n : {11, 12, 13}) {
    std::vector<int32_t> out(70, -1);
    kernel.run({Argument::scalar(n), buffer(out)}, {70});
    EXPECT_EQ(out, n < 12 ? std::vector<int32_t>(70, 0) : iota(70)) << n;
  }
}

} // namespace
