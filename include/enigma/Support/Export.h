// SPDX-License-Identifier: MIT
// ENIGMA_API makes a name visible outside libenigma.
//
// Rooms without LLVM are exported as a whole and need it only on types that are thrown across the border of
// the library (their type information must be one object for `catch` to match on macOS). Rooms with MLIR are
// hidden: what they offer to applications or to the Python extension carries it.
//
//   class ENIGMA_API Error : public std::runtime_error { ... };
#ifndef ENIGMA_SUPPORT_EXPORT_H
#define ENIGMA_SUPPORT_EXPORT_H

#define ENIGMA_API __attribute__((visibility("default")))

#endif // ENIGMA_SUPPORT_EXPORT_H
