// SPDX-License-Identifier: MIT
//
// The one exception type that leaves the library, and the place in the user's
// source that it points at. Every room throws enigma::Error at its border; the
// bindings turn the kind into the matching Python class.
//
//   throw enigma::Error(enigma::ErrorKind::Layout, "tile 48 does not divide 100");
#ifndef ENIGMA_SUPPORT_ERROR_H
#define ENIGMA_SUPPORT_ERROR_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace enigma {

enum class ErrorKind : uint8_t { Enigma, Trace, Layout, Compile, Launch, OutOfBounds, Device, Unsupported };

/// A span of the user's source: lines count from 1, columns are byte offsets
/// from 0. A line of 0 means that no place is known.
struct SourceLoc {
  std::string file;
  uint32_t line = 0, col = 0, endLine = 0, endCol = 0;
};

class Error : public std::runtime_error {
public:
  Error(ErrorKind kind, std::string message, SourceLoc loc = {}, std::vector<std::string> notes = {});

  ErrorKind kind() const { return kind_; }
  const std::string &message() const { return message_; }
  const SourceLoc &loc() const { return loc_; }
  const std::vector<std::string> &notes() const { return notes_; }

private:
  ErrorKind kind_;
  std::string message_;
  SourceLoc loc_;
  std::vector<std::string> notes_;
};

} // namespace enigma

#endif
