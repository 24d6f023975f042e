#include "agent/serving/server_serving.hpp"

#include <poll.h>

#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

constexpr Duration pause_base{50};
constexpr Duration pause_cap{2000};
constexpr Duration pause_slice{100};  // stop() waits no longer
constexpr Duration look_limit{3000};
constexpr std::chrono::hours version_age_limit{1};
constexpr std::size_t metrics_limit = 4 << 20;
constexpr std::size_t traffic_limit = 256;  // looks and switches that nobody asked about

std::optional<std::string> linked_slot(const Placement& placement) {
  std::error_code none;
  const auto target = std::filesystem::read_symlink(placement.folder / "current", none);
  return none ? std::nullopt : std::optional(target.filename().string());
}

std::string name_of(const std::string& model, std::uint64_t number) {
  return model + " version " + std::to_string(number);
}

std::string to_text(Duration limit) {
  return limit.count() % 1000 == 0 ? std::to_string(limit.count() / 1000) + " s"
                                   : std::to_string(limit.count()) + " ms";
}

Duration until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
  return std::max(left, Duration{1});
}

}  // namespace

VersionShelf& ServerServing::shelf_of(const Placement& placement) {
  return shelves_.try_emplace(placement.model, options_.repository / placement.model, placement.folder / "numbers.json")
      .first->second;
}

std::string ServerServing::file_name(const Placement& placement) const {
  return options_.file.empty() ? "model." + placement.format : options_.file;
}

void ServerServing::stop() {
  stopped_ = true;
  http_.stop();
}

// A full-jitter pause, in slices.
Result<void> ServerServing::pause(int attempt, Clock::time_point deadline) {
  const Duration length = full_jitter(pause_base, pause_cap, attempt, pauses_) + Duration{1};
  const auto end = std::min(Clock::now() + length, deadline);
  while (!stopped_ && Clock::now() < end)
    ::poll(nullptr, 0, static_cast<int>(std::min(until(end), pause_slice).count()));
  if (stopped_) return make_error(Errc::cancelled, "the agent stops");
  return {};
}

// Only a server that cannot be reached is asked again: it may be starting. What it refuses it would refuse again.
Result<void> ServerServing::load(const std::string& model, Clock::time_point deadline) {
  auto call = load_call(options_.kind, options_.url, model);
  if (!call) return {};
  for (int attempt = 0;; ++attempt) {
    call->time_limit = until(deadline);
    auto reply = http_.send(*call);
    if (reply && is_loaded(options_.kind, *reply)) return {};
    if (reply)
      return make_error(Errc::incompatible,
                        std::string(to_string(options_.kind)) + " refused to load " + model + ": " + words_of(*reply));
    if (reply.error().code != Errc::unavailable || Clock::now() >= deadline) return std::move(reply).error();
    ARGOSY_CHECK(pause(attempt, deadline));
  }
}

Result<Readiness> ServerServing::ask(const std::string& model, std::uint64_t number, std::string& words) {
  HttpCall call = ready_call(options_.kind, options_.url, model, number);
  call.time_limit = look_limit;
  ARGOSY_TRY(const HttpReply reply, http_.send(call));
  words = words_of(reply);
  return readiness(options_.kind, reply);
}

Result<void> ServerServing::wait_until_ready(const std::string& model, std::uint64_t number,
                                             Clock::time_point deadline) {
  const std::string server(to_string(options_.kind));
  for (int attempt = 0;; ++attempt) {
    std::string words;
    const auto answer = ask(model, number, words);
    if (!answer) words = answer.error().message;
    if (answer && *answer == Readiness::ready) return {};
    if (answer && *answer == Readiness::failed)
      return make_error(Errc::incompatible, server + " gave up " + name_of(model, number) + ": " + words);
    if (Clock::now() >= deadline)
      return make_error(Errc::timeout, server + " did not call " + name_of(model, number) + " ready within " +
                                           to_text(options_.ready_limit) + ": " + words);
    ARGOSY_CHECK(pause(attempt, deadline));
  }
}

Result<void> ServerServing::serve(const std::string& model, std::uint64_t number) {
  const auto deadline = Clock::now() + options_.ready_limit;
  auto loaded = load(model, deadline);
  if (loaded) return wait_until_ready(model, number, deadline);
  // OVMS reloads all models at once, and refuses for any of them.
  std::string words;
  const auto ready = ask(model, number, words);
  if (ready && *ready == Readiness::ready) return {};
  return std::move(loaded).error();
}

std::optional<SwitchFailure> ServerServing::switch_to(const Placement& placement) {
  collect();  // what the version before did, before its counters go
  VersionShelf& shelf = shelf_of(placement);
  if (auto recalled = shelf.recall(); !recalled) return SwitchFailure{std::move(recalled).error(), false};
  const std::uint64_t before = shelf.serving();
  auto number = shelf.publish(placement, file_name(placement));
  if (!number) return SwitchFailure{std::move(number).error(), before != 0 && !shelf.holds(before)};
  auto served = serve(placement.model, *number);
  if (!served) return put_back(placement, *number, std::move(served).error());
  auto noted = shelf.set_serving(*number);
  if (!noted) return SwitchFailure{std::move(noted).error(), true};
  auto linked = replace_symlink(placement.folder / "current", placement.slot);
  if (!linked) return SwitchFailure{std::move(linked).error(), true};
  if (before != *number) static_cast<void>(shelf.keep_only({before, *number}));  // what is left goes another time
  return std::nullopt;
}

// The refused version goes, and the one before has to say that it is ready.
SwitchFailure ServerServing::put_back(const Placement& placement, std::uint64_t number, Error error) {
  VersionShelf& shelf = shelf_of(placement);
  const std::uint64_t before = shelf.serving();
  const auto linked = linked_slot(placement);
  if (error.code == Errc::cancelled) return {std::move(error), false};
  if (before == number || !shelf.holds(before)) {
    if (!linked) static_cast<void>(shelf.withdraw(number));
    return {std::move(error), linked.has_value()};
  }
  if (auto gone = shelf.withdraw(number); !gone) return {std::move(error), true};
  std::string words;
  const auto ready = ask(placement.model, before, words);
  // A load that only took too long may still end, and must not win.
  const bool serves_on = error.code != Errc::timeout && ready && *ready == Readiness::ready;
  if (!serves_on)
    if (const auto again = serve(placement.model, before); !again) {
      error.message += "; and the version before is not known to serve: " + again.error().message;
      return {std::move(error), true};
    }
  return {std::move(error), linked == placement.slot};
}

void ServerServing::settle(const Placement& placement) {
  VersionShelf& shelf = shelf_of(placement);
  if (shelf.version_of(shelf.serving()) == placement.version) static_cast<void>(shelf.keep_only({shelf.serving()}));
}

ServingStatus ServerServing::look(const std::vector<Placement>& served) {
  for (const Placement& placement : served) shelf_of(placement);
  ServingStatus status;
  collect();
  status.traffic = std::exchange(traffic_, {});
  bool reachable = true;
  for (const Placement& placement : served) {
    const std::uint64_t number = shelf_of(placement).serving();
    if (number == 0) continue;  // it served before this adapter was chosen
    std::string words;
    const Result<Readiness> answer =
        reachable ? ask(placement.model, number, words) : make_error(Errc::unavailable, "the server does not answer");
    reachable = reachable && answer.has_value();
    if (!answer || *answer != Readiness::ready) status.down.insert(placement.model);
  }
  ask_version(reachable);
  status.runtime = runtime_;
  return status;
}

// Once an hour, and when the server was away: then it may be another.
void ServerServing::ask_version(bool reachable) {
  if (!reachable) runtime_good_until_ = {};
  auto call = version_call(options_.kind, options_.url);
  if (!call || !reachable || Clock::now() < runtime_good_until_) return;
  call->time_limit = look_limit;
  const auto reply = http_.send(*call);
  if (!reply) return;
  runtime_ = runtime_of(options_.kind, *reply);
  runtime_good_until_ = Clock::now() + version_age_limit;
}

std::string ServerServing::version_of(const std::string& model, std::uint64_t number) const {
  const auto shelf = shelves_.find(model);
  if (shelf == shelves_.end()) return {};
  return shelf->second.version_of(number == 0 ? shelf->second.serving() : number);
}

// The first look only says where the counters stand.
void ServerServing::collect() {
  if (options_.metrics_url.empty()) return;
  HttpCall call;
  call.url = options_.metrics_url;
  call.time_limit = look_limit;
  call.response_limit = metrics_limit;
  const auto reply = http_.send(call);
  if (!reply || reply->status != 200) return;
  std::set<std::string> models;
  for (const auto& [model, shelf] : shelves_) models.insert(model);
  ServedByVersion now = read_served(options_.kind, reply->body, models);
  for (const auto& [key, counts] : now) {
    if (!seen_ || traffic_.size() >= traffic_limit) break;
    const auto earlier = seen_->find(key);
    ServedSince since = served_since(earlier == seen_->end() ? ServedCounts{} : earlier->second, counts);
    const std::string version = version_of(key.first, key.second);
    if (since.count == 0 || version.empty()) continue;
    traffic_.push_back({key.first, version, since.count, since.errors, std::move(since.latency_ms)});
  }
  seen_ = std::move(now);
}

}  // namespace argosy::agent
