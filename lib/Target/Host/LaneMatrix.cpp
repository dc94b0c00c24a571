// SPDX-License-Identifier: MIT
//
// See LaneMatrix.h.
#include "LaneMatrix.h"

#include <cstring>

namespace enigma::host {
namespace {

/// Calls each(row, column, index) for the elements in bounds, and reports the others.
template <class Each>
void forEachElement(const LaneFrame &frame, const AccessSite &site, bool isStore, uint64_t count,
                    uint64_t index, uint64_t stride, Each each) {
  for (uint32_t row = 0; row < kMatrix; ++row)
    for (uint32_t column = 0; column < kMatrix; ++column) {
      // A negative index is a huge unsigned one.
      const uint64_t at = index + row * stride + column;
      if (at < count)
        each(row, column, at);
      else
        reportOutOfBounds(frame, site, matrixLane(row, column), isStore, at, count);
    }
}

} // namespace

void matrixLoad(const LaneFrame *frame, const AccessSite *site, const void *data, uint64_t count,
                uint64_t index, uint64_t stride, void *values) {
  auto *out = static_cast<std::byte *>(values);
  const auto *from = static_cast<const std::byte *>(data);
  const size_t bytes = site->bytes;
  std::memset(out, 0, kMatrix * kMatrix * bytes);
  forEachElement(*frame, *site, false, count, index, stride, [&](uint32_t row, uint32_t column, uint64_t at) {
    std::memcpy(out + (row * kMatrix + column) * bytes, from + at * bytes, bytes);
  });
}

void matrixStore(const LaneFrame *frame, const AccessSite *site, void *data, uint64_t count, uint64_t index,
                 uint64_t stride, const void *values) {
  auto *to = static_cast<std::byte *>(data);
  const auto *from = static_cast<const std::byte *>(values);
  const size_t bytes = site->bytes;
  forEachElement(*frame, *site, true, count, index, stride, [&](uint32_t row, uint32_t column, uint64_t at) {
    std::memcpy(to + at * bytes, from + (row * kMatrix + column) * bytes, bytes);
  });
}

} // namespace enigma::host
