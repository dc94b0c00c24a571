// SPDX-License-Identifier: MIT
// The two version strings; the build passes them in, so that they are written down once, in CMakeLists.txt.
#include "enigma/Support/Version.h"

std::string_view enigma::support::version() { return ENIGMA_VERSION_STRING; }

std::string_view enigma::support::llvmVersion() { return ENIGMA_LLVM_VERSION_STRING; }
