// SPDX-License-Identifier: MIT
#include "Conformance.h"

std::shared_ptr<enigma::runtime::Device> enigma::runtime::testing::conformanceDevice() {
  return hostDevice();
}
