// Which ways to the files of a wished version are the cheapest that fit on the disk together. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/update/update_state.hpp"

namespace argosy::agent {

struct PlanResources {  // what the plan may count on
  std::uint64_t free_bytes = 0;
  std::vector<std::uint64_t> have_bytes = {0};   // of each whole file, already downloaded; all of it: it is here
  std::vector<bool> whole_only = {false};        // of each: by no patch and from no slot
  std::uint64_t dataset_bytes = 0;               // still to be fetched
  std::uint64_t reserve_bytes = 0;               // to be left free
  std::map<std::string, std::uint64_t> applied;  // by patch: its bytes that have been applied already
  std::set<std::string> results;                 // files made by first steps, by digest: bases like those in the slots
};

struct Plan {
  std::size_t file = 0;  // the first that is not here; the others' ways are only weighed
  Source source = Source::full;
  std::optional<wire::PatchOffer> patch;  // when source is patch: the next step
  bool clear_target = false;              // the target slot's old version must go first, to make room
};

// Applied while it comes in, so that it takes no room of its own; others are fetched first.
bool is_streamed(const wire::PatchOffer& patch);
// What a patch makes on the way to this file.
const wire::BlobRef& result_of(const wire::PatchOffer& patch, const wire::BlobRef& file);

// One of the wish's files at least is not here. Errc::out_of_space with the numbers when no ways fit.
Result<Plan> make_plan(const wire::DesiredModel& wish, const Slots& slots, SlotName target,
                       const PlanResources& resources);

}  // namespace argosy::agent
