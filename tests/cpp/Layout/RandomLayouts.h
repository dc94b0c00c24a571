// SPDX-License-Identifier: MIT
//
// Checks of the algebra's laws on layouts made from a stream of bytes: random numbers in the tests, the
// fuzzer's input there. Every check evaluates both sides position by position; a refusal (LayoutError) is a
// fine answer, a wrong layout is not.
#ifndef ENIGMA_TESTS_LAYOUT_RANDOMLAYOUTS_H
#define ENIGMA_TESTS_LAYOUT_RANDOMLAYOUTS_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace enigma::layout::laws {

/// Runs a handful of laws on layouts drawn from the bytes. Returns "" or what was violated, with the layouts.
std::string check(const uint8_t *data, size_t size);

/// Numbers of laws that were answered and refused since the start, so that a test can tell that it tested
/// something.
struct Counts {
  long answered = 0, refused = 0;
};
Counts &counts();

} // namespace enigma::layout::laws

#endif
