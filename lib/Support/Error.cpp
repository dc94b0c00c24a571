// SPDX-License-Identifier: MIT
//
// Rendering of errors: the place with the source line and a caret under the range.
#include "enigma/Support/Error.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace enigma {
namespace {

// Code points that start in the first `bytes` bytes of UTF-8 text: where the caret goes on a screen.
size_t columns(std::string_view line, size_t bytes) {
  bytes = std::min(bytes, line.size());
  return std::count_if(line.begin(), line.begin() + bytes,
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::string lineOf(const SourceLoc &loc) {
  if (!loc)
    return {};
  std::ifstream file(loc.file);
  std::string line;
  for (uint32_t i = 0; i < loc.line; ++i)
    if (!std::getline(file, line))
      return {};
  return line;
}

} // namespace

std::string render(std::string_view message, const SourceLoc &loc, std::string_view sourceLine,
                   const std::vector<std::string> &notes) {
  std::string out(message);
  if (loc) {
    while (!sourceLine.empty() && (sourceLine.back() == '\n' || sourceLine.back() == '\r'))
      sourceLine.remove_suffix(1);
    size_t begin = sourceLine.empty() ? loc.col : columns(sourceLine, loc.col);
    out += "\n  --> " + loc.file + ":" + std::to_string(loc.line) + ":" + std::to_string(begin + 1);
    if (!sourceLine.empty()) {
      std::string number = std::to_string(loc.line);
      size_t end =
          loc.endLine == loc.line ? columns(sourceLine, loc.endCol) : columns(sourceLine, sourceLine.size());
      std::string pad;
      for (size_t i = 0, column = 0; i < sourceLine.size() && column < begin; ++i) {
        if ((static_cast<unsigned char>(sourceLine[i]) & 0xC0) == 0x80)
          continue;
        pad += sourceLine[i] == '\t' ? '\t' : ' ';
        ++column;
      }
      out += "\n  " + number + " | " + std::string(sourceLine);
      out += "\n  " + std::string(number.size(), ' ') + " | " + pad +
             std::string(end > begin ? end - begin : 1, '^');
    }
  }
  for (const std::string &note : notes)
    out += "\nnote: " + note;
  return out;
}

Error::Error(ErrorKind kind, std::string message, SourceLoc loc, std::vector<std::string> notes)
    : std::runtime_error(render(message, loc, lineOf(loc), notes)), errorKind(kind), text(std::move(message)),
      place(std::move(loc)), hints(std::move(notes)) {}

} // namespace enigma
