// SPDX-License-Identifier: MIT
//
// What enigma.cache shows, and the disk cache for what Python builds itself (metallibs).
#include "cache.h"

#include "enigma/Compile/Compile.h"
#include "enigma/Compile/DiskCache.h"
#include "enigma/Support/Version.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

nb::dict statistics(const compile::CacheStatistics &s) {
  nb::dict out;
  out["hits"] = s.hits;
  out["misses"] = s.misses;
  out["entries"] = s.entries;
  return out;
}

nb::dict diskInfo() {
  compile::DiskCacheInfo info;
  {
    nb::gil_scoped_release release;
    info = compile::diskCache().info();
  }
  nb::dict out;
  out["folder"] = info.folder;
  out["off"] = info.off;
  out["limit"] = info.limit;
  out["entries"] = info.entries;
  out["bytes"] = info.bytes;
  out["hits"] = info.hits;
  out["misses"] = info.misses;
  out["rejected"] = info.rejected;
  out["stores"] = info.stores;
  out["failures"] = info.failures;
  out["evictions"] = info.evictions;
  return out;
}

std::string identityOfThisBuild(const std::string &identity) {
  return identity + " " + std::string(support::buildId());
}

} // namespace

void bindCache(nb::module_ &module) {
  using nb::arg;
  module.def(
      "cache_statistics", [] { return statistics(compile::cacheStatistics()); },
      "Hits, misses and entries of the cache of compiled kernels.");
  module.def(
      "host_code_statistics", [] { return statistics(compile::hostCodeStatistics()); },
      "Hits, misses and entries of the cache of code for the CPU.");
  module.def("contexts_made", &compile::contextsMade, "MLIR contexts that the process has made.");
  module.def("disk_cache_info", diskInfo, "The folder of the disk cache, and what was done with it.");
  module.def("clear_cache", &compile::clearCache, "Forgets all compiled kernels.");
  module.def(
      "clear_disk_cache", [] { compile::diskCache().clear(); }, nb::call_guard<nb::gil_scoped_release>(),
      "Removes the entries of the disk cache.");
  module.def(
      "disk_cache_load",
      [](const std::string &kind, const std::string &identity) -> nb::object {
        std::string bytes;
        if (!compile::diskCache().load(kind, identityOfThisBuild(identity), bytes))
          return nb::none();
        return nb::bytes(bytes.data(), bytes.size());
      },
      arg("kind"), arg("identity"), "The bytes stored under an identity, or None.");
  module.def(
      "disk_cache_store",
      [](const std::string &kind, const std::string &identity, nb::bytes bytes) {
        compile::diskCache().store(kind, identityOfThisBuild(identity), {bytes.c_str(), bytes.size()});
      },
      arg("kind"), arg("identity"), arg("data"), "Keeps bytes under an identity.");
}

} // namespace enigma::bindings
