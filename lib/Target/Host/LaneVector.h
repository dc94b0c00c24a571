// SPDX-License-Identifier: MIT
//
// Functions of whole vectors, each component a value in 32 lanes. The `host` fields of EnigmaVectorOps.td are
// calls of these:
//
//   let host = "dot(b, x, y)";        // b a LaneBuilder, x and y the Components of the operands
//
// Float functions compute in f32 and round once.
#pragma once

#include "MemoryEmitter.h"

#include <array>

namespace enigma::host {

Components dot(LaneBuilder &b, const Components &x, const Components &y);
Components length(LaneBuilder &b, const Components &x);
Components lengthSquared(LaneBuilder &b, const Components &x);
Components distance(LaneBuilder &b, const Components &x, const Components &y);
Components distanceSquared(LaneBuilder &b, const Components &x, const Components &y);
Components normalize(LaneBuilder &b, const Components &x);
Components cross(LaneBuilder &b, const Components &x, const Components &y);
Components reflect(LaneBuilder &b, const Components &i, const Components &n);
Components refract(LaneBuilder &b, const Components &i, const Components &n, const Components &eta);
Components faceForward(LaneBuilder &b, const Components &n, const Components &i, const Components &nref);

Components all(LaneBuilder &b, const Components &x);
Components any(LaneBuilder &b, const Components &x);

/// Component `index` (u32) of x, the last one where there are not so many.
Components extractAt(LaneBuilder &b, const Components &x, const Lanes &index);
/// The bits of all components of x as `count` components of another type; the first is in the lowest bits.
Components asType(LaneBuilder &b, const Components &x, ElementKind to, unsigned count);

/// How a word holds a vector (specification 7.7): bits of each component from the lowest on.
struct PackedFormat {
  std::array<uint8_t, 4> bits; ///< 0 for no component
  bool isSigned = false;       ///< from -1 to 1, else from 0 to 1
  bool isSrgb = false;         ///< but for the last component
};
inline constexpr PackedFormat kUnorm4x8{{8, 8, 8, 8}}, kSnorm4x8{{8, 8, 8, 8}, true},
    kSrgb4x8{{8, 8, 8, 8}, false, true}, kUnorm2x16{{16, 16, 0, 0}}, kSnorm2x16{{16, 16, 0, 0}, true},
    kUnorm10a2{{10, 10, 10, 2}};
Components pack(LaneBuilder &b, const Components &x, const PackedFormat &format);
Components unpack(LaneBuilder &b, const Components &x, const PackedFormat &format, ElementKind to);

} // namespace enigma::host
