// SPDX-License-Identifier: MIT
//
// What the disk cache keeps of a kernel, as bytes. Everything in these structures is written, and a new
// member does not compile until it is (Stored.cpp): a kernel from the disk has nothing left out.
//
//   store.store("host", identity, encode(descriptor, sites, object));
//   if (store.load("host", identity, bytes) && decode(bytes, descriptor, sites, object)) ...
#pragma once

#include "enigma/Support/Hash.h"
#include "enigma/Support/HostAbi.h"
#include "enigma/Target/MSL/Emit.h"

#include <string>
#include <string_view>
#include <vector>

namespace enigma::compile {

/// What equal keys share: the text, and by `structure` the host code.
struct Artifact {
  msl::MslText text;
  Hash128 structure; ///< without names: names the host code
};

std::string encode(const Artifact &artifact);
/// False, with a partly filled artifact, where the bytes are not what `encode` makes.
bool decode(std::string_view bytes, Artifact &artifact);

/// Without `entry`: linking gives it. `object` is a view of `bytes`.
std::string encode(const hostabi::KernelDescriptor &kernel, const std::vector<uint32_t> &sites,
                   std::string_view object);
bool decode(std::string_view bytes, hostabi::KernelDescriptor &kernel, std::vector<uint32_t> &sites,
            std::string_view &object);

} // namespace enigma::compile
