// SPDX-License-Identifier: MIT
// Operations that threads do together: matrices of a simdgroup, and atomics; and where lanes must agree.
#include "enigma/IR/Builder.h"
#include "enigma/IR/Uniformity.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct SharedOps : testing::Test {
  Function f{"k"};
  Value x = f.addParam({"X", Type::buffer(Elem::f32)}), h = f.addParam({"H", Type::buffer(Elem::f16)}),
        u = f.addParam({"U", Type::buffer(Elem::u32)}), n = f.addParam({"n", Type::value(Elem::u32)}),
        d = f.addParam({"d", Type::value(Elem::f32)});
  Builder b{f};

  Builder::MatrixPlace at(Value buffer, Operand index = Literal(0)) const {
    return {buffer, index, Literal(8), Literal(0), Literal(0), false};
  }
  std::string messageOf(auto call) {
    try {
      call();
    } catch (const Error &error) {
      return error.message();
    }
    return "no error";
  }
  std::string problem() {
    return messageOf([&] { checkConvergence(f); });
  }
  /// A branch whose first arm gives one matrix and whose second another.
  void choose(Value condition, Value one, Value other) {
    const Type t = f.type(one);
    uint32_t yes = b.openRegion(std::initializer_list<Type>{});
    b.closeRegion(std::span(&one, 1));
    uint32_t no = b.openRegion(std::initializer_list<Type>{});
    b.closeRegion(std::span(&other, 1));
    ASSERT_EQ(f.type(b.ifElse(condition, yes, no)[0]), t);
  }
};

TEST_F(SharedOps, ProductsAddUpInTheirTypeOrInF32) {
  Value a = b.matrixLoad(at(h)), c = b.matrixFill(Elem::f32, Literal(0)), e = b.matrixLoad(at(x));
  EXPECT_EQ(f.type(b.matrixMultiply(a, a)), Type::simdgroupMatrix(Elem::f16));
  EXPECT_EQ(f.type(b.matrixMultiply(a, a, c)), Type::simdgroupMatrix(Elem::f32));
  EXPECT_EQ(messageOf([&] { b.matrixMultiply(a, e); }),
            "simdgroup_multiply: needs two matrices of one type, got simdgroup_matrix<f16> and "
            "simdgroup_matrix<f32>");
  EXPECT_EQ(messageOf([&] { b.matrixMultiply(e, e, a); }),
            "simdgroup_multiply_accumulate: factors of f32 accumulate in f32, got f16");
  EXPECT_EQ(messageOf([&] { b.matrixFill(Elem::i32, Literal(0)); }),
            "make_filled_simdgroup_matrix: a simdgroup matrix holds f16, bf16 or f32, got i32");
  EXPECT_EQ(messageOf([&] { b.matrixLoad(at(u)); }),
            "simdgroup_load: needs a buffer of f16, bf16 or f32, got buffer<u32>");
  EXPECT_EQ(messageOf([&] { b.matrixStore(a, at(x)); }),
            "simdgroup_store: the buffer holds f32, got simdgroup_matrix<f16>");
}

TEST_F(SharedOps, APlaceThatDiffersBetweenLanesIsRefused) {
  Value lane = b.query(Opcode::thread_index_in_simdgroup, 0);
  b.matrixStore(b.matrixLoad(at(x, lane)), at(x));
  EXPECT_EQ(problem(), "simdgroup_load: the index must be the same in all lanes of a simdgroup, and differs "
                       "from lane to lane");
}

TEST_F(SharedOps, APlaceOfTheSimdgroupOrOfDataIsLeftToTheRun) {
  Value group = b.query(Opcode::simdgroup_index_in_threadgroup, 0);
  b.matrixStore(b.matrixLoad(at(x, group)), at(x, b.load(u, b.query(Opcode::thread_position_in_grid, 0))));
  EXPECT_EQ(problem(), "no error");
}

TEST_F(SharedOps, LanesThatWouldHoldTwoMatricesAreRefused) {
  Value lane = b.query(Opcode::thread_index_in_simdgroup, 0);
  Value one = b.matrixLoad(at(x)), other = b.matrixFill(Elem::f32, Literal(1));
  choose(b.compare(Opcode::cmp_lt, lane, n), one, other);
  EXPECT_NE(problem().find("cannot differ between them"), std::string::npos);
}

TEST_F(SharedOps, SimdgroupsMayHoldDifferentOnes) {
  Value group = b.query(Opcode::simdgroup_index_in_threadgroup, 0);
  Value one = b.matrixLoad(at(x)), other = b.matrixFill(Elem::f32, Literal(1));
  choose(b.compare(Opcode::cmp_lt, group, n), one, other);
  choose(b.compare(Opcode::cmp_lt, b.query(Opcode::thread_position_in_grid, 1), n), one, other);
  EXPECT_EQ(problem(), "no error");
}

TEST_F(SharedOps, AtomicsTakeTheTypesThatMetalHas) {
  const Operand one[] = {Literal(1)};
  EXPECT_EQ(f.type(b.atomic(Opcode::atomic_fetch_add, u, n, one)), Type::value(Elem::u32));
  EXPECT_EQ(f.type(b.atomic(Opcode::atomic_fetch_add, x, n, one)), Type::value(Elem::f32));
  EXPECT_NE(messageOf([&] { b.atomic(Opcode::atomic_fetch_and, x, n, one); }), "no error");
  EXPECT_NE(messageOf([&] { b.atomic(Opcode::atomic_fetch_add, h, n, one); }), "no error");
  Value tile = b.threadgroupAlloc(4, Type::value(Elem::f32));
  EXPECT_EQ(messageOf([&] { b.atomic(Opcode::atomic_fetch_add, tile, n, one); }),
            "atomic_fetch_add: in threadgroup memory Metal has it on i32, u32 and b1, got f32");
  Value own = b.registerAlloc(4, Type::value(Elem::u32), Literal(0));
  EXPECT_EQ(messageOf([&] { b.atomic(Opcode::atomic_fetch_add, own, n, one); }),
            "atomic_fetch_add: needs a buffer or threadgroup memory, which several threads reach");
}

} // namespace
