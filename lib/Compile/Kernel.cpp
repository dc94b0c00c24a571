// SPDX-License-Identifier: MIT
//
// Kernels of C++ applications: arguments of C++ types are held against the parameters, then bound.
#include "enigma/Compile/Kernel.h"

#include "enigma/IR/Constant.h"

#include <cstring>

namespace enigma {

Kernel::Kernel(ir::Function function, const compile::Options &options)
    : kernel(compile::compile(std::move(function), options)) {}
Kernel::Kernel(KernelBuilder &builder, const compile::Options &options) : Kernel(builder.finish(), options) {}

Kernel Kernel::specialize(std::initializer_list<std::pair<std::string_view, Operand>> constants) const {
  std::vector<ir::ConstantBinding> bindings;
  for (const auto &[name, number] : constants) {
    const auto refuse = [&](const std::string &why) {
      std::string known;
      for (const ir::FunctionConstant &c : kernel->declaredConstants())
        known += (known.empty() ? "" : ", ") + c.name;
      throw Error(ErrorKind::Compile, kernel->kernelName() + ": function constant " + std::string(name) + why,
                  {}, {known.empty() ? "the kernel declares none" : "it declares " + known});
    };
    const ir::FunctionConstant *found = nullptr;
    for (const ir::FunctionConstant &c : kernel->declaredConstants())
      if (c.name == name)
        found = &c;
    if (!found)
      refuse(" is none of its own");
    const std::string type(ir::name(found->elem));
    if (!number.isNumber())
      refuse(" needs a number, got a value of a kernel");
    const auto bits = ir::constantBits(found->elem, number.numberValue());
    if (!bits)
      refuse(" is " + type + ", which cannot hold " + number.numberValue().str());
    bindings.push_back({found->index, *bits, true});
  }
  return Kernel(kernel->specialized(bindings));
}

std::shared_ptr<runtime::Pipeline> Kernel::pipeline(runtime::Device &device, bool check) const {
  return device.capabilities().backend == "metal" ? kernel->metalPipeline(device)
                                                  : kernel->hostPipeline(device, check);
}

std::vector<runtime::Argument> Kernel::bind(std::span<const Argument> arguments) const {
  auto params = kernel->params();
  auto refuse = [&](std::string why, std::vector<std::string> notes = {}) {
    throw Error(ErrorKind::Launch, kernel->kernelName() + ": " + why, {}, std::move(notes));
  };
  if (arguments.size() != params.size()) {
    std::string names;
    for (const ir::Param &param : params)
      names += (names.empty() ? "" : ", ") + param.name;
    refuse("takes " + std::to_string(params.size()) + " arguments, got " + std::to_string(arguments.size()),
           {"the parameters are " + names});
  }
  std::vector<runtime::Argument> bound;
  for (size_t i = 0; i < params.size(); ++i) {
    const ir::Param &param = params[i];
    const Argument &given = arguments[i];
    const std::string subject = "parameter " + param.name, type(ir::name(param.type.elem));
    const std::string whole = ir::pythonName(param.type.element());
    const auto components = static_cast<uint64_t>(param.type.lanes), size = uint64_t(param.type.bytes());
    if (given.isNumber) {
      if (param.type.isBuffer())
        refuse(subject + " needs a buffer of " + whole + ", got the number " + given.number.str());
      if (components > 1)
        refuse(subject + " needs the " + std::to_string(components) + " numbers of one " + whole +
                   ", got the number " + given.number.str(),
               {"pass a std::array of them"});
      auto bits = ir::constantBits(param.type.elem, given.number);
      if (!bits)
        refuse(subject + " is " + type + ", which cannot hold " + given.number.str());
      bound.push_back(runtime::Argument::scalarBytes(&*bits, ir::bytes(param.type.elem)));
      continue;
    }
    if (!param.type.isBuffer() && components == 1)
      refuse(subject + " needs one number of type " + type + ", got memory");
    if (given.typed && given.elem != param.type.elem)
      refuse(subject + " needs memory of " + type + ", got " + std::string(ir::name(given.elem)),
             {"use the C++ type of that name, or enigma::Argument::bits where there is none"});
    const uint64_t bytes = given.argument.bytes();
    if (!param.type.isBuffer()) {
      const uint64_t numbers = components * uint64_t(ir::bytes(param.type.elem));
      if (!given.typed || bytes != numbers)
        refuse(subject + " needs the " + std::to_string(components) + " numbers of one " + whole + ", got " +
                   std::to_string(bytes) + " bytes of memory",
               {"pass a std::array of them"});
      unsigned char vector[runtime::Argument::mostValueBytes] = {};
      std::memcpy(vector, given.argument.data(), numbers);
      bound.push_back(runtime::Argument::scalarBytes(vector, size));
      continue;
    }
    if (bytes % size)
      refuse(subject + " holds elements of " + std::to_string(size) + " bytes, " + whole + ", got " +
             std::to_string(bytes) + " bytes");
    bound.push_back(given.argument);
  }
  return bound;
}

double Kernel::run(runtime::Device &device, runtime::Size3 grid, runtime::Size3 threads,
                   std::initializer_list<Argument> arguments, const runtime::RunOptions &options) const {
  return device.run(*pipeline(device), bind(arguments), grid, threads, options);
}

std::unique_ptr<runtime::PreparedLaunch> Kernel::prepare(runtime::Device &device,
                                                         std::initializer_list<Argument> arguments) const {
  return device.prepare(pipeline(device), bind(arguments));
}

uint64_t Kernel::submit(runtime::Device &device, runtime::Size3 grid, runtime::Size3 threads,
                        std::initializer_list<Argument> arguments, const runtime::RunOptions &options) const {
  return device.stream().submit(pipeline(device), bind(arguments), grid, threads, options);
}

std::shared_ptr<runtime::Device> defaultDevice() {
  return runtime::metalDeviceNames().empty() ? runtime::hostDevice() : runtime::metalDevice();
}

} // namespace enigma
