// SPDX-License-Identifier: MIT
//
// makeLayoutTV against its definition, step by step: the right inverse of the raked product, reshaped.
#include "enigma/Layout/Algebra.h"

#include <gtest/gtest.h>

#include <optional>

using namespace enigma::layout;

namespace {

/// (extents, thread-value layout), or nothing where the definition has no answer.
std::optional<std::pair<IntTuple, Layout>> byDefinition(const Layout &thr, const Layout &val) {
  try {
    Layout tile = rakedProduct(thr, val);
    int64_t threads = size(thr).value, values = size(val).value;
    Layout pair(IntTuple{threads, values},
                IntTuple{threads == 1 ? 0 : 1, values == 1 ? int64_t(0) : threads});
    Layout inverse = rightInverse(tile);
    if (size(inverse).value != threads * values)
      return std::nullopt;
    return std::pair(productEach(tile.shape()), composition(inverse, pair));
  } catch (const enigma::Error &) {
    return std::nullopt;
  }
}

TEST(ThreadValueLayout, IsTheCompositionThatDefinesIt) {
  std::vector<Layout> some;
  for (IntTuple shape :
       {IntTuple(1), IntTuple(6), IntTuple{1, 1}, IntTuple{4, 1}, IntTuple{2, 3}, IntTuple{8, 4},
        IntTuple{3, 2, 2}, IntTuple{IntTuple{2, 2}, 3}, IntTuple{2, IntTuple{3, 2}}}) {
    some.push_back(Layout(shape));
    some.push_back(makeLayoutRight(shape));
  }
  some.push_back(
      Layout(IntTuple{IntTuple{2, 2}, 3}, IntTuple{IntTuple{6, 1}, 2})); // compact, in no usual order
  some.push_back(Layout(IntTuple{3, 2, 2}, IntTuple{2, 6, 1}));
  some.push_back(Layout(IntTuple{IntTuple{2, 1, 2}, IntTuple{2, 2, 2, 2}},
                        IntTuple{IntTuple{16, 7, 4}, IntTuple{1, 32, 2, 8}}));
  some.push_back(Layout(IntTuple{4, 2}, IntTuple{4, 1})); // with gaps
  some.push_back(Layout(IntTuple{4, 2}, IntTuple{0, 1})); // not injective
  int answered = 0, refused = 0;
  for (const Layout &thr : some)
    for (const Layout &val : some) {
      auto expected = byDefinition(thr, val);
      if (!expected) {
        EXPECT_THROW(makeLayoutTV(thr, val), enigma::Error) << print(thr) << " " << print(val);
        ++refused;
        continue;
      }
      auto [extents, tv] = makeLayoutTV(thr, val);
      EXPECT_EQ(extents, expected->first) << print(thr) << " " << print(val);
      EXPECT_EQ(tv, expected->second) << print(thr) << " " << print(val) << ": " << print(tv)
                                      << " instead of " << print(expected->second);
      ++answered;
    }
  EXPECT_GT(answered, 200);
  EXPECT_GT(refused, 10);
}

} // namespace
