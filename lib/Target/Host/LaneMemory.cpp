// SPDX-License-Identifier: MIT
//
// See LaneMemory.h.
#include "LaneMemory.h"

#include <bit>
#include <cstring>

namespace enigma::host {

[[gnu::cold, gnu::noinline]] void reportOutOfBounds(const LaneFrame &frame, const AccessSite &site,
                                                    uint32_t lane, bool isStore, uint64_t index,
                                                    uint64_t count) {
  uint32_t x = frame.x, y = frame.y, z = frame.z;
  if (frame.width == 0) {
    x += lane;
  } else {
    const uint32_t thread = frame.first + lane;
    x += thread % frame.width;
    y += thread / frame.width % frame.height;
    z += thread / frame.width / frame.height;
  }
  const uint32_t *grid = frame.launch->grid;
  const uint64_t linear = (static_cast<uint64_t>(z) * grid[1] + y) * grid[0] + x;
  frame.launch->outOfBounds->report(linear, x, y, z, site.site, site.param, isStore, !site.isIndexSigned,
                                    static_cast<int64_t>(index), count);
}

namespace {

using hostabi::BufferArg;
using hostabi::kLanes;

const BufferArg &memoryOf(const LaneFrame &frame, const AccessSite &site) {
  return site.space == AccessSite::Param ? frame.launch->args[site.param] : frame.arrays[site.array];
}

/// Calls each(lane, index) for active lanes in bounds, reports those out of bounds.
template <class IndexOf, class Each>
void forEachLane(const LaneFrame &frame, const AccessSite &site, uint32_t mask, bool isStore, IndexOf indexOf,
                 Each each) {
  const uint64_t count = memoryOf(frame, site).count;
  while (mask) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(mask));
    mask &= mask - 1;
    const uint64_t index = indexOf(lane);
    // A negative index is a huge unsigned one.
    if (!site.isChecked || (index < count && count - index >= (site.isWhole ? 1 : site.components)))
      each(lane, index);
    else
      reportOutOfBounds(frame, site, lane, isStore, index, count);
  }
}

/// Whether all 32 lanes are active and in bounds, for one element each: the common case, which needs no lane
/// looked at by itself. A loop without branches, for the compiler to vectorise.
template <class IndexOf>
bool allInBounds(const LaneFrame &frame, const AccessSite &site, uint32_t mask, IndexOf indexOf) {
  if (mask != ~0u || (site.components != 1 && !site.isWhole))
    return false;
  const uint64_t count = memoryOf(frame, site).count;
  bool all = true;
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    all &= indexOf(lane) < count;
  return all;
}

/// Where component c of element `index` lies in the memory of a lane.
uint64_t placeOf(const AccessSite &site, uint32_t lane, uint64_t index, uint32_t c) {
  if (site.space == AccessSite::Lane)
    return ((site.isWhole ? index * site.components : index) + c) * kLanes + lane;
  return (site.isWhole ? index * site.scalars() : index) + c;
}

template <class T, class IndexOf>
void load(const LaneFrame &frame, const AccessSite &site, uint32_t mask, IndexOf indexOf, void *values) {
  auto *out = static_cast<T *>(values);
  const auto *data = static_cast<const T *>(memoryOf(frame, site).data);
  const uint64_t scalars = site.scalars();
  if (allInBounds(frame, site, mask, indexOf)) {
    if (site.space == AccessSite::Lane)
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        for (uint32_t c = 0; c < site.components; ++c)
          out[lane * scalars + c] = data[placeOf(site, lane, indexOf(lane), c)];
    else if (site.components == 1)
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        out[lane] = data[indexOf(lane)];
    else
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        for (uint32_t c = 0; c < site.components; ++c)
          out[lane * scalars + c] = data[indexOf(lane) * scalars + c];
    return;
  }
  std::memset(out, 0, sizeof(T) * kLanes * scalars);
  forEachLane(frame, site, mask, false, indexOf, [&](uint32_t lane, uint64_t index) {
    for (uint32_t c = 0; c < site.components; ++c)
      out[lane * scalars + c] = data[placeOf(site, lane, index, c)];
  });
}

template <class T, class IndexOf>
void store(const LaneFrame &frame, const AccessSite &site, uint32_t mask, IndexOf indexOf,
           const void *values) {
  const auto *from = static_cast<const T *>(values);
  auto *data = static_cast<T *>(memoryOf(frame, site).data);
  const uint64_t scalars = site.scalars();
  if (allInBounds(frame, site, mask, indexOf)) {
    if (site.components == 1)
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        data[placeOf(site, lane, indexOf(lane), 0)] = from[lane];
    else
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        for (uint32_t c = 0; c < site.components; ++c)
          data[placeOf(site, lane, indexOf(lane), c)] = from[lane * scalars + c];
    return;
  }
  forEachLane(frame, site, mask, true, indexOf, [&](uint32_t lane, uint64_t index) {
    for (uint32_t c = 0; c < site.components; ++c)
      data[placeOf(site, lane, index, c)] = from[lane * scalars + c];
  });
}

/// Calls `with` with a value of the unsigned type that an element has.
template <class With>
void byElement(uint8_t bytes, With with) {
  switch (bytes) {
  case 1:
    return with(uint8_t());
  case 2:
    return with(uint16_t());
  case 4:
    return with(uint32_t());
  default:
    return with(uint64_t());
  }
}

/// Calls `with` with the function from lane to index. Those of 32 bits are a case of their own, by sign, so
/// that extending one is no shift by a variable.
template <class With>
void byIndex(const AccessSite &site, const void *indices, With with) {
  if (site.indexBits != 32)
    with([wide = static_cast<const uint64_t *>(indices)](uint32_t lane) { return wide[lane]; });
  else if (site.isIndexSigned)
    with([narrow = static_cast<const int32_t *>(indices)](uint32_t lane) {
      return uint64_t(int64_t(narrow[lane]));
    });
  else
    with([narrow = static_cast<const uint32_t *>(indices)](uint32_t lane) { return uint64_t(narrow[lane]); });
}

/// The index of lane l of a linear access: wrapped at its width, then extended by its own sign.
struct LinearIndex {
  uint64_t first;
  int64_t stride;
  unsigned shift;
  bool isSigned;
  uint64_t operator()(uint32_t lane) const {
    const uint64_t index = (first + lane * static_cast<uint64_t>(stride)) << shift;
    return isSigned ? static_cast<uint64_t>(static_cast<int64_t>(index) >> shift) : index >> shift;
  }
};
LinearIndex linearIndex(const AccessSite &site, uint64_t first, int64_t stride) {
  return {first, stride, 64u - site.indexBits, site.isIndexSigned};
}

} // namespace

void loadLinear(const LaneFrame *frame, const AccessSite *site, uint64_t first, int64_t stride, uint32_t mask,
                void *values) {
  byElement(site->bytes, [&](auto t) {
    load<decltype(t)>(*frame, *site, mask, linearIndex(*site, first, stride), values);
  });
}

void storeLinear(const LaneFrame *frame, const AccessSite *site, uint64_t first, int64_t stride,
                 uint32_t mask, const void *values) {
  byElement(site->bytes, [&](auto t) {
    store<decltype(t)>(*frame, *site, mask, linearIndex(*site, first, stride), values);
  });
}

void loadVarying(const LaneFrame *frame, const AccessSite *site, const void *indices, uint32_t mask,
                 void *values) {
  byElement(site->bytes, [&](auto t) {
    byIndex(*site, indices, [&](auto indexOf) { load<decltype(t)>(*frame, *site, mask, indexOf, values); });
  });
}

void storeVarying(const LaneFrame *frame, const AccessSite *site, const void *indices, uint32_t mask,
                  const void *values) {
  byElement(site->bytes, [&](auto t) {
    byIndex(*site, indices, [&](auto indexOf) { store<decltype(t)>(*frame, *site, mask, indexOf, values); });
  });
}

} // namespace enigma::host
