// A device in memory that does what the update machine asks: a disk with slots and downloads, a server that serves
// every blob, and a power switch that can be thrown at any point between two writes.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "agent/update/plan.hpp"
#include "agent/update/update_machine.hpp"

namespace argosy::agent::test {

struct PowerLoss {};

inline std::string digest_of(char letter) {
  return std::string(64, letter);
}

inline SlotContent content_of(const std::string& version, char letter, bool proven) {
  return {version, digest_of(letter), "onnx", 1000, proven};
}

inline wire::DesiredModel wish_for(const std::string& version, char letter, std::int64_t rollout = 1) {
  wire::DesiredModel wish;
  wish.model = "digits";
  wish.version = version;
  wish.rollout = rollout;
  wish.format = "onnx";
  wish.artifact = {digest_of(letter), 1000};
  wish.probation.duration_s = 10;
  wish.probation.min_observations = 20;
  wish.probation.max_latency_ratio = 1.5;
  wish.probation.max_error_rate = 0.1;
  return wish;
}

inline wire::DesiredModel with_patch(wire::DesiredModel wish, char base, std::uint64_t size = 100) {
  wish.patches.push_back({digest_of(base), "bsdiff", {digest_of('9'), size}, {}});
  return wish;
}

inline wire::DesiredModel with_streamed_patch(wire::DesiredModel wish, char base, std::uint64_t size = 100) {
  wish.patches.push_back({digest_of(base), "tensor", {digest_of('9'), size}, {}});
  return wish;
}

// base -> step -> the wish's artifact.
inline wire::DesiredModel with_chain(wire::DesiredModel wish, char base, char step) {
  wish.patches.push_back({digest_of(base), "tensor", {digest_of('7'), 60}, wire::BlobRef{digest_of(step), 900}});
  wish.patches.push_back({digest_of(step), "tensor", {digest_of('6'), 50}, {}});
  return wish;
}

inline wire::DesiredModel with_part(wire::DesiredModel wish, const std::string& name, char letter) {
  wish.parts.push_back({name, {digest_of(letter), 500}, {}});
  return wish;
}

inline wire::DesiredModel with_patched_part(wire::DesiredModel wish, const std::string& name, char letter, char base,
                                            const std::string& codec = "tensor") {
  wish.parts.push_back({name, {digest_of(letter), 500}, {{digest_of(base), codec, {digest_of('5'), 40}, {}}}});
  return wish;
}

inline wire::DesiredModel with_shadow(wire::DesiredModel wish, bool required = false) {
  wish.shadow = wire::ShadowSpec{.samples = 100, .max_s = 600, .required = required};
  return wish;
}

inline wire::DesiredModel with_dataset(wire::DesiredModel wish) {
  wish.validation.dataset = wire::BlobRef{digest_of('8'), 50};
  wish.validation.threshold = 0.9;
  return wish;
}

class World {
 public:
  Slots disk;
  std::set<std::string> blobs;  // fetched
  std::optional<UpdateState> journal;
  UpdateState state;
  Instant now = instant_from_ms(1'700'000'000'000);
  std::uint64_t free_bytes = 1ULL << 30;
  std::vector<Phase> phases;  // every one that was entered
  bool patch_applies = true;
  bool slots_share = true;            // their files' names
  std::set<std::string> spoilt = {};  // digests of slots' files whose bytes are others by now
  std::string effects;                // a letter each: fetch, share, patch
  bool model_is_good = true;
  ProbationTotals probation{100, 0, 10.0, false};
  std::optional<wire::ShadowCounts> shadow = {};  // what the program tells a minute; none: it offers no answers
  std::optional<int> power_lasts;                 // chances to fail until the power goes

  static World serving(const std::string& version, char letter, std::vector<wire::Part> parts = {}) {
    World world;
    world.disk.content[0] = content_of(version, letter, true);
    world.disk.content[0]->parts = std::move(parts);
    world.disk.serving = SlotName::a;
    world.boot();
    return world;
  }

  void boot() {
    todo_.clear();
    take(recover(journal, disk, now));
  }
  void give(const Event& event) { take(step(state, event, now)); }
  void wish(const wire::DesiredModel& wish) { give(Wished{wish}); }

  // Works until nothing is left to do: the update has ended, or waits for what does not come.
  void run_to_end() {
    for (int i = 0; i < 1000; ++i)
      if (!run_one()) return;
  }
  // One effect, or, when there is none, time passes. False when the update has ended.
  bool run_one() {
    if (!todo_.empty()) {
      const Effect effect = todo_.front();
      todo_.pop_front();
      chance();
      const auto outcome = std::visit([&](const auto& work) { return perform(work, effect.ticket); }, effect.work);
      chance();
      if (outcome) give(*outcome);
      return true;
    }
    now += std::chrono::seconds(1);
    if (state.phase == Phase::shadowing && shadow && now + std::chrono::minutes(1) < *wake_at(state)) {
      now += std::chrono::minutes(1);
      give(Shadowed{*shadow});
      return true;
    }
    if (const auto due = wake_at(state)) {
      now = std::max(now, *due);
      give(Tick{});
      return true;
    }
    if (state.phase == Phase::probation) {
      now += std::chrono::seconds(5);
      give(Observed{probation});
      return true;
    }
    return false;
  }
  bool run_until(Phase phase) {
    for (int i = 0; i < 1000 && state.phase != phase; ++i)
      if (!run_one()) break;
    return state.phase == phase;
  }

  std::string served_version() const {
    const SlotContent* served = disk.served();
    return served == nullptr ? "" : served->version;
  }
  const std::deque<Effect>& todo() const { return todo_; }

 private:
  void chance() {
    if (power_lasts && (*power_lasts)-- <= 0) throw PowerLoss{};
  }
  void take(Step step) {
    chance();
    if (step.keep) journal = step.next;
    chance();
    if (step.next.phase != state.phase) phases.push_back(step.next.phase);
    state = std::move(step.next);
    for (Effect& effect : step.effects) {
      if (std::holds_alternative<Abort>(effect.work)) todo_.clear();
      todo_.push_back(std::move(effect));
    }
  }
  using Outcome = std::optional<Event>;

  Outcome perform(const Survey&, std::int64_t ticket) {
    Surveyed seen;
    seen.ticket = ticket;
    seen.free_bytes = free_bytes;
    seen.have_bytes.clear();
    const std::vector<wire::Part> files = files_of(*state.wish);
    for (std::size_t i = 0; i < files.size(); ++i) {
      seen.have_bytes.push_back(blobs.contains(files[i].blob.digest) ? files[i].blob.size : 0);
      for (const wire::PatchOffer& patch : patches_to(*state.wish, i))
        if (patch.result && blobs.contains(patch.result->digest)) seen.results.insert(patch.result->digest);
    }
    if (state.wish->validation.dataset) seen.dataset_ready = blobs.contains(state.wish->validation.dataset->digest);
    return seen;
  }
  Outcome perform(const ClearSlot& effect, std::int64_t) {
    disk.at(effect.slot).reset();
    return std::nullopt;
  }
  Outcome perform(const ShareFile& effect, std::int64_t ticket) {
    effects += 's';
    const bool there = slots_share && disk.at(effect.slot) && disk.holding(effect.blob.digest);
    if (!there) return FetchFailed{ticket, make_error(Errc::io, "no links here"), false, std::nullopt};
    blobs.insert(effect.blob.digest);
    return Fetched{ticket};
  }
  Outcome perform(const FetchBlob& effect, std::int64_t ticket) {
    effects += 'f';
    spoilt.erase(effect.blob.digest);
    blobs.insert(effect.blob.digest);
    return Fetched{ticket};
  }
  Outcome perform(const StreamPatch& effect, std::int64_t ticket) {
    if (!patch_applies) return FetchFailed{ticket, make_error(Errc::malformed_patch, "broken"), false, std::nullopt};
    if (!has_base(effect.patch, effect.base))
      return FetchFailed{ticket, make_error(Errc::base_mismatch, "no base"), false, std::nullopt};
    chance();
    effects += 'p';
    blobs.insert(result_of(effect.patch, present_file(state)).digest);
    return Fetched{ticket};
  }
  Outcome perform(const ApplyPatch& effect, std::int64_t ticket) {
    if (!patch_applies) return PatchFailed{ticket, make_error(Errc::malformed_patch, "broken")};
    if (!has_base(effect.patch, effect.base)) return PatchFailed{ticket, make_error(Errc::base_mismatch, "no base")};
    chance();
    effects += 'p';
    blobs.insert(result_of(effect.patch, present_file(state)).digest);
    return Patched{ticket};
  }
  bool has_base(const wire::PatchOffer& patch, const std::optional<SlotName>& base) const {
    if (!base) return blobs.contains(patch.base_digest);
    if (!disk.at(*base)) return false;
    const auto files = files_of(*disk.at(*base));
    return std::any_of(files.begin(), files.end(),
                       [&](const wire::Part& file) { return file.blob.digest == patch.base_digest; });
  }
  Outcome perform(const VerifyVersion& effect, std::int64_t ticket) {
    const std::vector<wire::Part> files = files_of(*state.wish);
    const bool sealed = disk.at(effect.target) && files_of(*disk.at(effect.target)) == files;
    for (std::size_t i = 0; i < files.size() && !sealed; ++i) {
      const std::string& digest = files[i].blob.digest;
      if (blobs.contains(digest) && !spoilt.contains(digest)) continue;
      blobs.erase(digest);
      return VerifyFailed{ticket, make_error(Errc::digest_mismatch, "not what it should be"), i};
    }
    disk.at(effect.target).reset();
    chance();
    disk.at(effect.target) = agent::content_of(*state.wish);
    return Verified{ticket};
  }
  Outcome perform(const Validate&, std::int64_t ticket) {
    ValidationOutcome outcome;
    outcome.passed = model_is_good;
    outcome.cause = model_is_good ? "" : "validate_rejected";
    outcome.value = model_is_good ? 0.95 : 0.5;
    return Validated{ticket, outcome, Baseline{10.0, 100}};
  }
  Outcome perform(const Activate& effect, std::int64_t ticket) {
    disk.serving = effect.target;
    return Activated{ticket};
  }
  Outcome perform(const RollBack& effect, std::int64_t ticket) {
    disk.serving = effect.target;
    return RolledBack{ticket};
  }
  Outcome perform(const MarkProven& effect, std::int64_t) {
    disk.at(effect.slot)->proven = true;
    return std::nullopt;
  }
  Outcome perform(const MendLink& effect, std::int64_t) {
    disk.serving = effect.slot;
    return std::nullopt;
  }
  Outcome perform(const Abort&, std::int64_t) { return std::nullopt; }
  Outcome perform(const Sweep&, std::int64_t) { return std::nullopt; }

  std::deque<Effect> todo_;
};

}  // namespace argosy::agent::test
