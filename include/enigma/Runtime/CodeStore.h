// SPDX-License-Identifier: MIT
//
// A place where compiled code outlives the process, as a device sees it: bytes under a kind and an identity.
// compile::DiskCache is one; a device without one compiles everything itself.
//
//   std::string bytes;
//   if (!store.load("pipeline", identity, bytes))
//     store.store("pipeline", identity, compile());
#pragma once

#include <string>
#include <string_view>

namespace enigma::runtime {

/// Safe from any thread; never throws for what the place does.
class CodeStore {
public:
  virtual ~CodeStore() = default;
  /// What was stored under exactly this kind and identity, whole and unchanged; false where there is none.
  virtual bool load(std::string_view kind, std::string_view identity, std::string &bytes) = 0;
  /// Keeps bytes, in place of what was there. It may keep nothing.
  virtual void store(std::string_view kind, std::string_view identity, std::string_view bytes) = 0;
  /// Whether `store` keeps anything, so that nobody prepares bytes in vain.
  virtual bool isOpen() const = 0;
};

} // namespace enigma::runtime
