// SPDX-License-Identifier: MIT
#include "enigma/Support/Version.h"

#include <gtest/gtest.h>

#include <algorithm>

TEST(Version, HasThreeNumbers) {
  std::string_view version = enigma::support::version();
  EXPECT_EQ(std::count(version.begin(), version.end(), '.'), 2) << version;
}

TEST(Version, IsBuiltWithLLVM22) { EXPECT_EQ(enigma::support::llvmVersion().substr(0, 3), "22."); }
