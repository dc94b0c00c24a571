// SPDX-License-Identifier: MIT
//
// From Metal text to pipeline states, in the process. Equal text with equal options is compiled once; the
// least recently used states go when there are many.
//
//   auto state = cache.get(source);     // throws ErrorKind::Compile with the compiler's text
#pragma once

#include "Objects.h"
#include "enigma/Runtime/Device.h"

#include <list>
#include <mutex>
#include <unordered_map>

namespace enigma::runtime::metal {

class PipelineCache {
public:
  explicit PipelineCache(Owned<MTL::Device> on) : device(std::move(on)) {}
  Owned<MTL::ComputePipelineState> get(const PipelineSource &source);

private:
  /// Made once for all pipelines of a text with function constants.
  Owned<MTL::Library> libraryOf(const PipelineSource &source);
  Owned<MTL::Library> makeLibrary(const PipelineSource &source) const;
  Owned<MTL::Function> functionOf(const PipelineSource &source, MTL::Library &library) const;
  Owned<MTL::ComputePipelineState> build(const PipelineSource &source, const std::string &key);

  struct Entry {
    std::string key;
    Owned<MTL::ComputePipelineState> state;
  };
  Owned<MTL::Device> device;
  std::mutex mutex;
  std::list<Entry> recent;                                          // the last used first
  std::list<std::pair<std::string, Owned<MTL::Library>>> libraries; // by libraryKeyOf, the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> byKey;
};

} // namespace enigma::runtime::metal
