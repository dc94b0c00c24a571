// SPDX-License-Identifier: MIT
//
// makeLayoutTV against its definition, step by step: the right inverse of the raked product, reshaped; and
// tvPartition against every element counted by hand.
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

/// Offset of element (i, j) of a two-mode layout, each mode counted by itself.
int64_t offsetOf(const Layout &layout, int64_t i, int64_t j) {
  return crd2idx(IntTuple{i, j}, layout).view().leaf().value;
}

TEST(ThreadValuePartition, GivesEachThreadItsValuesInEveryTile) {
  const Layout thr(IntTuple{2, 4}, IntTuple{4, 1}), val(IntTuple{2, 3}, IntTuple{3, 1});
  const auto [tile, tv] = makeLayoutTV(thr, val);
  ASSERT_EQ(tile, (IntTuple{4, 12}));
  for (const Layout &layout :
       {Layout(IntTuple{8, 36}, IntTuple{36, 1}), Layout(IntTuple{8, 36}), // the tile divides both modes
        Layout(IntTuple{IntTuple{4, 2}, 36}, IntTuple{IntTuple{5, 400}, 24})}) {
    for (int64_t thread = 0; thread < 8; ++thread) {
      const auto [mine, offset] = tvPartition(layout, tv, tile, IntTuple(thread));
      ASSERT_EQ(size(mine.view()[0]).value, 6);
      ASSERT_EQ(size(mine.view()[1]).value, 6);
      const int64_t row = thread / 4, column = thread % 4; // how the threads stand, by their strides
      for (int64_t value = 0; value < 6; ++value)
        for (int64_t i = 0; i < 2; ++i)
          for (int64_t j = 0; j < 3; ++j)
            EXPECT_EQ(offset.view().leaf().value + offsetOf(mine, value, i + 2 * j),
                      offsetOf(layout, 4 * i + 2 * row + value / 3, 12 * j + 3 * column + value % 3))
                << print(layout) << " thread " << thread << " value " << value << " tile " << i << "," << j;
    }
  }
}

TEST(ThreadValuePartition, OfAnIdentityLayoutGivesCoordinates) {
  const auto [tile, tv] = makeLayoutTV(Layout(IntTuple{2, 2}), Layout(IntTuple{1, 2}));
  const Layout grid = makeIdentityLayout(IntTuple{4, 8});
  const auto [mine, offset] = tvPartition(grid, tv, tile, IntTuple{1, 1}); // thread 3: row 1, columns 2 and 3
  EXPECT_EQ(offset, (IntTuple{1, 2}));
  EXPECT_EQ(crd2idx(IntTuple{1, IntTuple{1, 1}}, mine),
            (IntTuple{2, 5})); // 1 column on, 1 tile down, 1 right
}

TEST(ThreadValuePartition, RefusesWhatDoesNotFit) {
  const Layout layout(IntTuple{8, 8}), tv(IntTuple{4, 2}, IntTuple{2, 1});
  const auto message = [&](const Layout &threadValue, const IntTuple &tile, const IntTuple &thread) {
    try {
      tvPartition(layout, threadValue, tile, thread);
    } catch (const enigma::Error &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(tv, IntTuple{2, 4}, IntTuple(3)), "");
  EXPECT_NE(message(tv, IntTuple{2, 4}, IntTuple(4)).find("no thread 4 among the 4"), std::string::npos);
  EXPECT_NE(message(tv, IntTuple{2, 4}, IntTuple(-1)).find("no thread -1"), std::string::npos);
  EXPECT_NE(message(tv, IntTuple{4, 4}, IntTuple(0)).find("covers 8 elements"), std::string::npos);
  EXPECT_NE(message(tv, IntTuple{1, 4}, IntTuple(0)).find("has 4"), std::string::npos);
  EXPECT_NE(message(Layout(IntTuple(8)), IntTuple{2, 4}, IntTuple(0)).find("(threads, values)"),
            std::string::npos);
}

} // namespace
