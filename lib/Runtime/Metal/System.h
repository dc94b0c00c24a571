// SPDX-License-Identifier: MIT
//
// The system that runs, where Metal differs between releases.
#pragma once

#include "Objects.h"

namespace enigma::runtime::metal {

/// Of macOS: 15, 26, ...
inline NS::Integer systemMajor() {
  return NS::ProcessInfo::processInfo()->operatingSystemVersion().majorVersion;
}

/// With the build, such as "Version 15.1 (Build 24B83)": compiled code is good for one of them only.
inline std::string systemBuild() {
  return textOf(NS::ProcessInfo::processInfo()->operatingSystemVersionString());
}

inline Owned<NS::URL> urlOf(const std::string &path) {
  return owned(NS::URL::alloc()->initFileURLWithPath(stringOf(path).get()));
}

} // namespace enigma::runtime::metal
