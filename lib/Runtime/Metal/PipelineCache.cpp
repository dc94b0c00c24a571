// SPDX-License-Identifier: MIT
//
// See PipelineCache.h.
#include "PipelineCache.h"

#include "Failures.h"

#include <array>

namespace enigma::runtime::metal {
namespace {

constexpr size_t kMostStates = 1024;

struct Release {
  NS::Integer macos;
  int msl; // major * 10 + minor
};
// Metal Shading Language specification, "Version of the Metal language"; a newer system has the last line's
// at least.
constexpr std::array<Release, 5> kReleases = {{{13, 30}, {14, 31}, {15, 32}, {26, 40}, {27, 41}}};

NS::Integer systemVersion() { return NS::ProcessInfo::processInfo()->operatingSystemVersion().majorVersion; }

int newestMsl() {
  int newest = 0;
  for (const Release &release : kReleases)
    if (systemVersion() >= release.macos)
      newest = release.msl;
  return newest;
}

std::string show(int version) { return std::to_string(version / 10) + "." + std::to_string(version % 10); }

Owned<MTL::CompileOptions> optionsFor(const PipelineSource &source) {
  const int newest = newestMsl();
  if (source.mslVersion > newest)
    throw Error(ErrorKind::Unsupported, source.kernel.name + ": needs Metal Shading Language " +
                                            show(source.mslVersion) + ", macOS " +
                                            std::to_string(systemVersion()) + " has " + show(newest));
  const int version = source.mslVersion ? source.mslVersion : newest;
  auto options = owned(MTL::CompileOptions::alloc()->init());
  options->setLanguageVersion(
      MTL::LanguageVersion(NS::UInteger(version / 10) << 16 | NS::UInteger(version % 10)));
  if (systemVersion() >= 15) {
    options->setMathMode(source.fastMath ? MTL::MathModeFast : MTL::MathModeSafe);
    // The fast variants of sin, exp, ... are the default even in safe mode.
    options->setMathFloatingPointFunctions(source.fastMath ? MTL::MathFloatingPointFunctionsFast
                                                           : MTL::MathFloatingPointFunctionsPrecise);
  } else {
    options->setFastMathEnabled(source.fastMath);
  }
  return options;
}

} // namespace

Owned<MTL::ComputePipelineState> PipelineCache::build(const PipelineSource &source) const {
  const std::string &name = source.kernel.name;
  NS::Error *error = nullptr;
  auto options = optionsFor(source);
  auto library = owned(device->newLibrary(stringOf(source.metalSource).get(), options.get(), &error));
  if (!library)
    throw compileError(name, error, source.metalSource);
  const std::string &functionName = source.kernel.function.empty() ? name : source.kernel.function;
  auto function = owned(library->newFunction(stringOf(functionName).get()));
  if (!function)
    throw Error(ErrorKind::Compile, name + ": the source has no kernel of this name" +
                                        (functionName == name ? "" : ", " + functionName));
  auto state = owned(device->newComputePipelineState(function.get(), &error));
  if (!state)
    throw pipelineError(name, "Metal made no pipeline of it", error);
  return state;
}

Owned<MTL::ComputePipelineState> PipelineCache::get(const PipelineSource &source) {
  const std::string key = source.kernel.name + '\0' + source.kernel.function + '\0' +
                          std::to_string(source.mslVersion) + (source.fastMath ? "f" : "s") +
                          source.metalSource;
  {
    std::lock_guard lock(mutex);
    if (const auto found = byKey.find(key); found != byKey.end()) {
      recent.splice(recent.begin(), recent, found->second);
      return found->second->state;
    }
  }
  auto state = build(source);
  std::lock_guard lock(mutex);
  if (byKey.contains(key)) // by another thread, meanwhile
    return state;
  recent.push_front({key, state});
  byKey.emplace(recent.front().key, recent.begin());
  if (recent.size() > kMostStates) {
    byKey.erase(recent.back().key);
    recent.pop_back();
  }
  return state;
}

} // namespace enigma::runtime::metal
