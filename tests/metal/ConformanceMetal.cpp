// SPDX-License-Identifier: MIT
#include "Conformance.h"
#include "Metal/MetalDevice.h"

std::shared_ptr<enigma::runtime::Device> enigma::runtime::testing::conformanceDevice() {
  return metal::makeDevice("");
}
