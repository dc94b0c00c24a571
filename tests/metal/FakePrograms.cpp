// SPDX-License-Identifier: MIT
//
// From text to functions on the fake Metal: libraries, function constants, binary archives; and what else
// takes a URL or a descriptor, residency sets and captures.
#include "FakeObjects.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace enigma::fakemetal {
namespace {

struct CompileOptions : Object {
  uint64_t language = 0;
  long mathMode = -1, mathFunctions = -1;
  int fastMath = -1;
};
struct ConstantValues : Object {
  std::map<uint64_t, std::string> values; // as compile_msl.py reads them
};
struct ArchiveDescriptor : Object {
  Ref<Url> url;
};
struct Archive : Object {
  std::set<std::string> functions;
};
struct PipelineDescriptor : Object {
  Ref<Function> function;
  Ref<Array> archives;
};
struct SetDescriptor : Object {};
struct ResidencySet : Object {
  std::map<Object *, Ref<Object>> members, committed;
  ~ResidencySet() override {
    if (!committed.empty())
      misuse("a residency set is freed with buffers in it");
  }
};
struct CaptureDescriptor : Object {
  Object *object = nullptr;
  long destination = 0;
  Ref<Url> url;
};
struct CaptureManager : Object {
  bool isCapturing = false;
  std::string path;
};

template <class T>
Object *create() {
  return new T;
}

struct Classes {
  Class &url = objc::define("NSURL", create<Url>),
        &options = objc::define("MTLCompileOptions", create<CompileOptions>),
        &library = objc::define("FakeLibrary"), &function = objc::define("FakeFunction"),
        &values = objc::define("MTLFunctionConstantValues", create<ConstantValues>),
        &archiveDescriptor = objc::define("MTLBinaryArchiveDescriptor", create<ArchiveDescriptor>),
        &archive = objc::define("FakeBinaryArchive"),
        &pipelineDescriptor = objc::define("MTLComputePipelineDescriptor", create<PipelineDescriptor>),
        &setDescriptor = objc::define("MTLResidencySetDescriptor", create<SetDescriptor>),
        &set = objc::define("FakeResidencySet"),
        &captureDescriptor = objc::define("MTLCaptureDescriptor", create<CaptureDescriptor>),
        &captureManager = objc::define("MTLCaptureManager");
};
Classes &classes() {
  static auto *all = new Classes;
  return *all;
}

template <class T = Object>
T *fail(Object **error, long code, const std::string &text) {
  *error = newError(code, text);
  objc::autorelease(*error);
  return nullptr;
}

Library *libraryOf(const std::string &source, Object **error) {
  std::string log;
  auto kernels = compileMetal(source, "", log);
  if (!kernels)
    return fail<Library>(error, 3, log); // MTLLibraryErrorCompileFailure
  auto *made = objc::make<Library>(classes().library);
  made->source = source;
  made->kernels = std::move(kernels);
  return made;
}

Library *newLibrary(Object *, Selector, String *source, CompileOptions *options, Object **error) {
  note([&](Record &r) {
    ++r.libraries;
    r.languageVersion = options->language;
    r.mathMode = options->mathMode;
    r.mathFunctions = options->mathFunctions;
    r.fastMath = options->fastMath;
  });
  return libraryOf(source->text, error);
}

Library *newLibraryWithUrl(Object *, Selector, Url *url, Object **error) {
  std::ifstream file(url->path, std::ios::binary);
  if (!file)
    return fail<Library>(error, 6, "library not found"); // MTLLibraryErrorFileNotFound
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!text.starts_with("MTLB"))
    return fail<Library>(error, 1, "Invalid library file");
  return libraryOf(text.substr(4), error);
}

Function *functionOf(Library &library, const std::string &name, std::shared_ptr<KernelLibrary> kernels,
                     const std::string &constants) {
  const Kernel *kernel = kernels->find(name);
  if (!kernel)
    return nullptr;
  auto *made = objc::make<Function>(classes().function);
  made->kernel = kernel;
  made->kernels = std::move(kernels);
  made->identity = std::to_string(std::hash<std::string>()(library.source + constants)) + name;
  return made;
}

Function *newSpecialised(Library *self, Selector, String *name, ConstantValues *values, Object **error) {
  std::string constants, log;
  for (const auto &[index, value] : values->values)
    constants += std::to_string(index) + "=" + value + " ";
  auto kernels = compileMetal(self->source, constants, log);
  if (!kernels)
    return fail<Function>(error, 3, log);
  Function *made = functionOf(*self, name->text, std::move(kernels), constants);
  return made ? made : fail<Function>(error, 5, "Function " + name->text + " was not found in the library");
}

template <class T>
T read(const void *value) {
  T out;
  std::memcpy(&out, value, sizeof out);
  return out;
}

void setConstant(ConstantValues *self, Selector, const void *value, uint64_t type, uint64_t index) {
  char text[64] = "";
  const auto real = [&](double number) { std::snprintf(text, sizeof text, "%a", number); };
  const auto integer = [&](auto number) {
    std::snprintf(text, sizeof text, "%s", std::to_string(number).c_str());
  };
  switch (type) { // MTLDataType
  case 3:
    real(read<float>(value));
    break;
  case 16:
    real(read<_Float16>(value));
    break;
  case 121: { // bfloat: the upper half of a float
    const uint32_t bits = uint32_t(read<uint16_t>(value)) << 16;
    real(read<float>(&bits));
    break;
  }
  case 29:
    integer(read<int32_t>(value));
    break;
  case 33:
    integer(read<uint32_t>(value));
    break;
  case 37:
    integer(read<int16_t>(value));
    break;
  case 41:
    integer(read<uint16_t>(value));
    break;
  case 45:
    integer(read<int8_t>(value));
    break;
  case 49:
    integer(read<uint8_t>(value));
    break;
  case 81:
    integer(read<int64_t>(value));
    break;
  case 85:
    integer(read<uint64_t>(value));
    break;
  case 53:
    integer(int(read<bool>(value)));
    break;
  default:
    misuse("the fake has no function constants of data type " + std::to_string(type));
  }
  self->values[index] = text;
}

void addLibraries(Classes &c, Class &device) {
  c.url.add("initFileURLWithPath:", [](Url *self, Selector, String *path) {
    self->path = path->text;
    return self;
  });
  c.options.add("setLanguageVersion:",
                [](CompileOptions *self, Selector, uint64_t v) { self->language = v; });
  c.options.add("setMathMode:", [](CompileOptions *self, Selector, long mode) {
    if (controls().macos < 15)
      misuse("math modes are new in macOS 15");
    self->mathMode = mode;
  });
  c.options.add("setMathFloatingPointFunctions:", [](CompileOptions *self, Selector, long functions) {
    if (controls().macos < 15)
      misuse("math modes are new in macOS 15");
    self->mathFunctions = functions;
  });
  c.options.add("setFastMathEnabled:",
                [](CompileOptions *self, Selector, bool fast) { self->fastMath = fast; });
  c.library.add("newFunctionWithName:", [](Library *self, Selector, String *name) -> Function * {
    if (self->source.find("[[function_constant(") != std::string::npos)
      misuse("a function with function constants is asked for without their values");
    return functionOf(*self, name->text, self->kernels, "");
  });
  c.library.add("newFunctionWithName:constantValues:error:", newSpecialised);
  c.values.add("setConstantValue:type:atIndex:", setConstant);
  device.add("newLibraryWithSource:options:error:", newLibrary);
  device.add("newLibraryWithURL:error:", newLibraryWithUrl);
}

Archive *newArchive(Object *, Selector, ArchiveDescriptor *descriptor, Object **error) {
  if (controls().failArchives)
    return fail<Archive>(error, 1, "Injected failure");
  std::set<std::string> functions;
  if (descriptor->url) {
    std::ifstream file(descriptor->url->path);
    std::string line;
    if (!std::getline(file, line) || line != "archive of " + controls().build)
      return fail<Archive>(error, 1, "Invalid archive");
    while (std::getline(file, line))
      functions.insert(line);
  }
  auto *made = objc::make<Archive>(classes().archive);
  made->functions = std::move(functions);
  note([&](Record &r) { ++(descriptor->url ? r.archivesLoaded : r.archivesMade); });
  return made;
}

Pipeline *newPipelineWith(Object *device, Selector, PipelineDescriptor *descriptor, uint64_t, void *,
                          Object **error) {
  if (descriptor->archives)
    for (const auto &item : descriptor->archives->items) {
      const auto &functions = static_cast<Archive *>(item.get())->functions;
      note([&](Record &r) { r.archiveHits += functions.contains(descriptor->function->identity); });
    }
  return newPipeline(device, nullptr, descriptor->function.get(), error);
}

bool serialize(Archive *self, Selector, Url *url, Object **error) {
  std::ofstream file(url->path);
  file << "archive of " << controls().build << "\n";
  for (const std::string &function : self->functions)
    file << function << "\n";
  if (!file.flush())
    fail(error, 1, "cannot write " + url->path);
  return bool(file);
}

void addArchives(Classes &c, Class &device) {
  c.archiveDescriptor.add("setUrl:",
                          [](ArchiveDescriptor *self, Selector, Url *url) { self->url = Ref(url); });
  c.archive.add("addComputePipelineFunctionsWithDescriptor:error:",
                [](Archive *self, Selector, PipelineDescriptor *descriptor, Object **) {
                  self->functions.insert(descriptor->function->identity);
                  return true;
                });
  c.archive.add("serializeToURL:error:", serialize);
  c.pipelineDescriptor.add("setComputeFunction:", [](PipelineDescriptor *self, Selector, Function *function) {
    self->function = Ref(function);
  });
  c.pipelineDescriptor.add("setBinaryArchives:", [](PipelineDescriptor *self, Selector, Array *archives) {
    self->archives = Ref(archives);
  });
  device.add("newComputePipelineStateWithFunction:error:", newPipeline);
  device.add("newComputePipelineStateWithDescriptor:options:reflection:error:", newPipelineWith);
  device.add("newBinaryArchiveWithDescriptor:error:", newArchive);
}

void addResidency(Classes &c, Class &device) {
  device.add("newResidencySetWithDescriptor:error:",
             [](Object *, Selector, SetDescriptor *, Object **error) -> ResidencySet * {
               if (controls().macos < 15)
                 misuse("residency sets are new in macOS 15");
               if (controls().failResidency)
                 return fail<ResidencySet>(error, 1, "Injected failure");
               return objc::make<ResidencySet>(classes().set);
             });
  c.set.add("addAllocation:", [](ResidencySet *self, Selector, Object *allocation) {
    if (!self->members.emplace(allocation, Ref(allocation)).second)
      misuse("a buffer is added to a residency set twice");
  });
  c.set.add("removeAllocation:", [](ResidencySet *self, Selector, Object *allocation) {
    if (!self->members.erase(allocation))
      misuse("a buffer is removed from a residency set that it is not in");
  });
  c.set.add("commit", [](ResidencySet *self, Selector) {
    const long before = long(self->committed.size()), after = long(self->members.size());
    self->committed = self->members;
    note([&](Record &r) { r.resident += unsigned(after - before); });
  });
}

void addCaptures(Classes &c) {
  static CaptureManager *const manager = objc::make<CaptureManager>(c.captureManager);
  c.captureManager.meta->add("sharedCaptureManager", [](Class *, Selector) { return manager; });
  c.captureManager.add("supportsDestination:",
                       [](CaptureManager *, Selector, long) { return controls().allowsCaptures; });
  c.captureManager.add("isCapturing", [](CaptureManager *self, Selector) { return self->isCapturing; });
  c.captureManager.add("startCaptureWithDescriptor:error:",
                       [](CaptureManager *self, Selector, CaptureDescriptor *descriptor, Object **error) {
                         struct stat status;
                         const std::string &path = descriptor->url->path;
                         if (!descriptor->object || descriptor->destination != 2)
                           misuse("a capture needs an object and a destination");
                         if (stat(path.c_str(), &status) == 0) {
                           fail(error, 4, "the file exists");
                           return false;
                         }
                         self->isCapturing = true;
                         self->path = path;
                         return true;
                       });
  c.captureManager.add("stopCapture", [](CaptureManager *self, Selector) {
    if (!self->isCapturing)
      return misuse("stopCapture without a capture");
    self->isCapturing = false;
    std::ofstream(self->path) << "trace";
    note([](Record &r) { ++r.captures; });
  });
  c.captureDescriptor.add("setCaptureObject:",
                          [](CaptureDescriptor *self, Selector, Object *object) { self->object = object; });
  c.captureDescriptor.add("setDestination:", [](CaptureDescriptor *self, Selector, long destination) {
    self->destination = destination;
  });
  c.captureDescriptor.add("setOutputURL:",
                          [](CaptureDescriptor *self, Selector, Url *url) { self->url = Ref(url); });
}

} // namespace

void addPrograms(Class &device) {
  Classes &c = classes();
  addLibraries(c, device);
  addArchives(c, device);
  addResidency(c, device);
  addCaptures(c);
}

} // namespace enigma::fakemetal
