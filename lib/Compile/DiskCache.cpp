// SPDX-License-Identifier: MIT
//
// See DiskCache.h. No lock and no state but counters: every call opens the folder anew, so that it may be
// removed, replaced or filled by others at any time, and a fork finds nothing half done.
#include "enigma/Compile/DiskCache.h"

#include "Folder.h"
#include "enigma/Support/Hash.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace enigma::compile {
namespace {

/// What a file begins with. The numbers are in this machine's byte order, which the build in the identity
/// implies.
struct Head {
  char magic[8];
  uint64_t identity = 0, bytes = 0; ///< lengths of what follows: the identity, then the bytes
  uint64_t sum[2] = {};             ///< of both
};
constexpr char kMagic[8] = {'E', 'n', 'i', 'g', 'm', 'a', 'C', '1'};
/// A file that nobody touched for that long was left by a process that died.
constexpr time_t kOldestTemporary = 3600;
/// How often the folder is looked through: once for each 1/64 of the limit that is written, on average.
constexpr uint64_t kLooksPerLimit = 64;
/// Down to which part of the limit room is made, so that the next store does not have to do it again.
constexpr uint64_t kKeepPercent = 75;

Hash128 sumOf(std::string_view identity, std::string_view bytes) {
  Hasher h;
  h.text(identity);
  h.text(bytes);
  return h.finish();
}

/// The kind and the identity as one text; a kind holds no zero byte.
std::string fullIdentity(std::string_view kind, std::string_view identity) {
  return std::string(kind).append(1, '\0').append(identity);
}

std::string fileName(std::string_view full) {
  Hasher h;
  h.text(full);
  return h.finish().str() + Folder::suffix;
}

bool readAll(int file, void *into, size_t bytes) {
  auto *at = static_cast<char *>(into);
  while (bytes) {
    const ssize_t n = read(file, at, bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    bytes -= size_t(n);
  }
  return true;
}

bool writeAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

/// Of a name that no other process or thread uses.
std::string temporaryName() {
  static std::atomic<uint64_t> count{0};
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  Hasher h;
  h.word(uint64_t(getpid()));
  h.word(count.fetch_add(1));
  h.word(uint64_t(now.tv_sec) * 1'000'000'000u + uint64_t(now.tv_nsec));
  return h.finish().str() + Folder::temporarySuffix;
}

} // namespace

DiskCache::DiskCache(std::string folder, uint64_t most) : path(std::move(folder)), limit(most) {}

DiskCache *DiskCache::none(std::string reason) {
  auto *off = new DiskCache;
  off->why = std::move(reason);
  return off;
}

bool DiskCache::load(std::string_view kind, std::string_view identity, std::string &bytes) {
  if (!isOpen())
    return false;
  const std::string full = fullIdentity(kind, identity);
  const Folder folder(path, Folder::Missing::stays);
  const Descriptor file = folder.isUsable() ? folder.open(fileName(full)) : Descriptor();
  if (!file) {
    misses.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  struct stat status;
  Head head;
  std::string found;
  const bool isEntry = fstat(file.number(), &status) == 0 && S_ISREG(status.st_mode) &&
                       status.st_uid == geteuid() && uint64_t(status.st_size) >= sizeof head &&
                       readAll(file.number(), &head, sizeof head) &&
                       std::memcmp(head.magic, kMagic, sizeof kMagic) == 0 && head.identity == full.size() &&
                       head.bytes == uint64_t(status.st_size) - sizeof head - head.identity;
  bool isGood = false;
  if (isEntry) {
    found.resize(size_t(head.identity));
    bytes.resize(size_t(head.bytes));
    isGood = readAll(file.number(), found.data(), found.size()) && found == full &&
             readAll(file.number(), bytes.data(), bytes.size());
    const Hash128 sum = sumOf(found, bytes);
    isGood = isGood && sum.high == head.sum[0] && sum.low == head.sum[1];
  }
  if (!isGood) {
    bytes.clear();
    rejected.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  futimens(file.number(), nullptr); // now: the time of the last use
  hits.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void DiskCache::store(std::string_view kind, std::string_view identity, std::string_view bytes) {
  if (!isOpen())
    return;
  const std::string full = fullIdentity(kind, identity);
  const Hash128 sum = sumOf(full, bytes);
  Head head;
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  head.identity = full.size();
  head.bytes = bytes.size();
  head.sum[0] = sum.high;
  head.sum[1] = sum.low;

  const Folder folder(path, Folder::Missing::isMade);
  const uint64_t whole = sizeof head + full.size() + bytes.size();
  const bool fits = whole <= limit / 2;
  const std::string temporary = temporaryName();
  Descriptor file = folder.isUsable() && fits ? folder.create(temporary) : Descriptor();
  if (!file) {
    failures.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  bool isDone = writeAll(file.number(), {reinterpret_cast<const char *>(&head), sizeof head}) &&
                writeAll(file.number(), full) && writeAll(file.number(), bytes);
  isDone = file.close() && isDone && folder.rename(temporary, fileName(full));
  if (!isDone) {
    folder.remove(temporary);
    failures.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  stores.fetch_add(1, std::memory_order_relaxed);

  // By chance, so that processes that write little also look now and then; each look costs a walk of the
  // folder. The sum is as good as a die.
  const uint64_t between = std::max<uint64_t>(limit / kLooksPerLimit, 1);
  if (sum.low % between < whole)
    makeRoom(folder);
}

void DiskCache::makeRoom(const Folder &folder) {
  std::vector<FolderEntry> entries = folder.entries();
  uint64_t total = 0;
  const time_t now = time(nullptr);
  for (const FolderEntry &entry : entries) {
    total += entry.bytes;
    if (entry.isTemporary && entry.used.tv_sec + kOldestTemporary < now)
      folder.remove(entry.name);
  }
  if (total <= limit)
    return;
  std::sort(entries.begin(), entries.end(), [](const FolderEntry &a, const FolderEntry &b) {
    return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec : a.used.tv_nsec < b.used.tv_nsec;
  });
  for (const FolderEntry &entry : entries) {
    if (total <= limit / 100 * kKeepPercent)
      break;
    if (entry.isTemporary)
      continue;
    total -= entry.bytes;
    if (folder.remove(entry.name))
      evictions.fetch_add(1, std::memory_order_relaxed);
  }
}

DiskCacheInfo DiskCache::info() const {
  DiskCacheInfo out;
  out.folder = path;
  out.off = why;
  out.limit = limit;
  out.hits = hits.load();
  out.misses = misses.load();
  out.rejected = rejected.load();
  out.stores = stores.load();
  out.failures = failures.load();
  out.evictions = evictions.load();
  if (!isOpen())
    return out;
  const Folder folder(path, Folder::Missing::stays);
  if (!folder.isUsable()) {
    out.off = folder.problem(); // a folder that is not there yet is no problem
    return out;
  }
  for (const FolderEntry &entry : folder.entries())
    if (!entry.isTemporary) {
      ++out.entries;
      out.bytes += entry.bytes;
    }
  return out;
}

void DiskCache::clear() {
  if (!isOpen())
    return;
  const Folder folder(path, Folder::Missing::stays);
  if (!folder.isUsable())
    return;
  const time_t now = time(nullptr);
  for (const FolderEntry &entry : folder.entries()) // not what others are writing
    if (!entry.isTemporary || entry.used.tv_sec + kOldestTemporary < now)
      folder.remove(entry.name);
}

namespace {

std::string_view variable(const char *name) {
  const char *text = std::getenv(name);
  return text ? text : "";
}

/// The platform's folder; "" and a reason where it cannot be told.
std::string defaultFolder(std::string &why) {
  const std::string home(variable("HOME"));
#if defined(__APPLE__)
  const std::string caches = home.empty() ? "" : home + "/Library/Caches";
#else
  const std::string_view xdg = variable("XDG_CACHE_HOME"); // "must be absolute", else it is to be ignored
  const std::string caches = xdg.starts_with('/') ? std::string(xdg) : home.empty() ? "" : home + "/.cache";
#endif
  if (caches.empty())
    why = "HOME is not set, and neither is ENIGMA_CACHE_DIR";
  return caches.empty() ? "" : caches + "/enigma";
}

DiskCache *fromEnvironment() {
  const std::string_view use = variable("ENIGMA_CACHE");
  if (use == "0")
    return DiskCache::none("ENIGMA_CACHE=0");
  if (!use.empty() && use != "1")
    return DiskCache::none("ENIGMA_CACHE must be 0 or 1, got '" + std::string(use) + "'");
  constexpr uint64_t mebi = 1 << 20, mostMebi = 1 << 20;
  uint64_t limit = 256;
  if (const std::string size(variable("ENIGMA_CACHE_SIZE")); !size.empty()) {
    char *end = nullptr;
    errno = 0;
    limit = std::strtoull(size.c_str(), &end, 10);
    if (*end || errno || size[0] < '0' || size[0] > '9' || limit == 0 || limit > mostMebi)
      return DiskCache::none("ENIGMA_CACHE_SIZE must be a number of MiB from 1 to 1048576, got '" + size +
                             "'");
  }
  std::string why, folder(variable("ENIGMA_CACHE_DIR"));
  if (folder.empty())
    folder = defaultFolder(why);
  else if (folder[0] != '/')
    why = "ENIGMA_CACHE_DIR must be an absolute path, got '" + folder + "'";
  if (!why.empty())
    return DiskCache::none(why);
  return new DiskCache(folder, limit * mebi);
}

} // namespace

DiskCache &diskCache() {
  static DiskCache *cache =
      fromEnvironment(); // never destroyed: kernels may be compiled while the process ends
  return *cache;
}

} // namespace enigma::compile
