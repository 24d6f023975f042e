#include "server/models/patch.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_trials = 64;

constexpr std::array<std::pair<PatchState, std::string_view>, 6> state_names = {{
    {PatchState::pending, "pending"},
    {PatchState::making, "making"},
    {PatchState::ready, "ready"},
    {PatchState::declined, "declined"},
    {PatchState::failed, "failed"},
    {PatchState::cancelled, "cancelled"},
}};

}  // namespace

std::string_view to_string(PatchState state) {
  for (const auto& [value, name] : state_names)
    if (value == state) return name;
  return "failed";
}

Result<PatchState> parse_patch_state(std::string_view text) {
  for (const auto& [value, name] : state_names)
    if (name == text) return value;
  return make_error(Errc::corrupt, "no state of a patch is called '" + std::string(text) + "'");
}

std::string trials_to_json(const std::vector<CodecTrial>& trials) {
  nlohmann::json items = nlohmann::json::array();
  for (const CodecTrial& trial : trials) {
    nlohmann::json& item = items.emplace_back(
        nlohmann::json{{"codec", trial.codec}, {"bytes", nullptr}, {"seconds", trial.seconds}, {"failure", nullptr}});
    if (trial.failure.empty()) {
      item["bytes"] = trial.bytes;
    } else {
      item["failure"] = trial.failure;
    }
  }
  return items.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<CodecTrial> trials_from_json(std::string_view json) {
  std::vector<CodecTrial> trials;
  auto items = parse_json(json);
  if (!items) return trials;
  auto in = JsonReader::of({{"trials", std::move(*items)}}).value();
  in.objects("trials", most_trials, trials, [](JsonReader& item, CodecTrial& trial) {
    item.required("codec", trial.codec).optional("seconds", trial.seconds);
    item.optional("bytes", trial.bytes).optional("failure", trial.failure);
  });
  if (!in.finish()) trials.clear();
  return trials;
}

std::chrono::milliseconds longest_encoding(std::uint64_t bytes_of_both, const PatchLimits& limits) {
  const double ms = static_cast<double>(bytes_of_both) / 1e6 * limits.seconds_per_mb * 1e3;
  return std::max(limits.least_time, std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

std::optional<std::chrono::milliseconds> rest_after_failure(int attempts, int max_attempts, Rng& rng) {
  if (attempts >= max_attempts) return std::nullopt;
  return full_jitter(1min, 1h, std::max(attempts - 1, 0), rng);
}

}  // namespace argosy::server
