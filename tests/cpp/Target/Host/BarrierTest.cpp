// SPDX-License-Identifier: MIT
//
// Barriers in loops and branches, with values of every kind across them, in both forms that code with
// barriers takes: a loop for each part between two barriers, and one loop for all of them. What is expected
// is computed round by round for the whole group.
#include "Compiled.h"

#include <numeric>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

/// acc = X[i]; for k < n: acc goes through threadgroup memory to a neighbour, in odd rounds past another
/// barrier. A lane's own array counts what came by; the condition `low` is a vector that lives throughout.
const char *const kRounds = R"(enigma.kernel @rounds(%X: !enigma.buffer<i32, device>,
    %Out: !enigma.buffer<i32, device>, %n: i32) writes [1] {
  %i = enigma.thread_position_in_grid x
  %l = enigma.thread_position_in_threadgroup x
  %row = enigma.thread_position_in_threadgroup y
  %group = enigma.threadgroup_position_in_grid x
  %size = enigma.threads_per_threadgroup x
  %tile = enigma.threadgroup_alloc 256 : <i32, threadgroup>
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %three = enigma.constant 3 : i32
  %near = enigma.constant 1 : ui32
  %far = enigma.constant 3 : ui32
  %ten = enigma.constant 10 : ui32
  %hundred = enigma.constant 100 : i32
  %low = enigma.cmp_lt %l, %ten : ui32
  %start = enigma.load %X[%i] : !enigma.buffer<i32, device>, ui32 -> i32
  %both:2 = enigma.for %zero, %n, %one carry(%start, %zero : i32, i32) : i32 -> i32, i32 {
  ^bb0(%k: i32, %acc: i32, %seen: i32):
    enigma.store %acc, %tile[%l] : i32, !enigma.buffer<i32, threadgroup>, ui32
    enigma.threadgroup_barrier 2
    %bit = enigma.and %k, %one : i32
    %odd = enigma.cmp_eq %bit, %one : i32
    %y = enigma.if %odd -> i32 {
      %j = enigma.add %l, %near : ui32
      %m = enigma.mod %j, %size : ui32
      %v = enigma.load %tile[%m] : !enigma.buffer<i32, threadgroup>, ui32 -> i32
      enigma.threadgroup_barrier 2
      %w = enigma.add %v, %k : i32
      enigma.yield %w : i32
    } else {
      %j = enigma.add %l, %far : ui32
      %m = enigma.mod %j, %size : ui32
      %v = enigma.load %tile[%m] : !enigma.buffer<i32, threadgroup>, ui32 -> i32
      enigma.yield %v : i32
    }
    enigma.threadgroup_barrier 2
    %more = enigma.select %low, %hundred, %one : i1, i32
    %t = enigma.mul %acc, %three : i32
    %u = enigma.add %t, %y : i32
    %next = enigma.add %u, %more : i32
    enigma.yield %next, %acc : i32, i32
  }
  %s = enigma.sub %both#0, %both#1 : i32
  %g = enigma.cast %group : ui32 to i32
  %r = enigma.add %s, %g : i32
  enigma.store %r, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
})";

std::vector<int32_t> roundsOf(std::vector<int32_t> x, size_t threads, uint32_t n) {
  for (size_t begin = 0; begin < x.size(); begin += threads) {
    const size_t size = std::min(threads, x.size() - begin);
    std::vector<uint32_t> acc(x.begin() + ptrdiff_t(begin), x.begin() + ptrdiff_t(begin + size)),
        last(size, 0);
    for (uint32_t k = 0; k < n; ++k) {
      const std::vector<uint32_t> tile = acc;
      for (size_t l = 0; l < size; ++l) {
        const uint32_t y = k % 2 ? tile[(l + 1) % size] + k : tile[(l + 3) % size];
        last[l] = tile[l];
        acc[l] = tile[l] * 3 + y + (l < 10 ? 100 : 1);
      }
    }
    for (size_t l = 0; l < size; ++l)
      x[begin + l] = int32_t(acc[l] - last[l] + uint32_t(begin / threads));
  }
  return x;
}

TEST(Barrier, InLoopsAndBranchesInBothForms) {
  for (const double growth : {4.0, 0.0}) {
    HostOptions options;
    options.mostGrowth = growth;
    Compiled kernel(kRounds, options);
    for (const int64_t threads : {1, 7, 32, 33, 100, 256})
      for (const int32_t n : {0, 1, 2, 5}) {
        std::vector<int32_t> x(600), out(x.size(), -1);
        std::iota(x.begin(), x.end(), 5);
        kernel.run({buffer(x), buffer(out), Argument::scalar(n)}, {int64_t(x.size())}, {threads});
        EXPECT_EQ(out, roundsOf(x, size_t(threads), uint32_t(n)))
            << n << " rounds of " << threads << " threads, growth " << growth;
      }
  }
}

/// Out = the transpose of the threadgroup's tile of X, whose width is not that of a simdgroup.
TEST(Barrier, GroupsOfSeveralRows) {
  const char *text = R"(enigma.kernel @turn(%X: !enigma.buffer<i32, device>,
      %Out: !enigma.buffer<i32, device>) writes [1] {
    %x = enigma.thread_position_in_threadgroup x
    %y = enigma.thread_position_in_threadgroup y
    %z = enigma.thread_position_in_threadgroup z
    %w = enigma.threads_per_threadgroup x
    %h = enigma.threads_per_threadgroup y
    %tile = enigma.threadgroup_alloc 1024 : <i32, threadgroup>
    %a = enigma.mul %z, %h : ui32
    %b = enigma.add %a, %y : ui32
    %c = enigma.mul %b, %w : ui32
    %from = enigma.add %c, %x : ui32
    %v = enigma.load %X[%from] : !enigma.buffer<i32, device>, ui32 -> i32
    %d = enigma.mul %z, %w : ui32
    %e = enigma.add %d, %x : ui32
    %f = enigma.mul %e, %h : ui32
    %to = enigma.add %f, %y : ui32
    enigma.store %v, %tile[%to] : i32, !enigma.buffer<i32, threadgroup>, ui32
    enigma.threadgroup_barrier 2
    %t = enigma.load %tile[%from] : !enigma.buffer<i32, threadgroup>, ui32 -> i32
    enigma.store %t, %Out[%from] : i32, !enigma.buffer<i32, device>, ui32
  })";
  const int64_t sizes[][3] = {{32, 4, 1},   {64, 3, 2},   {16, 16, 1}, {8, 32, 1},  {5, 7, 3},
                              {1, 1024, 1}, {1024, 1, 1}, {3, 1, 300}, {33, 31, 1}, {100, 1, 1}};
  for (const double growth : {4.0, 0.0}) {
    HostOptions options;
    options.mostGrowth = growth;
    Compiled kernel(text, options);
    for (const auto &[w, h, d] : sizes) {
      std::vector<int32_t> x(size_t(w * h * d)), out(x.size(), -1), want = out;
      std::iota(x.begin(), x.end(), 7);
      for (int64_t k = 0; k < d; ++k)
        for (int64_t j = 0; j < h; ++j)
          for (int64_t i = 0; i < w; ++i)
            want[size_t((k * w + i) * h + j)] = x[size_t((k * h + j) * w + i)];
      kernel.run({buffer(x), buffer(out)}, {w, h, d}, {w, h, d});
      EXPECT_EQ(out, want) << w << " x " << h << " x " << d;
    }
  }
}

} // namespace
