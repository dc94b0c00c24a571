// SPDX-License-Identifier: MIT
//
// See Archive.h.
#include "Archive.h"

#include "System.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace enigma::runtime::metal {
namespace {

/// A file of this user alone, removed with its owner.
class TemporaryFile {
public:
  TemporaryFile() {
    const char *folder = std::getenv("TMPDIR");
    path = std::string(folder && *folder ? folder : "/tmp") + "/enigma-XXXXXX";
    const int file = mkstemp(path.data());
    if (file < 0)
      path.clear();
    else
      close(file);
  }
  ~TemporaryFile() {
    if (!path.empty())
      std::remove(path.c_str());
  }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  explicit operator bool() const { return !path.empty(); }
  Owned<NS::URL> url() const { return urlOf(path); }
  bool write(const std::string &bytes) const {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    return bool(out.write(bytes.data(), std::streamsize(bytes.size())).flush());
  }
  std::string read() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

private:
  std::string path;
};

constexpr const char *kKind = "gpu";

Owned<MTL::ComputePipelineState> stateOf(MTL::Device &device, MTL::ComputePipelineDescriptor &descriptor,
                                         NS::Error **error) {
  return owned(device.newComputePipelineState(&descriptor, MTL::PipelineOptionNone, nullptr, error));
}

/// Lets Metal look for the code in `archive` before it compiles.
void useArchive(MTL::ComputePipelineDescriptor &descriptor, MTL::BinaryArchive *archive) {
  const NS::Object *archives[] = {archive};
  descriptor.setBinaryArchives(NS::Array::array(archives, 1));
}

} // namespace

Owned<MTL::ComputePipelineState> archivedState(MTL::Device &device, MTL::Function &function,
                                               const std::string &key, CodeStore &store, NS::Error **error) {
  const std::string identity = textOf(device.name()) + "\n" + systemBuild() + "\n" + key;
  auto descriptor = owned(MTL::ComputePipelineDescriptor::alloc()->init());
  descriptor->setComputeFunction(&function);
  auto where = owned(MTL::BinaryArchiveDescriptor::alloc()->init());
  const TemporaryFile file;
  if (!file)
    return stateOf(device, *descriptor.get(), error);

  NS::Error *ignored = nullptr;
  std::string bytes;
  if (store.load(kKind, identity, bytes) && file.write(bytes)) {
    where->setUrl(file.url().get());
    if (auto archive = owned(device.newBinaryArchive(where.get(), &ignored))) {
      useArchive(*descriptor.get(), archive.get());
      return stateOf(device, *descriptor.get(), error);
    }
    where->setUrl(nullptr); // one that Metal does not take is made anew
  }
  auto archive = owned(device.newBinaryArchive(where.get(), &ignored));
  if (!archive || !archive->addComputePipelineFunctions(descriptor.get(), &ignored))
    return stateOf(device, *descriptor.get(), error);
  useArchive(*descriptor.get(), archive.get());
  auto state = stateOf(device, *descriptor.get(), error);
  if (state && archive->serializeToURL(file.url().get(), &ignored))
    store.store(kKind, identity, file.read());
  return state;
}

} // namespace enigma::runtime::metal
