// SPDX-License-Identifier: MIT
//
// Buffers with unmapped memory around them: an access out of bounds faults instead of reading a neighbour.
// A buffer ends at the guard (rounded up to 16 bytes, or exactly where its size is a multiple of 16); the few
// bytes of padding at either end hold a pattern that reads as NaN and is checked after the dispatch.
//
//     GuardedBuffer &b = arena.buffer(2);  b.fill(data, bytes, writable);  ... b.data() ...
//     std::string damage = b.damage();     // empty when the padding is intact
#pragma once
#include <cstddef>
#include <string>

namespace msl {
class GuardedBuffer {
public:
  GuardedBuffer() = default;
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer &) = delete;
  GuardedBuffer &operator=(const GuardedBuffer &) = delete;
  void fill(const void *source, std::size_t bytes, bool writable);
  void clear(); // gives the pages back
  char *data() const { return start; }
  std::size_t size() const { return bytes; }
  bool reserves(const void *address) const;
  std::string damage() const;

private:
  char *region = nullptr, *end = nullptr, *start = nullptr, *mapped = nullptr;
  std::size_t bytes = 0, before = 0, after = 0;
};
} // namespace msl
