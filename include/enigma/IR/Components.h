// SPDX-License-Identifier: MIT
//
// Names of components of vectors: `xyzw` or `rgba`, in any order.
//
//     componentsOf("zyx");     // {2, 1, 0}
//     componentsOf("xg");      // {}: no mixture
#pragma once

#include <string_view>
#include <vector>

namespace enigma::ir {

/// The components that a name of up to 4 letters of xyzw, or of rgba, stands for; none for any other name.
std::vector<int> componentsOf(std::string_view name);

} // namespace enigma::ir
