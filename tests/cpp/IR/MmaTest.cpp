// SPDX-License-Identifier: MIT
//
// Partitions of tiled MMAs and tiled copies: every element of a tile goes to exactly one worker, where its
// rows and columns are counted by hand.
#include "enigma/IR/Mma.h"

#include <gtest/gtest.h>

#include <map>

using namespace enigma;
using namespace enigma::ir;
using layout::IntTuple;
using layout::Layout;

namespace {

Tensor matrix(int64_t rows, int64_t columns) {
  auto memory = std::make_shared<Memory>();
  memory->name = "X";
  memory->layout = layout::AnyLayout(Layout(IntTuple{rows, columns}, IntTuple{columns, 1}));
  return Tensor::of(memory);
}

TiledMma mma(int64_t m, int64_t n) {
  return TiledMma::make(MmaAtom::make(Elem::f32, Elem::f32), Layout(IntTuple{m, n, 1}).view());
}

// Elements of a part, where they lie.
std::vector<int64_t> places(const Tensor &part) {
  std::vector<int64_t> out;
  int64_t n = layout::staticInt(IntTuple(layout::size(part.domain().view())), "size");
  for (int64_t i = 0; i < n; ++i)
    out.push_back(part.offset().value + layout::evaluate(part.layout().layout()->view(), i));
  return out;
}

std::string messageOf(auto body) {
  try {
    body();
  } catch (const Error &error) {
    return error.message();
  }
  return "no error";
}

TEST(TiledMma, GivesEachElementOfCToOneSimdgroup) {
  TiledMma tiled = mma(2, 2);
  Tensor c = matrix(32, 48);
  std::map<int64_t, int64_t> owner;
  for (int64_t s = 0; s < 4; ++s) {
    Tensor part = tiled.partition(MmaOperand::c, c, layout::intNode(s));
    EXPECT_EQ(layout::print(part.domain().shape().view()), "((8,8),2,3)");
    for (int64_t at : places(part)) {
      EXPECT_TRUE(owner.emplace(at, s).second);
      EXPECT_EQ(at / 48 / 8 % 2, s % 2); // rows of blocks take turns
      EXPECT_EQ(at % 48 / 8 % 2, s / 2); // and columns
    }
  }
  EXPECT_EQ(owner.size(), 32u * 48u);
}

TEST(TiledMma, GivesTheSameRowsOfAToSimdgroupsAlongN) {
  TiledMma tiled = mma(2, 4);
  Tensor a = matrix(32, 24);
  for (int64_t s = 0; s < 8; ++s) {
    std::vector<int64_t> here = places(tiled.partition(MmaOperand::a, a, layout::intNode(s)));
    EXPECT_EQ(here.size(), 16u * 24u);
    EXPECT_EQ(here, places(tiled.partition(MmaOperand::a, a, layout::intNode(s % 2))));
    EXPECT_EQ(here[0], s % 2 * 8 * 24);
    EXPECT_EQ(here[1] - here[0], 24); // the next row first
  }
}

TEST(TiledMma, NumbersSimdgroupsByItsLayout) {
  Layout byRow(IntTuple{2, 2, 1}, IntTuple{2, 1, 0});
  TiledMma tiled = TiledMma::make(MmaAtom::make(Elem::f16, Elem::f32), byRow.view());
  Tensor c = matrix(16, 16);
  for (int64_t s = 0; s < 4; ++s)
    EXPECT_EQ(places(tiled.partition(MmaOperand::c, c, layout::intNode(s)))[0], s / 2 * 128 + s % 2 * 8);
}

TEST(TiledMma, KeepsFurtherModesOfTheTensor) {
  auto memory = std::make_shared<Memory>();
  memory->name = "S";
  memory->layout = layout::AnyLayout(Layout(IntTuple{16, 8, 2}, IntTuple{12, 1, 192}));
  Tensor part = mma(2, 1).partition(MmaOperand::a, Tensor::of(memory), layout::intNode(1));
  EXPECT_EQ(layout::print(part.domain().view()), "((8,8),1,1,2):((12,1),0,0,192)");
  EXPECT_EQ(part.offset().value, 96);
}

TEST(TiledMma, GivesEachLaneTwoNeighboursOfARow) {
  Tensor block = mma(1, 1).partition(MmaOperand::c, matrix(8, 8), layout::intNode(0));
  std::map<int64_t, int> seen;
  for (int64_t lane = 0; lane < 32; ++lane) {
    std::vector<int64_t> two = places(lanesOf(block, layout::intNode(lane)));
    ASSERT_EQ(two.size(), 2u);
    EXPECT_EQ(two[1], two[0] + 1);
    EXPECT_EQ(two[0] / 8, (lane / 4 & 4) + lane / 2 % 4);
    ++seen[two[0]], ++seen[two[1]];
  }
  EXPECT_EQ(seen.size(), 64u);
}

TEST(TiledMma, RefusesTilesThatAreNotOfWholeBlocks) {
  EXPECT_EQ(messageOf([] { mma(2, 1).partition(MmaOperand::a, matrix(24, 8), layout::intNode(0)); }),
            "partition_A: mode 0 of the tensor X has 24 elements, the tiled MMA needs a multiple of 16");
  EXPECT_EQ(messageOf([] { mma(1, 4); }), "no error");
  EXPECT_EQ(messageOf([] { mma(8, 8); }),
            "TiledMma: a threadgroup has at most 1024 threads, which are 32 simdgroups, got 64 in "
            "(8,8,1):(1,8,0)");
}

TEST(TiledCopy, GivesEachElementToOneThread) {
  TiledCopy tiled = TiledCopy::make(Layout(IntTuple{4, 2}, IntTuple{2, 1}).view(),
                                    Layout(IntTuple{1, 4}, IntTuple{0, 1}).view());
  EXPECT_EQ(tiled.threads(), 8);
  EXPECT_EQ(layout::print(tiled.tiler().view()), "(4,8)");
  Tensor x = matrix(8, 16);
  std::map<int64_t, int64_t> owner;
  for (int64_t t = 0; t < 8; ++t) {
    Tensor part = tiled.partition("partition_S", x, layout::intNode(t));
    EXPECT_EQ(layout::print(part.domain().shape().view()), "(4,2,2)");
    for (int64_t at : places(part)) {
      EXPECT_TRUE(owner.emplace(at, t).second);
      EXPECT_EQ(t, at / 16 % 4 * 2 + at % 8 / 4);
    }
  }
  EXPECT_EQ(owner.size(), 128u);
}

} // namespace
