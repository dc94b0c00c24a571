// SPDX-License-Identifier: MIT
//
// See Memory.h.
#include "Memory.h"

#include "System.h"
#include "enigma/Support/Error.h"

#include <algorithm>
#include <unistd.h>

namespace enigma::runtime::metal {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kLeastBytes = 64; // Metal has no empty buffers
constexpr uint64_t kMostSpareBytes = uint64_t(256) << 20;

uintptr_t address(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); }

} // namespace

Allocation::Allocation(std::shared_ptr<MemoryMap> in, Owned<MTL::Buffer> of, char *from,
                       std::shared_ptr<void> keeps)
    : map(std::move(in)), object(std::move(of)), begin(from), owner(std::move(keeps)) {}

Allocation::~Allocation() {
  map->leave(*object.get());
  // Off the map before the memory goes: another thread may be given the same address at once.
  std::lock_guard lock(map->mutex);
  const auto entry = map->alive.find(address(begin));
  if (entry != map->alive.end() && entry->second.allocation.expired()) // else it is a newer one's
    map->alive.erase(entry);
}

MemoryMap::MemoryMap(Owned<MTL::Device> on, uint64_t longestBuffer)
    : device(std::move(on)), longest(longestBuffer) {
  const Pool pool;
  if (systemMajor() < 15)
    return;
  auto descriptor = owned(MTL::ResidencySetDescriptor::alloc()->init());
  NS::Error *ignored = nullptr; // without a set every launch asks for its buffers, as before macOS 15
  resident = owned(device->newResidencySet(descriptor.get(), &ignored));
}

MemoryMap::~MemoryMap() {
  for (const auto &buffer : spare)
    leave(*buffer.get());
}

void MemoryMap::enter(MTL::Buffer &buffer) {
  if (!resident)
    return;
  std::lock_guard lock(residentMutex);
  resident->addAllocation(&buffer);
  resident->commit();
}

void MemoryMap::leave(MTL::Buffer &buffer) {
  if (!resident)
    return;
  std::lock_guard lock(residentMutex);
  resident->removeAllocation(&buffer);
  resident->commit();
}

Owned<MTL::Buffer> MemoryMap::newBuffer(uint64_t bytes) {
  if (bytes <= longest)
    if (auto buffer = owned(device->newBuffer(bytes, MTL::ResourceStorageModeShared))) {
      enter(*buffer.get());
      return buffer;
    }
  throw Error(ErrorKind::Device, "cannot allocate " + std::to_string(bytes) +
                                     " bytes; the GPU takes buffers of up to " + std::to_string(longest) +
                                     " bytes, as long as there is memory");
}

std::shared_ptr<Allocation> MemoryMap::allocate(uint64_t bytes) {
  const Pool pool;
  const uint64_t wanted = std::max(bytes, kLeastBytes);
  auto buffer = newBuffer(wanted);
  if (address(buffer->contents()) % kAlignment) {
    leave(*buffer.get());
    buffer = newBuffer(wanted + kAlignment);
  }
  const uintptr_t first = address(buffer->contents());
  char *begin = static_cast<char *>(buffer->contents()) + (kAlignment - first % kAlignment) % kAlignment;
  auto made = std::make_shared<Allocation>(shared_from_this(), std::move(buffer), begin, nullptr);
  std::lock_guard lock(mutex);
  alive[address(begin)] = {address(begin) + wanted, made};
  return made;
}

std::shared_ptr<Allocation> MemoryMap::adopt(void *data, uint64_t bytes, std::shared_ptr<void> owner) {
  const auto page = uint64_t(sysconf(_SC_PAGESIZE));
  if (!bytes || address(data) % page || bytes % page || bytes > longest)
    return nullptr;
  const Pool pool;
  // Two threads that adopt the same memory at once must not both do so.
  std::unique_lock lock(mutex);
  if (isTaken(address(data), address(data) + bytes))
    return nullptr;
  auto buffer = owned(device->newBuffer(data, bytes, MTL::ResourceStorageModeShared, nullptr));
  if (!buffer)
    return nullptr;
  enter(*buffer.get());
  auto made = std::make_shared<Allocation>(shared_from_this(), std::move(buffer), static_cast<char *>(data),
                                           std::move(owner));
  alive[address(data)] = {address(data) + bytes, made};
  return made;
}

std::shared_ptr<Allocation> MemoryMap::find(const void *data, uint64_t bytes) {
  std::lock_guard lock(mutex);
  auto after = alive.upper_bound(address(data));
  if (after == alive.begin())
    return nullptr;
  const Range &range = std::prev(after)->second;
  return address(data) + bytes <= range.end ? range.allocation.lock() : nullptr;
}

bool MemoryMap::isTaken(uintptr_t begin, uintptr_t end) const {
  for (auto it = alive.lower_bound(end); it != alive.begin();) {
    --it;
    if (it->second.end <= begin)
      return false;
    if (!it->second.allocation.expired())
      return true;
  }
  return false;
}

bool MemoryMap::overlaps(const void *data, uint64_t bytes) {
  std::lock_guard lock(mutex);
  return isTaken(address(data), address(data) + bytes);
}

Owned<MTL::Buffer> MemoryMap::borrow(uint64_t bytes) {
  const Pool pool;
  {
    std::lock_guard lock(mutex);
    auto best = spare.end();
    for (auto it = spare.begin(); it != spare.end(); ++it)
      if ((*it)->length() >= bytes && (best == spare.end() || (*it)->length() < (*best)->length()))
        best = it;
    if (best != spare.end() && (*best)->length() <= 4 * std::max<uint64_t>(bytes, 4096)) {
      Owned<MTL::Buffer> found = std::move(*best);
      spareBytes -= found->length();
      spare.erase(best);
      return found;
    }
  }
  return newBuffer(std::max(bytes, kLeastBytes));
}

void MemoryMap::giveBack(Owned<MTL::Buffer> buffer) {
  std::lock_guard lock(mutex);
  if (spareBytes + buffer->length() > kMostSpareBytes)
    return leave(*buffer.get());
  spareBytes += buffer->length();
  spare.push_back(std::move(buffer));
}

} // namespace enigma::runtime::metal
