// SPDX-License-Identifier: MIT
//
// break_ and continue_. Blocks are lambdas, of which none can be left early; so a flag says whether the
// thread has left, and what follows is built into a branch on it. The flags are those of Python's front end
// (python/enigma/flow_exits.py), and the emitter prints them as `break` and `continue`.
#include "State.h"
#include "enigma/Language/ControlFlow.h"

namespace enigma {

void break_(std::source_location place) {
  language::State &s = language::current("break_", place);
  s.at(place, [&](ir::Builder &) { s.leave("break_", true); });
}

void continue_(std::source_location place) {
  language::State &s = language::current("continue_", place);
  s.at(place, [&](ir::Builder &) { s.leave("continue_", false); });
}

namespace language {

namespace {
ir::Value constant(ir::Builder &b, bool value) { return b.literal(ir::Literal(value)); }
} // namespace

ir::Value State::runLoop(Loop &loop, const std::function<void()> &body) {
  loop.isNews = false;
  loop.hasContinues = loop.continues;
  loop.skip = loop.leaves() ? declare(constant(builder, false), {}) : Loop::none;
  loop.stop = !loop.breaks ? Loop::none : loop.continues ? declare(constant(builder, false), {}) : loop.skip;
  loops.push_back(&loop);
  run(body);
  loops.pop_back();
  return loop.stop == Loop::none ? ir::Value{} : variables[loop.stop].value;
}

void State::runOutsideLoops(const std::function<void()> &block) {
  loops.push_back(nullptr);
  run(block);
  loops.pop_back();
}

void State::leave(std::string_view what, bool ends) {
  if (loops.empty() || !loops.back())
    builder.fail(std::string(what) + ": works only in the block of for_range or of while_");
  Loop &loop = *loops.back();
  // Without a flag for it this round is thrown away. A flag of breaks alone is no flag of continues.
  if (loop.skip == Loop::none || (ends ? loop.stop == Loop::none : !loop.hasContinues)) {
    (ends ? loop.breaks : loop.continues) = true;
    loop.isNews = true;
    return;
  }
  const ir::Value yes = constant(builder, true);
  assign(loop.skip, variables[loop.skip].serial, yes);
  if (ends && loop.stop != loop.skip)
    assign(loop.stop, variables[loop.stop].serial, yes);
  hasLeft = true;
}

ir::Value State::skipped() const {
  if (loops.empty() || !loops.back() || loops.back()->skip == Loop::none)
    return {};
  return variables[loops.back()->skip].value;
}

void State::openGuard() {
  hasLeft = false;
  const ir::Value condition = builder.emit(ir::Opcode::not_, {skipped()});
  const auto before = variables;
  const uint32_t region = open({}, {}, 0), skip = loops.back()->skip;
  const ir::Value no = constant(builder, false); // which is what the flag is in here
  variables[skip].value = no;
  guards.push_back({condition, no, region, skip, before});
}

void State::closeGuards(size_t downTo) {
  while (guards.size() > downTo) {
    const Guard guard = std::move(guards.back());
    guards.pop_back();
    std::vector<uint32_t> changed;
    for (uint32_t i = 0; i < guard.before.size(); ++i)
      if (variables[i].value.id != (i == guard.skip ? guard.inside : guard.before[i].value).id)
        changed.push_back(i);
    close({}, changed);
    variables = guard.before;
    const uint32_t other = open({}, {}, 0);
    close({}, changed);
    setValues(changed, builder.ifElse(guard.condition, guard.region, other));
  }
}

} // namespace language
} // namespace enigma
