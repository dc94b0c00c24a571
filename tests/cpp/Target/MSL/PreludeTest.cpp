// SPDX-License-Identifier: MIT
//
// Which functions the prelude prints. What they compute is tested by running them
// (tests/python/test_operations.py).
#include "enigma/Target/MSL/Prelude.h"

#include "enigma/Support/Error.h"

#include <gtest/gtest.h>

using namespace enigma;
using msl::preludeFor;

namespace {

int count(const std::string &text, std::string_view part) {
  int n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++n;
  return n;
}

TEST(Prelude, IsEmptyWhereNothingIsUsed) { EXPECT_EQ(preludeFor({}), ""); }

TEST(Prelude, PrintsEachFunctionOnce) {
  std::string text =
      preludeFor({"enigma_erf:float", "enigma_erf:float", "enigma_erf:half", "enigma_erf:float2"});
  EXPECT_EQ(count(text, "inline float enigma_erf(float x) {"), 1);
  EXPECT_EQ(count(text, "inline half enigma_erf(half x) {"), 1);
  EXPECT_EQ(count(text, "inline float2 enigma_erf(float2 x) {"), 1);
  EXPECT_EQ(count(text, "\ninline "), 3);
}

TEST(Prelude, PrintsOnlyTheFamilyOfTheType) {
  std::string integers = preludeFor({"enigma_mod:int4"}), floats = preludeFor({"enigma_mod:float"});
  EXPECT_EQ(count(integers, "template <typename T>"), 1);
  EXPECT_EQ(count(integers, "fmod"), 0);
  EXPECT_EQ(count(floats, "fmod"), 1);
  EXPECT_EQ(count(floats, "template"), 0);
  EXPECT_EQ(preludeFor({"enigma_mod:float", "enigma_mod:int"}), integers + floats);
}

TEST(Prelude, MakesAllOverloadsForANameWithoutAType) {
  std::string text = preludeFor({"enigma_floor_div"});
  for (std::string_view type : {"float", "float2", "float3", "float4", "half", "half2", "half3", "half4"})
    EXPECT_EQ(count(text, "inline " + std::string(type) + " enigma_floor_div("), 1) << type;
  EXPECT_EQ(count(text, "template <typename T, typename U>"), 1);
}

TEST(Prelude, VectorsOfHalfBringTheScalar) {
  std::string text = preludeFor({"enigma_erfinv:half3"});
  size_t scalar = text.find("half enigma_erfinv(half x) { return half(enigma_erfinv(float(x))); }");
  size_t vector = text.find("half3 enigma_erfinv(half3 x) { return half3(enigma_erfinv(x.x), "
                            "enigma_erfinv(x.y), enigma_erfinv(x.z)); }");
  ASSERT_NE(scalar, text.npos);
  ASSERT_NE(vector, text.npos);
  EXPECT_LT(scalar, vector);
}

TEST(Prelude, CalleesComeBeforeTheirCallers) {
  std::string text = preludeFor({"enigma_ipow:short"});
  size_t callee = text.find("inline U enigma_product(U x, U y)"),
         caller = text.find("inline T enigma_ipow(T x, T y)");
  ASSERT_NE(callee, text.npos);
  ASSERT_NE(caller, text.npos);
  EXPECT_LT(callee, caller);
}

TEST(Prelude, DoesNotDependOnTheOrderOfUse) {
  EXPECT_EQ(preludeFor({"enigma_erf:half2", "enigma_abs:int", "enigma_erf:float"}),
            preludeFor({"enigma_erf:float", "enigma_erf:half2", "enigma_abs:int"}));
}

TEST(Prelude, ResultsOfQuestionsAreBool) {
  EXPECT_EQ(
      count(preludeFor({"enigma_isnormal_bfloat:bfloat2"}), "inline bool2 enigma_isnormal_bfloat(bfloat2 x)"),
      1);
}

TEST(Prelude, RefusesWhatItDoesNotHave) {
  EXPECT_THROW(preludeFor({"enigma_gamma"}), Error);
  EXPECT_THROW(preludeFor({"enigma_erf:int"}), Error);
  EXPECT_THROW(preludeFor({"enigma_erf:bfloat"}), Error);
}

} // namespace
