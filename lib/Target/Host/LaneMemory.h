// SPDX-License-Identifier: MIT
//
// Memory accesses that generated code does not inline: lanes that are masked out, scattered, or out of
// bounds. They touch memory only for active lanes whose index is in bounds; an active lane out of bounds is
// reported to the launch, and its load gives 0.
//
// Generated code passes an AccessSite (a constant) and either a first index and a stride, or one index per
// lane. Values lie as they would in memory side by side: component c of lane l is values[l * components + c].
#pragma once

#include "enigma/Support/HostAbi.h"

#include <cstdint>

namespace enigma::host {

/// Where the 32 lanes are in the grid. Generated code keeps one per entry and updates it per block.
struct LaneFrame {
  const hostabi::LaunchContext *launch;
  uint32_t x, y, z;                 ///< of lane 0 (flat), or of the threadgroup's first thread (grouped)
  uint32_t width, height;           ///< of the threadgroup as it is (grouped); 0 when flat
  uint32_t first;                   ///< linear index in the threadgroup of lane 0 (grouped)
  const hostabi::BufferArg *arrays; ///< memory of the kernel's own, in the order of KernelDescriptor::arrays
};

/// One load or store of the kernel.
struct AccessSite {
  uint32_t site; ///< number for the caller's line table
  uint32_t param;
  uint8_t bytes;      ///< per element: 1, 2, 4, 8
  uint8_t components; ///< consecutive elements per lane: 1 to 4
  uint8_t indexBits;  ///< 8 to 64: indices wrap at this width
  bool isIndexSigned;
  bool isChecked; ///< false: trust the indices
  enum Space : uint8_t {
    Param, ///< launch->args[param]
    Array, ///< arrays[array]
    Lane,  ///< arrays[array], where element i of lane l is number 32 * i + l
  };
  uint8_t space;
  uint16_t array;
  bool isWhole; ///< elements are vectors of `components`, one per lane; `bytes` is of a component

  /// Scalars that a lane has in `values`, and a whole element in memory: a vector of 3 is as large as one
  /// of 4.
  uint32_t scalars() const { return components == 3 ? 4 : components; }
};

/// Tells the launch of an active lane out of bounds.
void reportOutOfBounds(const LaneFrame &frame, const AccessSite &site, uint32_t lane, bool isStore,
                       uint64_t index, uint64_t count);

// A linear access: the index of lane l is first + l * stride, wrapped at the index's width. A varying one:
// indices[l], an array of i32/u32 where indexBits is 32, else of i64/u64 (narrower ones are extended by their
// own sign). `mask` has one bit per lane. `values` has a lane's components side by side.
void loadLinear(const LaneFrame *frame, const AccessSite *site, uint64_t first, int64_t stride, uint32_t mask,
                void *values);
void storeLinear(const LaneFrame *frame, const AccessSite *site, uint64_t first, int64_t stride,
                 uint32_t mask, const void *values);
void loadVarying(const LaneFrame *frame, const AccessSite *site, const void *indices, uint32_t mask,
                 void *values);
void storeVarying(const LaneFrame *frame, const AccessSite *site, const void *indices, uint32_t mask,
                  const void *values);

} // namespace enigma::host
