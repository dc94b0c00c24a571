// SPDX-License-Identifier: MIT
//
// What the GPU does between two points, as a .gputrace document for Xcode.
#pragma once

#include "Objects.h"

namespace enigma::runtime::metal {

/// Begins to record the work of a device. Throws ErrorKind::Device with Metal's reason.
void startCapture(MTL::Device &device, const std::string &path);
/// Writes the document.
void stopCapture();

} // namespace enigma::runtime::metal
