// SPDX-License-Identifier: MIT
// Text, hash, contraction and verification of functions.
#include "enigma/IR/Builder.h"

#include <gtest/gtest.h>

#include <set>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct Kernel {
  Function f{"k"};
  Value a = f.addParam({"A", Type::buffer(Elem::f32)});
  Value c = f.addParam({"C", Type::buffer(Elem::f32)});
  Builder b{f};
  Value i = b.query(Opcode::thread_position_in_grid, 0);
  Value x = b.load(a, i);
};

std::vector<std::string> opcodes(const Function &f) {
  std::vector<std::string> out;
  for (uint32_t index : f.body())
    out.emplace_back(info(f.op(index).opcode).name);
  return out;
}

TEST(Function, PrintsNamesTypesAndLines) {
  auto table = std::make_shared<SourceLocTable>();
  Function f("scale");
  f.setLocations(table);
  Value a = f.addParam({"A", Type::buffer(Elem::f16)});
  Builder b(f);
  b.place = table->add({"dir/scale.py", 4, 4, 4, 10});
  Value i = b.query(Opcode::thread_position_in_grid, 1);
  f.setName(i, "row");
  b.place = table->add({"dir/scale.py", 5, 4, 5, 10});
  b.store(a, i, b.binary(Operator::mul, b.load(a, i), Literal(2.0)));
  EXPECT_EQ(f.str(), "kernel enigma_kernel_scale(%A: buffer<f16>) {\n"
                     "  %row = thread_position_in_grid y : u32        # scale.py:4\n"
                     "  %0 = load %A, %row : f16                      # scale.py:5\n"
                     "  %1 = constant 2.0 : f16                       # scale.py:5\n"
                     "  %2 = mul %0, %1 : f16                         # scale.py:5\n"
                     "  store %2, %A, %row                            # scale.py:5\n"
                     "}\n");
}

TEST(Function, HashTellsEverythingApartThatMatters) {
  std::set<std::string> seen;
  auto add = [&](auto build) {
    Kernel k;
    build(k);
    EXPECT_TRUE(seen.insert(hash(k.f, HashScope::structure).str()).second) << k.f.str();
  };
  add([](Kernel &k) { k.b.store(k.c, k.i, k.x); });
  add([](Kernel &k) { k.b.store(k.a, k.i, k.x); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.binary(Operator::add, k.x, Literal(1.0))); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.binary(Operator::add, k.x, Literal(2.0))); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.binary(Operator::add, k.x, Literal(0.0))); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.binary(Operator::add, k.x, Literal(-0.0))); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.binary(Operator::sub, k.x, Literal(1.0))); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.emit(Opcode::sin, {k.x})); });
  add([](Kernel &k) { k.b.store(k.c, k.i, k.b.emit(Opcode::sin, {k.x}, uint64_t(MathMode::fast))); });
  add([](Kernel &k) { k.b.store(k.c, k.b.query(Opcode::thread_position_in_grid, 1), k.x); });
  add([](Kernel &k) { k.b.store(k.c, k.b.cast(k.i, Elem::i32), k.x); });
}

TEST(Function, HashOfStructureForgetsNamesAndPlaces) {
  Kernel one, two;
  two.f.setName(two.x, "x");
  two.b.place = 77;
  one.b.store(one.c, one.i, one.x);
  two.b.store(two.c, two.i, two.x);
  EXPECT_EQ(hash(one.f, HashScope::structure), hash(two.f, HashScope::structure));
  EXPECT_NE(hash(one.f, HashScope::structureAndNames), hash(two.f, HashScope::structureAndNames));
}

TEST(Function, TheMetalNameIsAnIdentifier) {
  EXPECT_EQ(Function("saxpy_2").kernelName(), "enigma_kernel_saxpy_2");
  EXPECT_EQ(Function("<lambda>").kernelName(), "enigma_kernel_u3clambdau3e");
  EXPECT_EQ(Function("gr\xc3\xb6\xc3\x9f"
                     "e")
                .kernelName(),
            "enigma_kernel_gruc3ub6uc3u9fe");
}

TEST(Contract, FusesAProductThatIsUsedOnceInASum) {
  Kernel k;
  Value product = k.b.binary(Operator::mul, k.x, k.x);
  k.b.store(k.c, k.i, k.b.binary(Operator::add, Literal(1.0), product));
  contract(k.f);
  EXPECT_EQ(opcodes(k.f),
            (std::vector<std::string>{"thread_position_in_grid", "load", "constant", "fma", "store"}));
  verify(k.f);
}

TEST(Contract, NegatesForDifferences) {
  Kernel k;
  k.b.store(k.c, k.i, k.b.binary(Operator::sub, k.b.binary(Operator::mul, k.x, k.x), k.x));
  k.b.store(k.a, k.i, k.b.binary(Operator::sub, k.x, k.b.binary(Operator::mul, k.x, k.x)));
  contract(k.f);
  EXPECT_EQ(opcodes(k.f), (std::vector<std::string>{"thread_position_in_grid", "load", "neg", "fma", "store",
                                                    "neg", "fma", "store"}));
  const Op &first = k.f.op(k.f.body()[3]), &second = k.f.op(k.f.body()[6]);
  EXPECT_EQ(k.f.operands(first)[0], k.x) << "x * x - x is fma(x, x, -x)";
  EXPECT_NE(k.f.operands(first)[2], k.x);
  EXPECT_NE(k.f.operands(second)[0], k.x) << "x - x * x is fma(-x, x, x)";
  EXPECT_EQ(k.f.operands(second)[2], k.x);
  verify(k.f);
}

TEST(Contract, LeavesWhatIsUsedTwiceAndWhatIsNoFloat) {
  Kernel k;
  Value product = k.b.binary(Operator::mul, k.x, k.x);
  k.b.store(k.c, k.i, k.b.binary(Operator::add, product, product));
  Value n = k.b.binary(Operator::add, k.b.binary(Operator::mul, k.i, Literal(3)), k.i);
  Value narrow = k.b.cast(k.x, Elem::bf16);
  Value sum = k.b.binary(Operator::add, k.b.binary(Operator::mul, narrow, narrow), narrow);
  k.b.store(k.c, n, sum);
  auto before = opcodes(k.f);
  contract(k.f);
  EXPECT_EQ(opcodes(k.f), before);
}

} // namespace
