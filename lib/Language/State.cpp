// SPDX-License-Identifier: MIT
//
// See State.h: which handles may be used, and which variables a block carries.
#include "State.h"

#include <algorithm>

namespace enigma::language {
namespace {

// Of this thread, the innermost last. A builder that is gone, or finished, is passed over.
thread_local std::vector<std::weak_ptr<State>> building;

constexpr int mostRounds = 16; ///< of tracing a block until the variables that it assigns are known

} // namespace

State::State(std::string name) : function(std::move(name)) { function.setLocations(places); }

void enter(const std::shared_ptr<State> &state) {
  std::erase_if(building, [](const auto &other) { return other.expired(); });
  building.push_back(state);
}

State &current(std::string_view what, const std::source_location &place) {
  for (; !building.empty(); building.pop_back())
    if (auto state = building.back().lock(); state && !state->finished)
      return *state;
  throw Error(ErrorKind::Trace, std::string(what) + ": works only while a kernel is built", locOf(place),
              {"make an enigma::KernelBuilder first, or use it in the body of an enigma::Kernel"});
}

State &stateOf(std::string_view what, std::initializer_list<const Operand *> operands,
               const std::source_location &place) {
  for (const Operand *operand : operands)
    if (!operand->isNumber())
      return *operand->value().state;
  return current(what, operands.size() ? (*operands.begin())->location() : place);
}

void State::requireOpen(const std::source_location &place) const {
  if (finished)
    throw Error(ErrorKind::Trace, "kernel " + function.name() + " is finished: nothing can be added to it",
                locOf(place),
                {"values exist only while their kernel is built; run the kernel to get numbers"});
}

SourceLoc locOf(const std::source_location &place) {
  uint32_t column = place.column() ? place.column() - 1 : 0;
  return {place.file_name(), place.line(), column, place.line(), column + 1};
}

ir::Place State::placeOf(const std::source_location &place) { return places->add(locOf(place)); }

// Notes say what to write instead, as Python has it.
void State::rethrow(const Error &e) {
  std::vector<std::string> notes = e.notes();
  for (std::string &note : notes)
    for (size_t at; (at = note.find("enigma.")) != std::string::npos;)
      note.replace(at, 7, "enigma::");
  Error translated(e.kind(), e.message(), e.loc(), std::move(notes));
  if (!error)
    error = std::make_exception_ptr(translated);
  throw translated;
}

ir::Value State::use(std::string_view what, const Handle &handle) {
  if (handle.state.get() != this)
    builder.fail(std::string(what) + ": the " + handle.state->function.type(handle.value).str() +
                     " belongs to another kernel, " + handle.state->function.name(),
                 {"values live in the kernel that computes them; pass data between kernels in buffers"});
  if (std::find(blocks.begin(), blocks.end(), handle.block) == blocks.end())
    builder.fail(std::string(what) + ": the value was computed in a loop or branch that has ended",
                 {"only what the block assigns to an enigma::Variable is known after it"});
  return handle.value;
}

ir::Operand State::use(std::string_view what, const Operand &operand) {
  if (operand.isNumber())
    return operand.numberValue();
  ir::Value value = use(what, operand.value());
  if (function.type(value).isBuffer())
    builder.fail(std::string(what) + ": needs a value, got a buffer", {"index it: A[i]"});
  return value;
}

ir::Value State::valueOf(std::string_view what, const Operand &operand) {
  ir::Operand used = use(what, operand);
  return used.isLiteral() ? builder.literal(used.literal) : used.value;
}

uint32_t State::declare(ir::Value initial, std::string_view name) {
  variables.push_back({function.type(initial), initial, blocks.back(), nextSerial++, std::string(name)});
  if (!name.empty())
    function.setName(initial, name);
  return variables.size() - 1;
}

State::Slot &State::variable(uint32_t index, uint64_t serial) {
  if (index >= variables.size() || variables[index].serial != serial)
    builder.fail("the variable belongs to a loop or branch that has ended",
                 {"make the enigma::Variable before the block"});
  return variables[index];
}

void State::assign(uint32_t index, uint64_t serial, ir::Value value) {
  Slot &slot = variable(index, serial);
  slot.value = value;
  slot.block = blocks.back();
  assigned.back().push_back(index);
  if (!slot.name.empty())
    function.setName(value, slot.name);
}

uint32_t State::open(std::span<const ir::Type> args, std::span<const uint32_t> carried, size_t skip) {
  uint32_t region = builder.openRegion(args);
  blocks.push_back(nextBlock++);
  declared.push_back(variables.size());
  if (args.size() > skip)
    setValues(carried, std::span(function.region(region).args).subspan(skip));
  return region;
}

void State::close(std::span<const ir::Value> first, std::span<const uint32_t> carried,
                  std::span<const ir::Value> last) {
  std::vector<ir::Value> yields = valuesOf(carried);
  yields.insert(yields.begin(), first.begin(), first.end());
  yields.insert(yields.end(), last.begin(), last.end());
  builder.closeRegion(yields);
  blocks.pop_back();
  variables.resize(declared.back());
  declared.pop_back();
}

std::vector<ir::Value> State::valuesOf(std::span<const uint32_t> carried) const {
  std::vector<ir::Value> out;
  for (uint32_t index : carried)
    out.push_back(variables[index].value);
  return out;
}

std::vector<ir::Type> State::typesOf(std::span<const uint32_t> carried) const {
  std::vector<ir::Type> out;
  for (uint32_t index : carried)
    out.push_back(variables[index].type);
  return out;
}

void State::setValues(std::span<const uint32_t> carried, std::span<const ir::Value> values) {
  for (size_t i = 0; i < carried.size(); ++i) {
    Slot &slot = variables[carried[i]];
    slot.value = values[i];
    slot.block = blocks.back();
    if (!slot.name.empty())
      function.setName(slot.value, slot.name);
  }
}

void State::run(const std::function<void()> &block) {
  const size_t outer = guards.size();
  hasLeft = false;
  block();
  closeGuards(outer);
  hasLeft = false;
}

void State::carrying(const std::function<bool(std::span<const uint32_t>)> &trace) {
  const auto mark = function.mark();
  const auto variablesBefore = variables;
  const size_t depth = blocks.size(), guarded = guards.size(), looping = loops.size();
  const ir::Place place = builder.place;
  auto restore = [&] {
    function.rollback(mark);
    variables = variablesBefore;
    blocks.resize(depth);
    declared.resize(depth - 1);
    guards.resize(guarded);
    loops.resize(looping);
    hasLeft = false;
    builder.place = place;
  };
  std::vector<uint32_t> carried;
  for (int round = 0;; ++round) {
    const size_t level = assigned.size();
    assigned.emplace_back();
    bool asksAgain = false;
    try {
      asksAgain = trace(carried);
    } catch (...) {
      if (!error) // also where it is no error of Enigma: a part of the block is missing
        error = std::current_exception();
      assigned.resize(level);
      restore();
      throw;
    }
    std::vector<uint32_t> found = std::move(assigned.back());
    assigned.pop_back();
    std::erase_if(found, [&](uint32_t index) { return index >= variablesBefore.size(); });
    found.insert(found.end(), carried.begin(), carried.end());
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (found == carried && !asksAgain) {
      assigned.back().insert(assigned.back().end(), found.begin(), found.end());
      return;
    }
    restore();
    if (round == mostRounds)
      builder.fail("the block assigns other variables each time that it is built",
                   {"a block may be run more than once while the kernel is built: let it do nothing else"});
    carried = std::move(found);
  }
}

} // namespace enigma::language
