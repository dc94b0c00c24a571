// SPDX-License-Identifier: MIT
//
// Address space is reserved once per buffer slot; pages are mapped for each dispatch.
#include "guarded.h"

#include <cstdint>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace msl {
namespace {
constexpr unsigned char pattern = 0xff;
std::size_t page() {
  static const std::size_t n = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return n;
}
// A 32-bit index into 4-byte elements spans 16 GiB; where so much address space is refused, take less.
constexpr std::size_t sizes[][2] = {{std::size_t(12) << 30, std::size_t(16) << 30},
                                    {std::size_t(1) << 30, std::size_t(1) << 30},
                                    {std::size_t(192) << 20, std::size_t(1) << 20}};
} // namespace

GuardedBuffer::~GuardedBuffer() {
  if (region)
    munmap(region, before + after);
}

void GuardedBuffer::fill(const void *source, std::size_t n, bool writable) {
  if (!region) {
    for (auto &[b, a] : sizes) {
      void *m = mmap(nullptr, b + a, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (m == MAP_FAILED)
        continue;
      region = static_cast<char *>(m);
      before = b;
      after = a;
      end = region + before;
      break;
    }
    if (!region)
      throw std::bad_alloc();
  }
  clear();
  std::size_t rounded = n % 16 == 0 ? n : (n / 16 + 1) * 16;
  if (rounded + page() > before)
    throw std::bad_alloc();
  bytes = n;
  start = end - rounded;
  mapped = region + ((static_cast<std::size_t>(start - region) / page()) * page());
  if (mapped != end && mprotect(mapped, static_cast<std::size_t>(end - mapped), PROT_READ | PROT_WRITE) != 0)
    throw std::bad_alloc();
  std::memset(mapped, pattern, static_cast<std::size_t>(start - mapped));
  if (n)
    std::memcpy(start, source, n);
  std::memset(start + n, pattern, rounded - n);
  if (!writable && mapped != end)
    mprotect(mapped, static_cast<std::size_t>(end - mapped), PROT_READ);
}

void GuardedBuffer::clear() {
  if (mapped && mapped != end) {
    madvise(mapped, static_cast<std::size_t>(end - mapped), MADV_DONTNEED);
    mprotect(mapped, static_cast<std::size_t>(end - mapped), PROT_NONE);
  }
  mapped = nullptr;
  start = end;
  bytes = 0;
}

bool GuardedBuffer::reserves(const void *address) const {
  auto *a = static_cast<const char *>(address);
  return region && a >= region && a < region + before + after;
}

std::string GuardedBuffer::damage() const {
  for (char *p = mapped; p < start; ++p)
    if (static_cast<unsigned char>(*p) != pattern)
      return "byte offset " + std::to_string(p - start);
  for (char *p = start + bytes; p < end; ++p)
    if (static_cast<unsigned char>(*p) != pattern)
      return "byte offset " + std::to_string(p - start);
  return "";
}
} // namespace msl
