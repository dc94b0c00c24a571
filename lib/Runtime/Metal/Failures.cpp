// SPDX-License-Identifier: MIT
//
// See Failures.h.
#include "Failures.h"

namespace enigma::runtime::metal {
namespace {

std::string numbered(std::string_view source) {
  std::string out;
  size_t line = 1;
  while (!source.empty()) {
    const size_t end = source.find('\n');
    const std::string number = std::to_string(line++);
    out += std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number + " | ";
    out += source.substr(0, end);
    out += '\n';
    source = end == std::string_view::npos ? std::string_view() : source.substr(end + 1);
  }
  return out;
}

std::string reasonOf(const NS::Error *error) {
  std::string text = error ? textOf(error->localizedDescription()) : "";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text.empty() ? "Metal gave no reason" : text;
}

} // namespace

Error compileError(std::string_view kernel, const NS::Error *error, std::string_view source) {
  return {ErrorKind::Compile, std::string(kernel) + ": Metal's compiler refused the source:\n" +
                                  reasonOf(error) + "\n" + numbered(source)};
}

Error pipelineError(std::string_view kernel, std::string_view what, const NS::Error *error) {
  return {ErrorKind::Device, std::string(kernel) + ": " + std::string(what) + ": " + reasonOf(error)};
}

Error launchError(std::string_view launches, const NS::Error *error) {
  ErrorKind kind = ErrorKind::Device;
  std::vector<std::string> notes;
  switch (error ? error->code() : 0) {
  case MTL::CommandBufferErrorTimeout:
    kind = ErrorKind::Launch;
    notes = {"the system stops launches that occupy the GPU for seconds; split the work"};
    break;
  case MTL::CommandBufferErrorPageFault:
  case MTL::CommandBufferErrorInvalidResource:
    notes = {"the GPU does not check indices; enigma.HostRuntime() names the access that is out of bounds"};
    break;
  case MTL::CommandBufferErrorOutOfMemory:
    notes = {"use smaller buffers, or release some"};
    break;
  default:
    break;
  }
  return {
      kind, std::string(launches) + ": the GPU did not complete the launch: " + reasonOf(error), {}, notes};
}

} // namespace enigma::runtime::metal
