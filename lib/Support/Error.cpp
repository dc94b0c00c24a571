// SPDX-License-Identifier: MIT
//
// Renders an Error's what(): the message, the place and the notes, one per line.
#include "enigma/Support/Error.h"

namespace enigma {

static std::string render(const std::string &message, const SourceLoc &loc,
                          const std::vector<std::string> &notes) {
  std::string text = message;
  if (loc.line)
    text += "\n  --> " + loc.file + ":" + std::to_string(loc.line) + ":" + std::to_string(loc.col + 1);
  for (const std::string &note : notes)
    text += "\nnote: " + note;
  return text;
}

Error::Error(ErrorKind kind, std::string message, SourceLoc loc, std::vector<std::string> notes)
    : std::runtime_error(render(message, loc, notes)), kind_(kind), message_(std::move(message)),
      loc_(std::move(loc)), notes_(std::move(notes)) {}

} // namespace enigma
