#include "tests/sim/sim_device.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace argosy::sim {
namespace {

using namespace std::chrono_literals;
using agent::SlotName;

constexpr auto half_written = "?";
constexpr std::uint64_t seen_a_look = 8;
constexpr int shadowed_a_look = 100;

std::size_t index_of(SlotName slot) {
  return static_cast<std::size_t>(slot);
}

}  // namespace

Device::Device(std::string name, std::string hardware_class, Disk disk, Scheduler& scheduler, Rng& rng,
               Network& network, DeviceFaults faults, Ports ports)
    : name_(std::move(name)),
      hardware_class_(std::move(hardware_class)),
      disk_(std::move(disk)),
      scheduler_(scheduler),
      rng_(rng),
      network_(network),
      faults_(faults),
      ports_(std::move(ports)) {}

std::string Device::serves() const {
  const auto* served = disk_.slots.served();
  return served == nullptr ? std::string() : served->version;
}

void Device::power_on() {
  if (powered_) return;
  powered_ = true;
  ++boot_;
  rev_ = 0;
  busy_until_ = scheduler_.now();
  if (rng_.chance(faults_.lost_journal)) disk_.journal.reset();
  state_ = {};
  auto first = agent::recover(disk_.journal, disk_.slots, scheduler_.now());
  if (first.next.seed == 0) first.next.seed = stable_hash(1, name_);
  take_step(std::move(first));
  if (!powered_) return;
  beat();
  ask();
  observe();
}

void Device::power_off() {
  powered_ = false;
}

void Device::take(const wire::Desired& desired) {
  if (!powered_ || desired.rev < rev_) return;
  rev_ = desired.rev;
  if (desired.models.empty()) return handle(agent::Withdrawn{});
  handle(agent::Wished{desired.models.front()});
}

void Device::handle(const agent::Event& event) {
  if (powered_) take_step(agent::step(state_, event, scheduler_.now()));
}

void Device::take_step(agent::Step step) {
  if (step.keep && rng_.chance(faults_.cut_at_save)) return power_off();
  if (step.keep) disk_.journal = step.next;
  if (step.keep && rng_.chance(faults_.cut_at_save)) return power_off();
  const bool moved = step.next.phase != state_.phase;
  if (moved || step.keep) {
    ports_.trace(name_ + " " + std::string(to_string(step.next.phase)) + " " +
                 (step.next.wish ? step.next.wish->version : "-") + " serving " + serves() + " " + step.next.message);
  }
  state_ = std::move(step.next);
  if (state_.phase != agent::Phase::probation) observed_ = 0;
  for (const auto& effect : step.effects) act(effect);
  if (moved) say();
  check_disk();
}

void Device::later(Duration delay, std::function<void()> action) {
  scheduler_.in(delay, [this, boot = boot_, action = std::move(action)] {
    if (powered_ && boot == boot_) action();
  });
}

void Device::job(Duration duration, std::function<void()> work) {
  busy_until_ = std::max(busy_until_, scheduler_.now()) + duration;
  later(busy_until_ - scheduler_.now(), std::move(work));
}

void Device::act(const agent::Effect& effect) {
  const auto ticket = effect.ticket;
  if (std::holds_alternative<agent::Survey>(effect.work)) {
    job(100ms, [this, ticket] {
      const auto have = state_.wish ? disk_.fetched[state_.wish->artifact.digest] : 0;
      agent::Surveyed seen;
      seen.ticket = ticket;
      seen.free_bytes = 1ULL << 40;
      seen.have_bytes = {have};
      handle(seen);
    });
  } else if (const auto* clear = std::get_if<agent::ClearSlot>(&effect.work)) {
    job(100ms, [this, slot = clear->slot] {
      disk_.slots.at(slot).reset();
      disk_.file_digest[index_of(slot)].clear();
    });
  } else if (const auto* blob = std::get_if<agent::FetchBlob>(&effect.work)) {
    fetch(*blob, ticket);
  } else if (const auto* shared = std::get_if<agent::ShareFile>(&effect.work)) {
    job(50ms, [this, ticket, blob = shared->blob] {
      disk_.fetched[blob.digest] = blob.size;
      handle(agent::Fetched{ticket});
    });
  } else if (const auto* stream = std::get_if<agent::StreamPatch>(&effect.work)) {
    stream_patch(*stream, ticket);
  } else if (const auto* patch = std::get_if<agent::ApplyPatch>(&effect.work)) {
    apply_patch(*patch, ticket);
  } else if (const auto* artifact = std::get_if<agent::VerifyVersion>(&effect.work)) {
    verify(*artifact, ticket);
  } else if (std::holds_alternative<agent::Validate>(effect.work)) {
    validate(ticket);
  } else if (const auto* activate = std::get_if<agent::Activate>(&effect.work)) {
    job(500ms, [this, ticket, slot = activate->target] {
      lead_to(slot);
      handle(agent::Activated{ticket});
    });
  } else if (const auto* back = std::get_if<agent::RollBack>(&effect.work)) {
    job(500ms, [this, ticket, slot = back->target] {
      lead_to(slot);
      handle(agent::RolledBack{ticket});
    });
  } else if (const auto* proven = std::get_if<agent::MarkProven>(&effect.work)) {
    job(50ms, [this, slot = proven->slot] {
      if (disk_.slots.at(slot)) disk_.slots.at(slot)->proven = true;
    });
  } else if (const auto* link = std::get_if<agent::MendLink>(&effect.work)) {
    job(50ms, [this, slot = link->slot] { lead_to(slot); });
  }
}

void Device::fetch(const agent::FetchBlob& work, std::int64_t ticket) {
  const auto blob = work.blob;
  const Duration duration{1000 + static_cast<std::int64_t>(rng_.below(60'000))};
  later(duration / 2, [this, ticket, blob] {
    if (!network_.reaches(name_)) return;
    auto& have = disk_.fetched[blob.digest];
    have = std::max(have, blob.size / 2);
    handle(agent::FetchProgress{ticket, have});
  });
  later(duration, [this, ticket, blob] {
    const bool broken = !network_.reaches(name_) || rng_.chance(faults_.bad_fetch);
    if (broken) {
      return handle(agent::FetchFailed{ticket, make_error(Errc::io, "the connection broke"), true, std::nullopt});
    }
    disk_.fetched[blob.digest] = blob.size;
    handle(agent::Fetched{ticket});
  });
}

bool Device::makes_the_model(const wire::PatchOffer& patch, const std::optional<SlotName>& base) {
  const bool fits = base && disk_.file_digest[index_of(*base)] == patch.base_digest;
  return fits && !rng_.chance(faults_.bad_patch);
}

void Device::stream_patch(const agent::StreamPatch& work, std::int64_t ticket) {
  const wire::BlobRef wanted = state_.wish->artifact;
  later(Duration{1000 + static_cast<std::int64_t>(rng_.below(60'000))}, [this, work, ticket, wanted] {
    if (!network_.reaches(name_) || rng_.chance(faults_.bad_fetch))
      return handle(agent::FetchFailed{ticket, make_error(Errc::io, "the connection broke"), true, std::nullopt});
    if (!makes_the_model(work.patch, work.base))
      return handle(
          agent::FetchFailed{ticket, make_error(Errc::malformed_patch, "it does not fit"), false, std::nullopt});
    disk_.fetched[wanted.digest] = wanted.size;
    handle(agent::Fetched{ticket});
  });
}

void Device::apply_patch(const agent::ApplyPatch& work, std::int64_t ticket) {
  const wire::BlobRef wanted = state_.wish->artifact;
  job(Duration{2000 + static_cast<std::int64_t>(rng_.below(20'000))}, [this, work, ticket, wanted] {
    if (!makes_the_model(work.patch, work.base))
      return handle(agent::PatchFailed{ticket, make_error(Errc::malformed_patch, "it does not fit")});
    disk_.fetched[wanted.digest] = wanted.size;
    handle(agent::Patched{ticket});
  });
}

void Device::verify(const agent::VerifyVersion& work, std::int64_t ticket) {
  job(1000ms, [this, target = work.target, ticket, wish = *state_.wish] {
    auto& file = disk_.file_digest[index_of(target)];
    if (disk_.fetched[wish.artifact.digest] == wish.artifact.size) {
      disk_.slots.at(target).reset();
      file = wish.artifact.digest;
      disk_.fetched.erase(wish.artifact.digest);
    }
    if (file != wish.artifact.digest) {
      return handle(agent::VerifyFailed{ticket, make_error(Errc::digest_mismatch, "other bytes")});
    }
    disk_.slots.at(target) = {wish.version, wish.artifact.digest, wish.format, wish.artifact.size, false};
    handle(agent::Verified{ticket});
  });
}

void Device::validate(std::int64_t ticket) {
  job(Duration{5000 + static_cast<std::int64_t>(rng_.below(40'000))}, [this, ticket] {
    agent::ValidationOutcome outcome;
    outcome.passed = ports_.quality(state_.wish ? state_.wish->version : "").validates;
    if (!outcome.passed) outcome.cause = "validate_rejected";
    if (outcome.passed && rng_.chance(faults_.flaky_validation)) {
      outcome.passed = false;
      outcome.cause = "validate_timeout";
    }
    agent::Baseline baseline;
    if (!serves().empty()) baseline = {ports_.quality(serves()).latency_ms, 1000};
    handle(agent::Validated{ticket, outcome, baseline});
  });
}

void Device::lead_to(SlotName slot) {
  disk_.slots.serving = slot;
  check_disk();
}

void Device::observe() {
  later(10s, [this] {
    if (state_.phase == agent::Phase::probation) {
      const auto quality = ports_.quality(serves());
      agent::ProbationTotals totals;
      totals.observations = quality.crashes ? observed_ : observed_ += seen_a_look;
      totals.latency_p95_ms = quality.latency_ms;
      totals.program_down = quality.crashes;
      handle(agent::Observed{totals});
    }
    if (state_.phase == agent::Phase::shadowing) answer_with_both();
    const auto due = agent::wake_at(state_);
    if (due && scheduler_.now() >= *due) handle(agent::Tick{});
    if (powered_) observe();
  });
}

// Every label is known, and the versions err independently of each other.
void Device::answer_with_both() {
  const double old_accuracy = ports_.quality(serves()).accuracy;
  const double new_accuracy = ports_.quality(state_.wish->version).accuracy;
  wire::ShadowCounts seen;
  for (int i = 0; i < shadowed_a_look; ++i) {
    const bool old_right = rng_.chance(old_accuracy);
    const bool new_right = rng_.chance(new_accuracy);
    add(seen, agent::counts_of({.agreed = old_right && new_right, .old_right = old_right, .new_right = new_right}));
  }
  handle(agent::Shadowed{seen});
}

void Device::beat() {
  say();
  later(30s, [this] { beat(); });
}

void Device::ask() {
  ports_.poll();
  later(60s, [this] { ask(); });
}

void Device::say() {
  wire::DeviceState document;
  document.device = name_;
  document.nonce = static_cast<std::int64_t>(boot_);
  document.rev = rev_;
  document.hardware_class = hardware_class_;
  document.models = {agent::report("digits", state_)};
  ports_.report(document);
}

// No device without a servable model: `current` leads to a whole file, always.
void Device::check_disk() {
  const auto& slots = disk_.slots;
  if (!slots.serving) return;
  const auto& content = slots.at(*slots.serving);
  if (!content) return ports_.violation(name_ + " serves an empty slot");
  if (disk_.file_digest[index_of(*slots.serving)] != content->digest) {
    ports_.violation(name_ + " serves a file that is not the whole version " + content->version);
  }
  const bool allowed = content->proven || ports_.quality(content->version).validates;
  if (!allowed) ports_.violation(name_ + " serves version " + content->version + ", which it refused");
}

}  // namespace argosy::sim
