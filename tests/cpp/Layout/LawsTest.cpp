// SPDX-License-Identifier: MIT
//
// The laws of RandomLayouts.cpp on a fixed stream of random bytes. ENIGMA_LAYOUT_ROUNDS sets how many layouts
// (./dev fuzz asks for 100,000 and more); ENIGMA_LAYOUT_SEED another stream.
#include "RandomLayouts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

using namespace enigma::layout;

TEST(LayoutLaws, HoldOnRandomLayouts) {
  const char *rounds = std::getenv("ENIGMA_LAYOUT_ROUNDS"), *seed = std::getenv("ENIGMA_LAYOUT_SEED");
  long count = rounds ? std::atol(rounds) : 20000;
  std::mt19937 random(seed ? static_cast<unsigned>(std::atol(seed)) : 20261120u);
  uint8_t bytes[96];
  int failures = 0;
  for (long i = 0; i < count && failures < 10; ++i) {
    for (uint8_t &b : bytes)
      b = static_cast<uint8_t>(random());
    std::string violated = laws::check(bytes, sizeof(bytes));
    if (!violated.empty()) {
      ADD_FAILURE() << "round " << i << ": " << violated;
      ++failures;
    }
  }
  laws::Counts n = laws::counts();
  std::printf("%ld laws answered, %ld refused\n", n.answered, n.refused);
  EXPECT_GT(n.answered, count / 2);
  EXPECT_GT(n.refused, 0);
}
