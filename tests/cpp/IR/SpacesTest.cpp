// SPDX-License-Identifier: MIT
// Memory that a kernel declares, barriers, and which barriers are refused.
#include "enigma/IR/Builder.h"
#include "enigma/IR/Constant.h"
#include "enigma/IR/Uniformity.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct Kernel {
  Function f{"k"};
  Value x = f.addParam({"X", Type::buffer(Elem::f32)}), n = f.addParam({"n", Type::value(Elem::u32)});
  Builder b{f};
  Value lid = b.query(Opcode::thread_position_in_threadgroup, 0);

  /// A branch around a barrier.
  void barrierUnder(Value condition, Opcode which = Opcode::threadgroup_barrier) {
    uint32_t yes = b.openRegion(std::initializer_list<Type>{});
    b.barrier(which);
    b.closeRegion({});
    uint32_t no = b.openRegion(std::initializer_list<Type>{});
    b.closeRegion({});
    b.ifElse(condition, yes, no);
  }
  std::string problem() const {
    try {
      checkConvergence(f);
    } catch (const Error &error) {
      return error.message();
    }
    return "";
  }
};

template <class F>
std::string errorOf(F f) {
  try {
    f();
  } catch (const Error &error) {
    return error.message();
  }
  return "";
}

TEST(Spaces, ArraysPrintTheirSizesAndTypes) {
  Kernel k;
  Value tile = k.b.threadgroupAlloc(64, Type::value(Elem::f16));
  k.f.setName(tile, "tile");
  Value acc = k.b.registerAlloc(4, Type::value(Elem::f32), Literal(1.5));
  Value table = k.b.constantArray({1, 2, 3}, Type::value(Elem::u8));
  k.b.store(tile, k.lid, k.b.load(table, Literal(2)));
  k.b.barrier(Opcode::threadgroup_barrier, MemFlags::threadgroup);
  k.b.store(acc, Literal(3), k.b.load(tile, k.lid));
  const std::string text = k.f.str();
  for (const char *line : {"%tile = threadgroup_alloc 64 : buffer<f16, threadgroup>\n",
                           " = register_alloc 4 %", " : buffer<f32, thread>\n",
                           " = constant_array [1, 2, 3] : buffer<u8, constant>\n", "threadgroup_barrier 2\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST(Spaces, ThreadgroupMemoryEndsAt32KBWithEachArrayAligned) {
  Kernel k;
  k.b.threadgroupAlloc(3, Type::value(Elem::u8));
  EXPECT_EQ(threadgroupBytes(k.f), 3u);
  k.b.threadgroupAlloc(2, Type::value(Elem::u64));
  EXPECT_EQ(threadgroupBytes(k.f), 24u);
  k.b.threadgroupAlloc(32768 - 24, Type::value(Elem::u8));
  EXPECT_EQ(threadgroupBytes(k.f), maxThreadgroupBytes);
  EXPECT_NE(errorOf([&] { k.b.threadgroupAlloc(1, Type::value(Elem::u8)); }).find("does not fit"),
            std::string::npos);
  EXPECT_NE(errorOf([] {
              Kernel().b.threadgroupAlloc(uint64_t(1) << 62, Type::value(Elem::u64));
            }).find("does not fit"),
            std::string::npos);
}

TEST(Spaces, VectorsOf3TakeTheMemoryOf4) {
  Kernel k;
  k.b.threadgroupAlloc(1, Type::value(Elem::u8));
  k.b.threadgroupAlloc(2, Type::value(Elem::f32, 3));
  EXPECT_EQ(threadgroupBytes(k.f), 48u);
  k.b.threadgroupAlloc(3, Type::value(Elem::f16, 2));
  EXPECT_EQ(threadgroupBytes(k.f), 60u);
}

TEST(Spaces, ArraysOfVectorsCountVectors) {
  Kernel k;
  Value own = k.b.registerAlloc(2, Type::value(Elem::f16, 2), Literal(1));
  Value table = k.b.constantArray({1, 2, 3, 4, 5, 6}, Type::value(Elem::u8, 3));
  EXPECT_EQ(k.f.type(k.b.load(table, Literal(1))), Type::value(Elem::u8, 3));
  EXPECT_EQ(errorOf([&] { k.b.load(table, Literal(2)); }),
            "load: index 2 is out of bounds: the array has 2 elements");
  k.b.store(own, Literal(1), k.b.cast(k.lid, Elem::f16));
  EXPECT_NE(k.f.str().find("register_alloc 2 %"), std::string::npos);
  EXPECT_NE(k.f.str().find(" : f16x2\n"), std::string::npos); // the number fills the vector
  Value wrong = k.b.load(table, Literal(0));
  EXPECT_EQ(errorOf([&] { k.b.registerAlloc(2, Type::value(Elem::f16, 2), wrong); }),
            "register_tensor: the fill must be half2 like the elements, got u8x3");
}

TEST(Spaces, ConstantIndicesAreCheckedAndConstantArraysNotWritten) {
  Kernel k;
  Value tile = k.b.threadgroupAlloc(4, Type::value(Elem::f32));
  k.f.setName(tile, "tile");
  EXPECT_EQ(errorOf([&] { k.b.load(tile, Literal(4)); }),
            "load: index 4 is out of bounds: tile has 4 elements");
  EXPECT_EQ(errorOf([&] { k.b.store(tile, Literal(-1), Literal(1.0)); }),
            "store: index -1 is out of bounds: tile has 4 elements");
  Value table = k.b.constantArray({0}, Type::value(Elem::f32));
  EXPECT_EQ(errorOf([&] { k.b.store(table, k.lid, Literal(1.0)); }),
            "store: a constant array cannot be written");
}

TEST(Spaces, HashesTellSizesAndConstantsApart) {
  const auto hashed = [](uint64_t count, uint64_t element, MemFlags flags) {
    Kernel k;
    Value tile = k.b.threadgroupAlloc(count, Type::value(Elem::u32)),
          table = k.b.constantArray({7, element}, Type::value(Elem::u32));
    k.b.store(tile, k.lid, k.b.load(table, k.lid));
    k.b.barrier(Opcode::threadgroup_barrier, flags);
    k.b.store(k.x, k.lid, k.b.cast(k.b.load(tile, k.lid), Elem::f32));
    verify(k.f);
    return hash(k.f, HashScope::structure);
  };
  const auto base = hashed(64, 1, MemFlags::none);
  EXPECT_EQ(base, hashed(64, 1, MemFlags::none));
  EXPECT_NE(base, hashed(65, 1, MemFlags::none));
  EXPECT_NE(base, hashed(64, 2, MemFlags::none));
  EXPECT_NE(base, hashed(64, 1, MemFlags::device));
}

TEST(Spaces, StoringToOwnMemoryAloneHasNoEffect) {
  Kernel k;
  k.b.store(k.b.threadgroupAlloc(4, Type::value(Elem::f32)), k.lid, Literal(1.0));
  EXPECT_NE(errorOf([&] { verify(k.f); }).find("stores nothing"), std::string::npos);
}

TEST(Barriers, AConditionThatDiffersBetweenThreadsIsRefused) {
  Kernel less;
  less.barrierUnder(less.b.compare(Opcode::cmp_lt, less.lid, less.n));
  EXPECT_NE(less.problem().find("not all threads come here"), std::string::npos);
  Kernel moved;
  Value sum = moved.b.binary(Operator::add, moved.b.query(Opcode::thread_position_in_grid, 0), Literal(3));
  moved.barrierUnder(moved.b.compare(Opcode::cmp_lt, sum, moved.n));
  EXPECT_NE(moved.problem(), "");
}

TEST(Barriers, AConditionOfTheGroupIsFine) {
  Kernel k;
  Value group = k.b.query(Opcode::threadgroup_position_in_grid, 0);
  k.barrierUnder(k.b.compare(Opcode::cmp_lt, group, k.n));
  EXPECT_EQ(k.problem(), "");
}

TEST(Barriers, WhatCannotBeShownIsLeftToTheRun) {
  Kernel data;
  data.barrierUnder(data.b.compare(Opcode::cmp_gt, data.b.load(data.x, data.lid), Literal(0.0)));
  EXPECT_EQ(data.problem(), "");
  // The group's first position, and the number of a row: the same in all threads of many launches.
  Kernel difference;
  Value first = difference.b.binary(Operator::sub, difference.b.query(Opcode::thread_position_in_grid, 0),
                                    difference.lid);
  difference.barrierUnder(difference.b.compare(Opcode::cmp_lt, first, difference.n));
  EXPECT_EQ(difference.problem(), "");
  Kernel row;
  Value number =
      row.b.binary(Operator::floordiv, row.b.query(Opcode::thread_position_in_grid, 0), Literal(256));
  row.barrierUnder(row.b.compare(Opcode::cmp_lt, number, row.n));
  EXPECT_EQ(row.problem(), "");
  Kernel always;
  always.barrierUnder(always.b.compare(Opcode::cmp_lt, always.lid, Literal(1024)));
  EXPECT_EQ(always.problem(), "");
}

TEST(Barriers, ASimdgroupsBarrierMayDependOnWhichSimdgroup) {
  for (Opcode which : {Opcode::simdgroup_barrier, Opcode::threadgroup_barrier}) {
    Kernel k;
    Value simdgroup = k.b.query(Opcode::simdgroup_index_in_threadgroup);
    k.barrierUnder(k.b.compare(Opcode::cmp_eq, simdgroup, Literal(0)), which);
    EXPECT_EQ(k.problem().empty(), which == Opcode::simdgroup_barrier);
  }
}

TEST(Barriers, AFlagSetUnderAConditionThatDiffersDiffersToo) {
  // What an early return becomes: done = lid < n; if not done: barrier
  Kernel k;
  Value condition = k.b.compare(Opcode::cmp_lt, k.lid, k.n);
  uint32_t yes = k.b.openRegion(std::initializer_list<Type>{});
  k.b.closeRegion({k.b.literal(true)});
  uint32_t no = k.b.openRegion(std::initializer_list<Type>{});
  k.b.closeRegion({k.b.literal(false)});
  Value done = k.b.ifElse(condition, yes, no)[0];
  k.barrierUnder(k.b.emit(Opcode::not_, {done}));
  EXPECT_NE(k.problem(), "");
}

} // namespace
