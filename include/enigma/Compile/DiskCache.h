// SPDX-License-Identifier: MIT
//
// Compiled code that outlives the process: one file per entry in a folder that all processes of one user
// share. A new process finds there what an earlier one compiled, and compiles nothing.
//
//   DiskCache cache(folder, 256 << 20);
//   cache.store("host", identity, object);
//   std::string bytes;
//   if (cache.load("host", identity, bytes)) ...
//
// An identity says everything that the bytes depend on (the IR, options, the build of this library, the CPU),
// so nothing in the folder is ever out of date. A file begins with its kind, its identity and a sum of all of
// it; one that does not match is as good as none, and the next store replaces it. Files are written beside
// their place and renamed into it, so a reader sees a whole file or none. When there is more than the limit,
// what was used least recently goes.
//
// What is loaded is executed. The folder must therefore be the user's own: it is made for the user alone
// (0700), and one that belongs to, or can be written by, somebody else is not used.
//
// Nothing here throws or waits for another process: what does not work makes a miss, and `info` says why.
#pragma once

#include "enigma/Runtime/CodeStore.h"
#include "enigma/Support/Export.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace enigma::compile {

class Folder;

/// What this process did with a folder, and what lies in it now.
struct DiskCacheInfo {
  std::string folder;     ///< where the entries are; empty when there is no cache
  std::string off;        ///< why nothing is kept; empty while it works
  uint64_t limit = 0;     ///< bytes that all files may take together
  uint64_t entries = 0;   ///< files in the folder
  uint64_t bytes = 0;     ///< that they take
  uint64_t hits = 0;      ///< entries that were loaded
  uint64_t misses = 0;    ///< entries that were not there
  uint64_t rejected = 0;  ///< files that did not match: damaged, or of somebody else
  uint64_t stores = 0;    ///< entries that were written
  uint64_t failures = 0;  ///< entries that could not be written
  uint64_t evictions = 0; ///< files that made room
};

class ENIGMA_API DiskCache final : public runtime::CodeStore {
public:
  /// A cache in `folder` (an absolute path; made with the first store) of about `limit` bytes.
  DiskCache(std::string folder, uint64_t limit);
  /// No cache, for a reason.
  static DiskCache *none(std::string why);

  bool load(std::string_view kind, std::string_view identity, std::string &bytes) override;
  void store(std::string_view kind, std::string_view identity, std::string_view bytes) override;
  bool isOpen() const override { return !path.empty(); }

  /// Reads the folder, so it takes a while.
  DiskCacheInfo info() const;
  /// Removes every entry of the folder, whoever made it. Other files stay.
  void clear();

private:
  DiskCache() = default;
  void makeRoom(const Folder &folder);

  std::string path, why;
  uint64_t limit = 0;
  std::atomic<uint64_t> hits{0}, misses{0}, rejected{0}, stores{0}, failures{0}, evictions{0};
};

/// The process's cache. The environment is read at the first call:
///   ENIGMA_CACHE=0            keeps nothing on disk
///   ENIGMA_CACHE_DIR=path     the folder; by default ~/Library/Caches/enigma on macOS, elsewhere
///                             $XDG_CACHE_HOME/enigma or ~/.cache/enigma
///   ENIGMA_CACHE_SIZE=MiB     the limit, 256 by default
ENIGMA_API DiskCache &diskCache();

} // namespace enigma::compile
