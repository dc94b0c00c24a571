// SPDX-License-Identifier: MIT
// On a Mac. A machine without a Metal device fails: the suite is there to run on one.
#include "Conformance.h"
#include "enigma/Runtime/MetalDevice.h"

std::shared_ptr<enigma::runtime::Device> enigma::runtime::testing::conformanceDevice() {
  return metalDevice();
}
