// SPDX-License-Identifier: MIT
//
// Identifiers of one function: the user's names made valid in MSL, each given once.
#pragma once

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace enigma::msl {

class Names {
public:
  /// A new identifier made of the wish: keywords and names of Metal get an underscore, what is taken a
  /// number. An empty wish gives v0, v1, ...
  std::string claim(llvm::StringRef wish);
  /// Gives back a name that claim("") made and that stands nowhere.
  void release(llvm::StringRef name);

private:
  llvm::StringMap<int> taken;
  int next = 0;
};

} // namespace enigma::msl
