// SPDX-License-Identifier: MIT
// The version of libenigma that is running, which may differ from the headers that a program was built with.
//
//   std::string_view v = enigma::support::version(); // "0.1.0"
#ifndef ENIGMA_SUPPORT_VERSION_H
#define ENIGMA_SUPPORT_VERSION_H

#include <string_view>

namespace enigma::support {

/// The version as "major.minor.patch".
std::string_view version();

/// The version of LLVM that libenigma was built with, as "22.1.8".
std::string_view llvmVersion();

/// The name that the linker gave to this very build, in hexadecimal: a change of any line of code, of LLVM or
/// of an option of the compiler gives another one. Empty where the linker gave none.
std::string_view buildId();

} // namespace enigma::support

#endif // ENIGMA_SUPPORT_VERSION_H
