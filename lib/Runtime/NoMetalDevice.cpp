// SPDX-License-Identifier: MIT
//
// Runtime/MetalDevice.h on systems without Metal. Nothing here pretends to be a GPU.
#include "enigma/Runtime/MetalDevice.h"

namespace enigma::runtime {

std::shared_ptr<Device> metalDevice(std::string_view) {
#if defined(__APPLE__)
  const char *why = "no Metal device: Enigma was built without Metal";
#elif defined(__linux__)
  const char *why = "no Metal device: this is Linux";
#else
  const char *why = "no Metal device: this is not macOS";
#endif
  throw Error(ErrorKind::Device, why, {}, {"enigma.HostRuntime() runs the same compiled kernels on the CPU"});
}

std::vector<std::string> metalDeviceNames() { return {}; }

} // namespace enigma::runtime
