// SPDX-License-Identifier: MIT
//
// See PipelineCache.h.
#include "PipelineCache.h"

#include "Archive.h"
#include "Failures.h"
#include "System.h"

#include <array>

namespace enigma::runtime::metal {
namespace {

constexpr size_t kMostStates = 1024;
constexpr size_t kMostLibraries = 64; ///< kept because their function constants are open

struct Release {
  NS::Integer macos;
  int msl; // major * 10 + minor
};
// Metal Shading Language specification, "Version of the Metal language"; a newer system has the last line's
// at least.
constexpr std::array<Release, 5> kReleases = {{{13, 30}, {14, 31}, {15, 32}, {26, 40}, {27, 41}}};

int newestMsl() {
  int newest = 0;
  for (const Release &release : kReleases)
    if (systemMajor() >= release.macos)
      newest = release.msl;
  return newest;
}

std::string show(int version) { return std::to_string(version / 10) + "." + std::to_string(version % 10); }

Owned<MTL::CompileOptions> optionsFor(const PipelineSource &source) {
  const int newest = newestMsl();
  if (source.mslVersion > newest)
    throw Error(ErrorKind::Unsupported, source.kernel.name + ": needs Metal Shading Language " +
                                            show(source.mslVersion) + ", macOS " +
                                            std::to_string(systemMajor()) + " has " + show(newest));
  const int version = source.mslVersion ? source.mslVersion : newest;
  auto options = owned(MTL::CompileOptions::alloc()->init());
  options->setLanguageVersion(
      MTL::LanguageVersion(NS::UInteger(version / 10) << 16 | NS::UInteger(version % 10)));
  if (systemMajor() >= 15) {
    options->setMathMode(source.fastMath ? MTL::MathModeFast : MTL::MathModeSafe);
    // The fast variants of sin, exp, ... are the default even in safe mode.
    options->setMathFloatingPointFunctions(source.fastMath ? MTL::MathFloatingPointFunctionsFast
                                                           : MTL::MathFloatingPointFunctionsPrecise);
  } else {
    options->setFastMathEnabled(source.fastMath);
  }
  return options;
}

MTL::DataType typeOf(hostabi::ElementKind kind) {
  using enum hostabi::ElementKind;
  switch (kind) {
  case F16:
    return MTL::DataTypeHalf;
  case BF16:
    return MTL::DataTypeBFloat;
  case F32:
    return MTL::DataTypeFloat;
  case I8:
    return MTL::DataTypeChar;
  case U8:
    return MTL::DataTypeUChar;
  case I16:
    return MTL::DataTypeShort;
  case U16:
    return MTL::DataTypeUShort;
  case I32:
    return MTL::DataTypeInt;
  case U32:
    return MTL::DataTypeUInt;
  case I64:
    return MTL::DataTypeLong;
  case U64:
    return MTL::DataTypeULong;
  case B1:
    return MTL::DataTypeBool;
  }
  return MTL::DataTypeNone;
}

/// What the text calls the kernel, whatever errors call it.
const std::string &functionNameOf(const PipelineSource &source) {
  return source.kernel.function.empty() ? source.kernel.name : source.kernel.function;
}

void add(std::string &key, std::string_view text) {
  key += '\0';
  key += std::to_string(text.size());
  key += ' ';
  key += text;
}

/// Everything that a library depends on, beside the device and the system.
std::string libraryKeyOf(const PipelineSource &source) {
  std::string key;
  add(key, std::to_string(source.mslVersion) + (source.fastMath ? "f" : "s"));
  add(key, source.metallib);
  add(key, source.metalSource);
  return key;
}

/// The same for a pipeline.
std::string keyOf(const PipelineSource &source) {
  std::string key = functionNameOf(source);
  add(key, source.isOpen ? "open" : "");
  for (const FunctionConstant &constant : source.constants)
    add(key, std::to_string(constant.index) + " " + hostabi::elementName(constant.type) + " " +
                 std::to_string(constant.bits));
  return key + libraryKeyOf(source);
}

} // namespace

Owned<MTL::Library> PipelineCache::libraryOf(const PipelineSource &source) {
  if (!source.isOpen || !source.metallib.empty())
    return makeLibrary(source);
  const std::string key = libraryKeyOf(source);
  {
    std::lock_guard lock(mutex);
    for (auto one = libraries.begin(); one != libraries.end(); ++one)
      if (one->first == key) {
        libraries.splice(libraries.begin(), libraries, one);
        return libraries.front().second;
      }
  }
  auto library = makeLibrary(source);
  std::lock_guard lock(mutex);
  libraries.emplace_front(key, library);
  if (libraries.size() > kMostLibraries)
    libraries.pop_back();
  return library;
}

Owned<MTL::Library> PipelineCache::makeLibrary(const PipelineSource &source) const {
  NS::Error *error = nullptr;
  if (!source.metallib.empty()) {
    auto library = owned(device->newLibrary(urlOf(source.metallib).get(), &error));
    if (!library)
      throw pipelineError(source.kernel.name, "Metal does not load " + source.metallib, error);
    return library;
  }
  auto options = optionsFor(source);
  auto library = owned(device->newLibrary(stringOf(source.metalSource).get(), options.get(), &error));
  if (!library)
    throw compileError(source.kernel.name, error, source.metalSource);
  return library;
}

Owned<MTL::Function> PipelineCache::functionOf(const PipelineSource &source, MTL::Library &library) const {
  const std::string &name = source.kernel.name, &own = functionNameOf(source);
  if (!source.isOpen && source.constants.empty()) {
    auto function = owned(library.newFunction(stringOf(own).get()));
    if (!function)
      throw Error(ErrorKind::Compile, name + ": the " + (source.metallib.empty() ? "source" : "metallib") +
                                          " has no kernel of this name" + (own == name ? "" : ", " + own));
    return function;
  }
  auto values = owned(MTL::FunctionConstantValues::alloc()->init());
  for (const FunctionConstant &constant : source.constants)
    values->setConstantValue(&constant.bits, typeOf(constant.type), constant.index);
  NS::Error *error = nullptr;
  auto function = owned(library.newFunction(stringOf(own).get(), values.get(), &error));
  if (!function)
    throw source.metallib.empty()
        ? compileError(name, error, source.metalSource)
        : pipelineError(name, "Metal does not specialise it to its function constants", error);
  return function;
}

Owned<MTL::ComputePipelineState> PipelineCache::build(const PipelineSource &source, const std::string &key) {
  auto library = libraryOf(source);
  auto function = functionOf(source, *library.get());
  NS::Error *error = nullptr;
  // A metallib is a file that may change under its path, so no archive answers for it.
  const bool isArchived = source.store && source.store->isOpen() && source.metallib.empty();
  auto state = isArchived ? archivedState(*device.get(), *function.get(), key, *source.store, &error)
                          : owned(device->newComputePipelineState(function.get(), &error));
  if (!state)
    throw pipelineError(source.kernel.name, "Metal made no pipeline of it", error);
  return state;
}

Owned<MTL::ComputePipelineState> PipelineCache::get(const PipelineSource &source) {
  const std::string key = keyOf(source);
  if (!source.metallib.empty()) // the file may have changed
    return build(source, key);
  {
    std::lock_guard lock(mutex);
    if (const auto found = byKey.find(key); found != byKey.end()) {
      recent.splice(recent.begin(), recent, found->second);
      return found->second->state;
    }
  }
  auto state = build(source, key);
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
