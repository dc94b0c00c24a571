// SPDX-License-Identifier: MIT
//
// See Stored.h. The structures are taken apart by structured bindings, which name every member or do not
// compile.
#include "Stored.h"

namespace enigma::compile {
namespace {

class Writer {
public:
  std::string bytes;
  void number(uint64_t value) { bytes.append(reinterpret_cast<const char *>(&value), sizeof value); }
  void numbers(const std::vector<uint32_t> &values) {
    number(values.size());
    for (uint32_t value : values)
      number(value);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes.append(value);
  }
};

class Reader {
public:
  explicit Reader(std::string_view bytes) : left(bytes) {}
  template <class T>
  void number(T &value) {
    uint64_t wide = 0;
    if (take(sizeof wide))
      std::memcpy(&wide, taken.data(), sizeof wide);
    value = static_cast<T>(wide);
    isGood = isGood && static_cast<uint64_t>(value) == wide;
  }
  void text(std::string_view &value) {
    uint64_t size = 0;
    number(size);
    value = take(size) ? taken : std::string_view();
  }
  void text(std::string &value) {
    std::string_view view;
    text(view);
    value = view;
  }
  /// A count of things of at least 8 bytes each.
  size_t count() {
    uint64_t value = 0;
    number(value);
    isGood = isGood && value <= left.size() / 8;
    return isGood ? size_t(value) : 0;
  }
  void numbers(std::vector<uint32_t> &values) {
    values.resize(count());
    for (uint32_t &value : values)
      number(value);
  }
  bool isDone() const { return isGood && left.empty(); }

private:
  bool take(uint64_t size) {
    isGood = isGood && size <= left.size();
    if (!isGood)
      return false;
    taken = left.substr(0, size_t(size));
    left.remove_prefix(size_t(size));
    return true;
  }
  std::string_view left, taken;
  bool isGood = true;
};

} // namespace

std::string encode(const Artifact &artifact) {
  const auto &[text, structure] = artifact;
  const auto &[source, version, constants] = text;
  const auto &[high, low] = structure;
  Writer out;
  out.number(high);
  out.number(low);
  out.number(uint64_t(version));
  out.numbers(constants);
  out.text(source);
  return std::move(out.bytes);
}

bool decode(std::string_view bytes, Artifact &artifact) {
  Reader in(bytes);
  in.number(artifact.structure.high);
  in.number(artifact.structure.low);
  in.number(artifact.text.version);
  in.numbers(artifact.text.constants);
  in.text(artifact.text.source);
  return in.isDone();
}

std::string encode(const hostabi::KernelDescriptor &kernel, const std::vector<uint32_t> &sites,
                   std::string_view object) {
  const auto &[name, function, params, arrays, traversal, entry, vecWidth, threadgroupBytes, maxThreads,
               needsFullSimdgroups] = kernel;
  (void)entry;
  // Each compiled kernel gives its own.
  (void)function;
  (void)needsFullSimdgroups;
  Writer out;
  out.text(name);
  out.number(params.size());
  for (const hostabi::ParamDescriptor &param : params) {
    const auto &[paramName, element, isScalar, isRead, isWritten, components] = param;
    out.text(paramName);
    out.number(uint64_t(element));
    out.number(isScalar);
    out.number(isRead);
    out.number(isWritten);
    out.number(components);
  }
  out.number(arrays.size());
  for (const hostabi::ArrayDescriptor &array : arrays) {
    const auto &[arrayName, site] = array;
    out.text(arrayName);
    out.number(site);
  }
  out.number(uint64_t(traversal));
  out.number(vecWidth);
  out.number(threadgroupBytes);
  out.number(maxThreads);
  out.numbers(sites);
  out.text(object);
  return std::move(out.bytes);
}

bool decode(std::string_view bytes, hostabi::KernelDescriptor &kernel, std::vector<uint32_t> &sites,
            std::string_view &object) {
  Reader in(bytes);
  in.text(kernel.name);
  kernel.params.resize(in.count());
  for (hostabi::ParamDescriptor &param : kernel.params) {
    in.text(param.name);
    in.number(param.element);
    in.number(param.isScalar);
    in.number(param.isRead);
    in.number(param.isWritten);
    in.number(param.components);
  }
  kernel.arrays.resize(in.count());
  for (hostabi::ArrayDescriptor &array : kernel.arrays) {
    in.text(array.name);
    in.number(array.site);
  }
  in.number(kernel.traversal);
  in.number(kernel.vecWidth);
  in.number(kernel.threadgroupBytes);
  in.number(kernel.maxThreadsPerThreadgroup);
  in.numbers(sites);
  in.text(object);
  return in.isDone();
}

} // namespace enigma::compile
