// What can become of a model on a device, as steps that may be repeated: a server that got no answer asks again. Each
// is played on a Bench, by tests that let its disk or its power fail.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/support/faulty_disk.hpp"
#include "tests/unit/agent/update/update_bench.hpp"

namespace argosy::agent::test {

struct ScenarioStep {
  std::function<wire::DesiredModel(Bench&)> wish;
  ProbationTotals traffic{100, 0, 10.0, false};
  int shadow_answers = 0;  // that the program gives between two looks
  double accuracy = 0.95;  // what the runner finds
  std::uint64_t connection_lasts = ~0ULL;
  bool withdraw = false;  // as soon as the connection broke
  Phase end = Phase::committed;
  std::string serves;  // the model's content in the end
};

struct Scenario {
  std::string name;
  argosy::test::Image start;  // of the device's disk
  std::vector<ScenarioStep> steps;
};

// Patch, full update, rejection and so on.
const std::vector<Scenario>& scenarios();

// The server wishes, time passes, traffic flows, until the step has ended, or a long time has passed, or the power
// is gone. Whether it has ended.
bool play(Bench& bench, const ScenarioStep& step, std::uint32_t attempt);

// The content of a served, whole model whose digest is that of its release.json; empty, with a failure noted,
// otherwise.
std::string whole_served_model(const Bench& bench);

// What lies on the disk beside two slots, the link, the journal and the data set, in words; empty when nothing does.
std::string litter_on(const Bench& bench);

// A model with numbers in it, big enough for several chunks of a patch; `version` makes it another.
const std::string& large_model(int version);

}  // namespace argosy::agent::test
