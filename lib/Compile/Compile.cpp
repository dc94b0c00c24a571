// SPDX-License-Identifier: MIT
//
// The composition: check, hash, look up, lower, emit; code for the CPU when it is asked for.
#include "enigma/Compile/Compile.h"

#include "Cache.h"
#include "Session.h"
#include "Stored.h"
#include "enigma/Compile/DiskCache.h"
#include "enigma/Dialect/Enigma.h"
#include "enigma/IR/Builder.h"
#include "enigma/IR/Uniformity.h"
#include "enigma/Support/Version.h"
#include "enigma/Target/Host/Executable.h"
#include "enigma/Target/MSL/Emit.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace mlir;

namespace enigma::compile {

/// Host code of one structure, with the position in the traced program of each access that it can report.
struct HostCode {
  std::shared_ptr<host::Executable> executable;
  std::vector<uint32_t> sites;
};

namespace {

Cache<Artifact> &artifacts() {
  static auto *cache = new Cache<Artifact>(4096);
  return *cache;
}
Cache<HostCode> &hostCodes() {
  static auto *cache = new Cache<HostCode>(1024);
  return *cache;
}

// Everything that an entry on disk depends on beside its key: this build, and for code the CPU.
std::string identityOf(const Hash128 &key) { return key.str() + " " + std::string(support::buildId()); }

// No name of the build, no cache: an entry of another build would go unnoticed.
bool usesDisk() { return diskCache().isOpen() && !support::buildId().empty(); }

bool loadArtifact(const std::string &identity, Artifact &into) {
  std::string bytes;
  return diskCache().load("msl", identity, bytes) && decode(bytes, into);
}

bool loadHostCode(const std::string &identity, HostCode &into) {
  std::string bytes;
  std::string_view object;
  hostabi::KernelDescriptor descriptor;
  if (!diskCache().load("host", identity, bytes) || !decode(bytes, descriptor, into.sites, object))
    return false;
  try {
    into.executable = host::linkForHost(std::move(descriptor), object);
  } catch (const Error &) { // compiling it again tells why, if that fails as well
    return false;
  }
  return true;
}

// What lowering depends on. The options are taken apart by a structured binding, which names every member or
// does not compile: one that is left out would be a hit for other code.
void mix(Hasher &h, const Hash128 &function, const Options &options) {
  const auto &[vecWidth, contract, fastMath, mslVersion, grid, threads, constants] = options;
  (void)contract;   // is in the hash of the function: its products are fused before
  (void)mslVersion; // refuses or changes nothing: `compile` adds it to the key of the text
  (void)constants;  // are in the hash of the function: they are bound before
  h.word(function.high);
  h.word(function.low);
  h.word(vecWidth > 1 ? vecWidth : 1);
  h.word(fastMath);
  if (grid[0])
    for (const auto &size : {grid, threads})
      for (int64_t n : size)
        h.word(static_cast<uint64_t>(n));
}

dialect::KernelOp kernelOf(ModuleOp module) { return *module.getOps<dialect::KernelOp>().begin(); }

void checkOptions(const ir::Function &f, const Options &options) {
  if (options.vecWidth != 0 && options.vecWidth != 1 && options.vecWidth != 2 && options.vecWidth != 4)
    throw Error(ErrorKind::Compile, "vec_width must be 0, 1, 2 or 4, got " + std::to_string(options.vecWidth),
                {}, {"Metal's vectors have 2 or 4 components with an alignment to match"});
  constexpr size_t mostBuffers = 31; // Metal feature set tables: buffer argument table
  if (f.params().size() > mostBuffers)
    throw Error(ErrorKind::Trace,
                "kernel " + f.name() + " has " + std::to_string(f.params().size()) +
                    " parameters, Metal binds at most " + std::to_string(mostBuffers) + " buffers",
                f.locate(f.place),
                {"put several arrays into one buffer, or make constants of scalars with Constexpr"});
}

} // namespace

CompiledKernel::CompiledKernel(ir::Function fn, Options options, std::shared_ptr<Artifact> shared,
                               Hash128 key)
    : function(std::move(fn)), isOpen(!function.constants().empty() && !ir::openConstants(function).empty()),
      chosen(options), metalName(function.kernelName()), artifact(std::move(shared)), hash(key) {}

/// Whether the kernel computes with matrices that whole simdgroups hold.
static bool usesSimdgroupMatrices(const ir::Function &function) {
  for (size_t i = 0; i < function.numOps(); ++i)
    if (ir::info(function.op(uint32_t(i)).opcode).rule.kind == ir::Rule::Kind::matrix)
      return true;
  return false;
}

/// The element type of a parameter, as the runtime has it: both use the user's names.
static hostabi::ElementKind elementOf(ir::Elem elem) {
  using hostabi::ElementKind;
  for (auto kind = uint8_t(ElementKind::F16); kind <= uint8_t(ElementKind::B1); ++kind)
    if (std::string_view(hostabi::elementName(ElementKind(kind))) == ir::name(elem))
      return ElementKind(kind);
  throw Error(ErrorKind::Compile,
              "a parameter of type " + std::string(ir::name(elem)) + " has no element type");
}

std::shared_ptr<const CompiledKernel> CompiledKernel::bound() const {
  if (!isOpen)
    return nullptr;
  std::lock_guard lock(mutex);
  if (!resolved) {
    ir::Function withNumbers = function;
    ir::bindConstants(withNumbers, given);
    ir::bindDefaults(withNumbers);
    resolved = compile(std::move(withNumbers), chosen);
  }
  return resolved;
}

std::vector<ir::FunctionConstant> CompiledKernel::openConstants() const {
  std::vector<ir::FunctionConstant> open = ir::openConstants(function);
  std::erase_if(open, [&](const ir::FunctionConstant &c) {
    return std::any_of(given.begin(), given.end(), [&](const auto &b) { return b.index == c.index; });
  });
  return open;
}

std::shared_ptr<const CompiledKernel>
CompiledKernel::specialized(std::span<const ir::ConstantBinding> bindings) const {
  const std::vector<ir::FunctionConstant> open = openConstants();
  std::vector<ir::ConstantBinding> all = given;
  for (const ir::ConstantBinding &binding : bindings) {
    const auto isIt = [&](const auto &other) { return other.index == binding.index; };
    const bool isTwice = std::any_of(all.begin(), all.end(), isIt);
    if (isTwice || std::none_of(open.begin(), open.end(), isIt))
      throw Error(ErrorKind::Compile,
                  "kernel " + function.name() + ": function constant " + std::to_string(binding.index) +
                      (isTwice ? " has its number already"
                       : std::any_of(function.constants().begin(), function.constants().end(), isIt)
                           ? " has its number already, from the compile"
                           : " is none of its own"),
                  function.locate(function.place));
    all.push_back({binding.index, binding.bits, true});
  }
  std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a.index < b.index; });
  Hasher h;
  h.word(hash.high);
  h.word(hash.low);
  for (const ir::ConstantBinding &binding : all) {
    h.word(binding.index);
    h.word(binding.bits);
  }
  auto made = std::make_shared<CompiledKernel>(function, chosen, artifact, h.finish());
  made->given = std::move(all);
  return made;
}

const std::string &CompiledKernel::metalSource() const { return artifact->text.source; }
int CompiledKernel::mslVersion() const { return artifact->text.version; }

std::string CompiledKernel::mlirSource() const {
  BorrowedSession session;
  auto module = session->lower(function, chosen, convert::Locations::source);
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  flags.printNameLocAsPrefix();
  module->print(stream, flags);
  return text;
}

std::shared_ptr<runtime::Pipeline> CompiledKernel::hostPipeline(runtime::Device &device, bool check) const {
  if (auto withNumbers = bound())
    return withNumbers->hostPipeline(device, check);
  std::lock_guard lock(mutex);
  if (pipelineDevice != &device) { // pipelines belong to their device
    pipelines[0] = pipelines[1] = nullptr;
    pipelineDevice = &device;
  }
  auto &pipeline = pipelines[check];
  if (pipeline)
    return pipeline;
  Hasher h;
  mix(h, artifact->structure, chosen);
  h.word(check);
  const Hash128 codeKey = h.finish();
  auto code = hostCodes().get(codeKey, [&] {
    auto made = std::make_shared<HostCode>();
    const bool onDisk = usesDisk();
    const std::string identity = onDisk ? identityOf(codeKey) + " " + host::hostTarget() : "";
    if (onDisk && loadHostCode(identity, *made))
      return made;
    BorrowedSession session;
    auto module = session->lower(function, chosen, convert::Locations::sites);
    made = std::make_shared<HostCode>();
    try {
      made->executable = host::compileForHost(
          *module,
          {.check = check, .fastMath = chosen.fastMath, .cpu = {}, .keepIr = false, .keepObject = onDisk});
    } catch (const Error &error) { // its place is a position in the traced program
      std::vector<uint32_t> order = function.programOrder();
      const uint32_t site = error.loc().line;
      const bool isKnown = error.loc() && site < order.size();
      throw Error(error.kind(), error.message(),
                  function.locate(isKnown ? function.op(order[site]).place : function.place), error.notes());
    }
    for (const SourceLoc &loc : host::accessSites(*module))
      made->sites.push_back(loc.line);
    if (onDisk)
      diskCache().store("host", identity,
                        encode(made->executable->descriptor(), made->sites, made->executable->takeObject()));
    return made;
  });
  runtime::PipelineSource source;
  source.kernel = code->executable->descriptor();
  // The code may have been made for another kernel of the same structure: names and places are this one's.
  source.kernel.name = function.name();
  source.kernel.function = metalName;
  source.kernel.needsFullSimdgroups = usesSimdgroupMatrices(function);
  for (size_t i = 0; i < source.kernel.params.size(); ++i)
    source.kernel.params[i].name = function.params()[i].name;
  source.owner = code->executable;
  std::vector<uint32_t> order = function.programOrder();
  for (hostabi::ArrayDescriptor &array : source.kernel.arrays)
    if (uint32_t site = code->sites[array.site]; site < order.size())
      array.name = function.nameOf(function.result(function.op(order[site])));
  for (uint32_t site : code->sites)
    source.sites.push_back(site < order.size() ? function.locate(function.op(order[site]).place)
                                               : SourceLoc{});
  pipeline = device.createPipeline(std::move(source));
  return pipeline;
}

std::shared_ptr<runtime::Pipeline> CompiledKernel::metalPipeline(runtime::Device &device) const {
  runtime::PipelineSource source;
  source.isOpen = !artifact->text.constants.empty();
  if (isOpen) {
    ir::Function unbound = function;
    ir::bindConstants(unbound, given);
    ir::bindDefaults(unbound); // throws for one that has neither
    for (const ir::ConstantBinding &binding : given)
      for (const ir::FunctionConstant &c : function.constants())
        if (c.index == binding.index && std::ranges::count(artifact->text.constants, c.index))
          source.constants.push_back({c.index, elementOf(c.elem), binding.bits});
  }
  source.kernel.name = function.name();
  source.kernel.function = metalName;
  source.kernel.needsFullSimdgroups = usesSimdgroupMatrices(function);
  source.kernel.vecWidth = static_cast<uint32_t>(vecWidth());
  source.kernel.threadgroupBytes = static_cast<uint32_t>(ir::threadgroupBytes(function));
  for (const ir::Param &param : function.params()) {
    hostabi::ParamDescriptor described;
    described.name = param.name;
    described.element = elementOf(param.type.elem);
    described.components = param.type.lanes;
    described.isScalar = !param.type.isBuffer();
    described.isRead = param.read || described.isScalar;
    described.isWritten = param.written;
    source.kernel.params.push_back(std::move(described));
  }
  source.metalSource = metalSource();
  source.mslVersion = mslVersion();
  source.fastMath = chosen.fastMath;
  if (usesDisk())
    source.store = {std::shared_ptr<void>(), &diskCache()}; // which is never destroyed
  return device.createPipeline(std::move(source));
}

std::shared_ptr<const CompiledKernel> compile(ir::Function function, const Options &given) {
  Options options = given;
  checkOptions(function, options);
  ir::verify(function);
  ir::checkConvergence(function);
  if (!given.constants.empty()) {
    ir::bindConstants(function, given.constants);
    options.constants.clear();
  }
  if (options.contract)
    ir::contract(function);
  Hasher h;
  mix(h, ir::hash(function, ir::HashScope::structureAndNames), options);
  h.word(options.mslVersion);
  Hash128 key = h.finish();
  auto artifact = artifacts().get(key, [&] {
    auto made = std::make_shared<Artifact>();
    const bool onDisk = usesDisk();
    const std::string identity = onDisk ? identityOf(key) : "";
    if (onDisk && loadArtifact(identity, *made))
      return made;
    BorrowedSession session;
    auto module = session->lower(function, options, convert::Locations::sites);
    const auto locate = [&](uint32_t site) {
      std::vector<uint32_t> order = function.programOrder();
      return function.locate(site < order.size() ? function.op(order[site]).place : function.place);
    };
    made->text = msl::emitMSL(kernelOf(*module), {.version = options.mslVersion, .locate = locate});
    made->structure = ir::hash(function, ir::HashScope::structure);
    if (onDisk)
      diskCache().store("msl", identity, encode(*made));
    return made;
  });
  return std::make_shared<CompiledKernel>(std::move(function), options, std::move(artifact), key);
}

CacheStatistics cacheStatistics() { return artifacts().statistics(); }
CacheStatistics hostCodeStatistics() { return hostCodes().statistics(); }
void clearCache() {
  artifacts().clear();
  hostCodes().clear();
}

} // namespace enigma::compile
