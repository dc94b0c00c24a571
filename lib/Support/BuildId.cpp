// SPDX-License-Identifier: MIT
//
// The name of the build, read where the linker left it: the note GNU_BUILD_ID of the ELF object that this
// function lies in, or LC_UUID of the Mach-O image.
#include "enigma/Support/Version.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#if defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/loader.h>
#elif defined(__linux__)
#include <link.h>
#endif

namespace enigma::support {
namespace {

[[maybe_unused]] std::string hexadecimal(const unsigned char *bytes, size_t count) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

#if defined(__APPLE__)

std::string readBuildId() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<const void *>(&readBuildId), &info))
    return {};
  const auto *header = static_cast<const mach_header_64 *>(info.dli_fbase);
  const auto *command = reinterpret_cast<const char *>(header + 1);
  for (uint32_t i = 0; i < header->ncmds; ++i) {
    const auto *load = reinterpret_cast<const load_command *>(command);
    if (load->cmd == LC_UUID)
      return hexadecimal(reinterpret_cast<const uuid_command *>(load)->uuid, 16);
    command += load->cmdsize;
  }
  return {};
}

#elif defined(__linux__)

struct Search {
  uintptr_t inside;
  std::string found;
};

// Notes follow each other: sizes of name and description, a type, both texts padded to four bytes.
std::string buildIdIn(const char *notes, size_t bytes) {
  constexpr uint32_t gnuBuildId = 3;
  while (bytes >= 12) {
    uint32_t head[3];
    std::memcpy(head, notes, sizeof head);
    const size_t name = (head[0] + 3u) & ~size_t(3), text = (head[1] + 3u) & ~size_t(3);
    if (bytes < 12 + name + text)
      break;
    if (head[2] == gnuBuildId && head[0] == 4 && std::memcmp(notes + 12, "GNU", 4) == 0)
      return hexadecimal(reinterpret_cast<const unsigned char *>(notes) + 12 + name, head[1]);
    notes += 12 + name + text;
    bytes -= 12 + name + text;
  }
  return {};
}

int visit(dl_phdr_info *info, size_t, void *state) {
  auto &search = *static_cast<Search *>(state);
  bool isOurs = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto &segment = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    isOurs |= segment.p_type == PT_LOAD && search.inside >= begin && search.inside < begin + segment.p_memsz;
  }
  for (int i = 0; isOurs && i < info->dlpi_phnum; ++i) {
    const auto &segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_NOTE && search.found.empty())
      search.found =
          buildIdIn(reinterpret_cast<const char *>(info->dlpi_addr + segment.p_vaddr), segment.p_memsz);
  }
  return isOurs;
}

std::string readBuildId() {
  Search search{reinterpret_cast<uintptr_t>(&readBuildId), {}};
  dl_iterate_phdr(visit, &search);
  return search.found;
}

#else

std::string readBuildId() { return {}; }

#endif

} // namespace

std::string_view buildId() {
  static const auto *id = new std::string(readBuildId());
  return *id;
}

} // namespace enigma::support
