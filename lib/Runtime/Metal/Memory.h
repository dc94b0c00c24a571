// SPDX-License-Identifier: MIT
//
// Memory that the GPU can use. An Allocation is one Metal buffer and the addresses it covers; the MemoryMap
// knows all that are alive, so that the user's pointer into one of them (an array that shares a buffer's
// memory) finds its way back to it. Metal orders launches that use the same Metal buffer, so no two of them
// may cover the same memory.
//
//   auto memory = map->allocate(4096);
//   map->find(data, bytes);           // the allocation that holds these bytes, or null
#pragma once

#include "Objects.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace enigma::runtime::metal {

class MemoryMap;

/// One Metal buffer. Alive, with what it keeps, until the last user and the last launch on it are done.
class Allocation {
public:
  Allocation(std::shared_ptr<MemoryMap> in, Owned<MTL::Buffer> of, char *from, std::shared_ptr<void> keeps);
  ~Allocation();
  Allocation(const Allocation &) = delete;
  Allocation &operator=(const Allocation &) = delete;

  MTL::Buffer *buffer() const { return object.get(); }
  char *data() const { return begin; }
  /// Where an address lies in the Metal buffer, in bytes.
  uint64_t offsetOf(const void *address) const {
    return uint64_t(static_cast<const char *>(address) - static_cast<char *>(object->contents()));
  }

private:
  friend class MemoryMap;
  std::shared_ptr<MemoryMap> map;
  Owned<MTL::Buffer> object;
  char *begin;
  std::shared_ptr<void> owner;
};

class MemoryMap : public std::enable_shared_from_this<MemoryMap> {
public:
  MemoryMap(Owned<MTL::Device> on, uint64_t longestBuffer);
  ~MemoryMap();

  /// All buffers of this map, which the queue keeps resident so that no launch has to ask for them; null
  /// before macOS 15.
  const Owned<MTL::ResidencySet> &residency() const { return resident; }

  /// Zeros, 64-byte aligned. Throws ErrorKind::Device when there is not enough.
  std::shared_ptr<Allocation> allocate(uint64_t bytes);
  /// The user's memory as it is; null if it does not begin and end at a page, lies across another allocation,
  /// or Metal refuses it.
  std::shared_ptr<Allocation> adopt(void *data, uint64_t bytes, std::shared_ptr<void> owner);
  std::shared_ptr<Allocation> find(const void *data, uint64_t bytes);
  /// Whether any byte of it belongs to an allocation.
  bool overlaps(const void *data, uint64_t bytes);

  /// A buffer of at least that size for copies, and its way back.
  Owned<MTL::Buffer> borrow(uint64_t bytes);
  void giveBack(Owned<MTL::Buffer> buffer);

private:
  friend class Allocation;
  struct Range {
    uintptr_t end = 0; // past the last byte
    std::weak_ptr<Allocation> allocation;
  };
  Owned<MTL::Buffer> newBuffer(uint64_t bytes);
  void enter(MTL::Buffer &buffer);
  void leave(MTL::Buffer &buffer);
  bool isTaken(uintptr_t begin, uintptr_t end) const;

  Owned<MTL::Device> device;
  uint64_t longest;
  Owned<MTL::ResidencySet> resident;
  std::mutex residentMutex;
  std::mutex mutex;
  std::map<uintptr_t, Range> alive; // by first address; disjoint
  std::vector<Owned<MTL::Buffer>> spare;
  uint64_t spareBytes = 0;
};

} // namespace enigma::runtime::metal
