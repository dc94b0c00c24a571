// SPDX-License-Identifier: MIT
//
// The functions that MSL templates call and Metal lacks: Python's floor division and modulo, integer powers,
// erf, ... A kernel's text starts with those that it uses, and with no others:
//
//     preludeFor({"enigma_mod:int4", "enigma_erf:float"})
//
// is the integer template of enigma_mod followed by the float overload of enigma_erf. A name without a type
// brings all overloads. The text is C++14 for `using namespace metal`, safe under signed-overflow and
// divide-by-zero checks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enigma::msl {

/// The text of the functions in `used` and of those that they call, each once, callees first, in an order
/// that does not depend on the order of `used`; "" for none.
/// \param used "name" or "name:type", the type being the MSL type of the arguments ("float", "half4", "long",
/// ...).
/// \throws Error for a name that the prelude does not have, or has not for that type.
std::string preludeFor(std::span<const std::string_view> used);
inline std::string preludeFor(std::initializer_list<std::string_view> used) {
  return preludeFor(std::span(used.begin(), used.size()));
}

/// Every name of the prelude, sorted.
std::vector<std::string_view> preludeNames();

} // namespace enigma::msl
