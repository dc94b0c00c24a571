// SPDX-License-Identifier: MIT
//
// The one error type that crosses a border of the library, and places in a user's source.
//
// A message is one lower-case sentence: what was wrong, what it got, what it needs. The place and the notes
// (what to write instead) are kept apart, so that Python renders them with the source it knows (a notebook
// cell, say) and C++ with what is on disk:
//
//     throw Error(ErrorKind::Trace, "sqrt: needs a float, got i32", loc, {"write enigma.f32(x)"});
#pragma once

#include "enigma/Support/Export.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace enigma {

/// Which Python exception (or C++ reaction) an error calls for.
enum class ErrorKind : uint8_t {
  Enigma,      ///< anything else; enigma.EnigmaError
  Trace,       ///< a kernel does what cannot be traced; enigma.TraceError, a TypeError
  Layout,      ///< a layout operation has no answer; enigma.LayoutError, a ValueError
  Compile,     ///< a toolchain or pass failed; enigma.CompileError
  Launch,      ///< arguments or geometry of a launch do not fit; enigma.LaunchError, a ValueError
  OutOfBounds, ///< a kernel went past a buffer; enigma.OutOfBoundsError, an IndexError
  Device,      ///< no device, or it failed; enigma.DeviceError, a RuntimeError
  Unsupported, ///< right, but not possible on this target; enigma.UnsupportedError
};

/// A range in a user's source. Lines count from 1, columns are bytes from 0; line 0 means unknown.
struct SourceLoc {
  std::string file;
  uint32_t line = 0, col = 0, endLine = 0, endCol = 0;

  explicit operator bool() const { return line != 0; }
  bool operator==(const SourceLoc &) const = default;
};

class ENIGMA_API Error : public std::runtime_error {
public:
  Error(ErrorKind kind, std::string message, SourceLoc loc = {}, std::vector<std::string> notes = {});

  ErrorKind kind() const { return errorKind; }
  const std::string &message() const { return text; }
  const SourceLoc &loc() const { return place; }
  const std::vector<std::string> &notes() const { return hints; }

private:
  ErrorKind errorKind;
  std::string text;
  SourceLoc place;
  std::vector<std::string> hints;
};

/// The message, the place with its line and a caret (`sourceLine` empty: without them), and the notes:
///
///     simd_shuffle_down: delta must be an integer, got f32
///       --> attention.py:41:30
///       41 |     m = enigma.simd_shuffle_down(m, 0.5)
///          |                                     ^^^
///     note: use a Python int or a u16 value
std::string render(std::string_view message, const SourceLoc &loc, std::string_view sourceLine,
                   const std::vector<std::string> &notes);

} // namespace enigma
