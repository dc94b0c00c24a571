// SPDX-License-Identifier: MIT
//
// What a user can hand in that is too deep, too large or out of range ends in a LayoutError; small inputs do
// not allocate.
#include "enigma/Layout/ComposedLayout.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

using namespace enigma::layout;
using enigma::Error;
using enigma::ErrorKind;

static long allocations = 0;

void *operator new(size_t n) {
  ++allocations;
  if (void *p = std::malloc(n ? n : 1))
    return p;
  throw std::bad_alloc();
}
void operator delete(void *p) noexcept { std::free(p); }
void operator delete(void *p, size_t) noexcept { std::free(p); }

namespace {

template <class F>
std::string messageOf(F f) {
  try {
    f();
  } catch (const Error &e) {
    EXPECT_EQ(e.kind(), ErrorKind::Layout);
    return e.what();
  }
  return "nothing was thrown";
}

TEST(LayoutLimits, SmallLayoutsDoNotAllocate) {
  Layout a(IntTuple{IntTuple{4, 2}, 8}, IntTuple{IntTuple{1, 32}, 4}), b(IntTuple{2, 4}, IntTuple{1, 2});
  Layout thr(IntTuple{4, 8}, IntTuple{8, 1}), val(IntTuple{2, 2}, IntTuple{2, 1});
  long before = allocations;
  Layout r = composition(a, b), c = complement(b, IntTuple(64)), d = logicalDivide(a, b),
         z = zippedDivide(a, IntTuple{2, 4});
  auto tv = makeLayoutTV(thr, val);
  Layout e = coalesce(a), i = rightInverse(thr), p = blockedProduct(thr, val);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(print(r), "(2,(2,2)):(1,(2,32))");
  EXPECT_EQ(print(tv.second), "((8,4),(2,2)):((16,2),(8,1))");
}

TEST(LayoutLimits, OverflowIsAnError) {
  int64_t big = int64_t(1) << 40;
  EXPECT_NE(messageOf([&] { Layout(IntTuple{big, big, big}); }).find("overflows 64 bits"), std::string::npos);
  Layout l(IntTuple{big, big}, IntTuple{0, 1});
  EXPECT_NE(messageOf([&] { size(l.view()); }).find("overflows"), std::string::npos);
  EXPECT_THROW(cosize(Layout(IntTuple(big), IntTuple(big)).view()), Error);
  EXPECT_THROW(crd2idx(IntTuple(INT64_MAX), Layout(IntTuple(2), IntTuple(3))), Error);
  EXPECT_THROW(composition(Layout(IntTuple(big), IntTuple(big)), Layout(IntTuple(2), IntTuple(big))), Error);
}

// A step near the end of 64 bits takes two rounds to leave its digit, which twice it does not fit.
TEST(LayoutLimits, ALargeStepThatDoesNotDivideItsDigitIsRefused) {
  const int64_t step = INT64_MAX - 21;
  Layout a(IntTuple({IntTuple(INT64_MAX - 10), IntTuple(2)}), IntTuple({IntTuple(1), IntTuple(0)}));
  EXPECT_THROW(composition(a, Layout(IntTuple(4), IntTuple(step))), Error);
}

TEST(LayoutLimits, DepthAndSizeAreBounded) {
  IntTuple deep(1);
  EXPECT_NE(messageOf([&] {
              for (int i = 0; i < 1000; ++i) {
                IntTuple next = IntTuple::building();
                uint32_t at = next.open();
                next.push(deep.view());
                next.close(at);
                next.checkLimits();
                deep = next;
              }
            }).find("64 levels"),
            std::string::npos);
  Layout wide(IntTuple{2, 2});
  EXPECT_NE(messageOf([&] {
              for (int i = 0; i < 100; ++i)
                wide = append(wide, wide);
            }).find("at most"),
            std::string::npos);
  AnyLayout nested{Layout(IntTuple{8, 8})};
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i)
          nested = AnyLayout(ComposedLayout(nested, IntTuple(0), nested));
      },
      Error);
}

TEST(LayoutLimits, EmptyAndNegativeExtentsAreRefused) {
  EXPECT_NE(messageOf([] { Layout(IntTuple{4, 0}); }).find("extent must be an integer of at least 1, got 0"),
            std::string::npos);
  EXPECT_THROW(Layout(IntTuple(-3)), Error);
  EXPECT_THROW(Layout(IntTuple{4, 4}, IntTuple(1)), Error);
  EXPECT_THROW(Layout(IntTuple(nullNode())), Error);
}

TEST(LayoutLimits, DivisionByExtremesDoesNotTrap) {
  EXPECT_THROW(divInt(INT64_MIN, -1), Error);
  EXPECT_EQ(modInt(INT64_MIN, -1), 0);
  EXPECT_THROW(divInt(1, 0), Error);
  Layout turned = leftInverse(Layout(IntTuple{4}, IntTuple{-1}));
  EXPECT_EQ(evaluate(turned.view(), -3), 3);
  EXPECT_THROW(evaluate(turned.view(), INT64_MIN), Error);
}

TEST(LayoutErrors, NameTheModesAndAWayOut) {
  Layout a(IntTuple{6, 2}, IntTuple{1, 7});
  std::string text = messageOf([&] { composition(a, Layout(IntTuple(4), IntTuple(4))); });
  EXPECT_NE(text.find("(6,2):(1,7) o 4:4 is not a layout"), std::string::npos) << text;
  EXPECT_NE(text.find("mode 0"), std::string::npos) << text;
  EXPECT_NE(text.find("nearest size that works is 2 (2:4)"), std::string::npos) << text;
  text = messageOf([&] { tileToShape(Layout(IntTuple(48)), IntTuple(100)); });
  EXPECT_NE(text.find("48 does not divide mode 0 of size 100"), std::string::npos) << text;
  EXPECT_NE(text.find("96 and 144"), std::string::npos) << text;
  text = messageOf([&] { crd2idx(IntTuple{1, 2, 3}, Layout(IntTuple{4, 8})); });
  EXPECT_NE(text.find("rank 3"), std::string::npos) << text;
  text = messageOf([&] { getMode(Layout(IntTuple{4, 8}).view(), IntTuple{2}); });
  EXPECT_NE(text.find("0 to 1"), std::string::npos) << text;
}

/// An owner that can't compute: enough to see what happens when it dies before its integers.
class Silent : public Arithmetic {
public:
  Node apply(ArithOp, Node a, Node) override { return a; }
};

TEST(LayoutDynamic, IntegersMayNotOutliveTheirOwner) {
  Node orphan;
  {
    Silent owner;
    orphan = owner.node(7);
    EXPECT_EQ(owner.id(orphan), 7u);
    Silent other;
    EXPECT_THROW(other.id(orphan), Error);
  }
  EXPECT_NE(messageOf([&] { mul(orphan, intNode(2)); }).find("trace has ended"), std::string::npos);
  EXPECT_EQ(printLeaf(orphan), "?");
}

} // namespace
