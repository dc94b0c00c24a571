// SPDX-License-Identifier: MIT
//
// One text of the prelude; see Prelude.cpp for what its family makes of it.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace enigma::msl {

enum class Family { Integers, Floats, Bfloats, Longs };

struct Entry {
  std::string_view name;
  Family family;
  int arity;
  std::string_view element; ///< scalar result type where it is not that of the arguments
  std::string_view callee;  ///< the one other entry that it needs
  std::string_view text;
  std::array<std::string_view, 2> lanes{}; ///< ushort arguments behind those of the type
};

/// Operations among lanes of 64-bit integers, callees before callers.
std::span<const Entry> laneEntries();

} // namespace enigma::msl
