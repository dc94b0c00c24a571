// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>
namespace enigma {
enum class ErrorKind : uint8_t { Enigma, Trace, Layout, Compile, Launch, OutOfBounds, Device, Unsupported };
struct SourceLoc { std::string file; uint32_t line = 0, col = 0, endLine = 0, endCol = 0; };
class Error : public std::runtime_error {
public:
  Error(ErrorKind kind, std::string message, SourceLoc loc = {}, std::vector<std::string> notes = {})
      : std::runtime_error(message), k(kind), m(std::move(message)), l(std::move(loc)), n(std::move(notes)) {}
  ErrorKind kind() const { return k; }
  const std::string &message() const { return m; }
  const SourceLoc &loc() const { return l; }
  const std::vector<std::string> &notes() const { return n; }
private:
  ErrorKind k; std::string m; SourceLoc l; std::vector<std::string> n;
};
} // namespace enigma
