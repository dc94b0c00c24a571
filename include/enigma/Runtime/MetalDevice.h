// SPDX-License-Identifier: MIT
//
// The device that runs kernels on a Metal GPU, behind the interface of Runtime/Device.h. It compiles Metal
// text in the process (no Xcode needed), keeps what it compiled, and shares memory with the CPU.
//
//   auto device = enigma::runtime::metalDevice();
//   auto pipeline = device->createPipeline({.kernel = descriptor, .metalSource = text});
//
// Where it differs from the CPU device: accesses out of bounds are not seen, and what is on the GPU cannot be
// stopped. A time-out or an interrupt ends the waiting; the launch goes on, later ones come after it, and its
// buffers stay alive until it is done. The time-out of a launch in the background is not used.
//
// Buffers of the device are used in place, and so is memory that the user has if it begins and ends at a
// page. Other memory of the user is copied to the GPU before a launch and back after it; a launch in the
// background on a view of such memory therefore runs at once.
//
// Not run on Apple hardware by this project's tests: they run these sources on a stand-in for Metal.
#pragma once

#include "enigma/Runtime/Device.h"

#include <string_view>

namespace enigma::runtime {

/// The process's device of that name (as `metalDeviceNames` gives it), or the system's default one. Throws
/// ErrorKind::Device where there is none.
std::shared_ptr<Device> metalDevice(std::string_view name = {});

/// The Metal devices of this machine; empty where there is no Metal.
std::vector<std::string> metalDeviceNames();

} // namespace enigma::runtime
