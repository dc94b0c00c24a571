// SPDX-License-Identifier: MIT
//
// The layout operations that tracing runs most, in C++. Goals in nanoseconds: composition 50, complement 40,
// logical_divide 100, make_layout_tv 200.
#include "enigma/Layout/Algebra.h"

#include <benchmark/benchmark.h>

using namespace enigma::layout;

static void composition(benchmark::State &state) {
  Layout a(IntTuple{IntTuple{6, 2}, 8}, IntTuple{IntTuple{8, 2}, 64}), b(IntTuple{4, 3}, IntTuple{3, 1});
  for (auto _ : state)
    benchmark::DoNotOptimize(composition(a, b));
}
BENCHMARK(composition);

static void complement(benchmark::State &state) {
  Layout a(IntTuple{2, 2}, IntTuple{1, 6});
  IntTuple bound(24);
  for (auto _ : state)
    benchmark::DoNotOptimize(complement(a, bound));
}
BENCHMARK(complement);

static void logicalDivide(benchmark::State &state) {
  Layout a(IntTuple{128, 64}, IntTuple{64, 1});
  IntTuple tile{16, 8};
  for (auto _ : state)
    benchmark::DoNotOptimize(logicalDivide(a, tile));
}
BENCHMARK(logicalDivide);

static void makeLayoutTV(benchmark::State &state) {
  Layout thr(IntTuple{4, 64}, IntTuple{64, 1}), val(IntTuple{4, 4}, IntTuple{4, 1});
  for (auto _ : state)
    benchmark::DoNotOptimize(makeLayoutTV(thr, val));
}
BENCHMARK(makeLayoutTV);

static void coordinate(benchmark::State &state) {
  Layout a(IntTuple{IntTuple{4, 2}, IntTuple{8, 3}}, IntTuple{IntTuple{24, 96}, IntTuple{1, 8}});
  IntTuple c{5, 17};
  for (auto _ : state)
    benchmark::DoNotOptimize(crd2idx(c, a));
}
BENCHMARK(coordinate);
