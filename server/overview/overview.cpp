#include "server/overview/overview.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

using nlohmann::json;

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::int64_t count_of(const std::map<std::string, std::int64_t>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::int64_t total_of(const std::map<std::string, std::int64_t>& counts) {
  std::int64_t total = 0;
  for (const auto& [key, count] : counts) total += count;
  return total;
}

std::string alert_words(const std::map<std::string, std::int64_t>& firing_by_rule) {
  std::string words;
  const auto add = [&](const char* rule, const std::string& one, const std::string& many) {
    const auto count = count_of(firing_by_rule, rule);
    if (count == 0) return;
    if (!words.empty()) words += ", ";
    words += counted(count, one, many);
  };
  add("site_dark", "site has gone dark", "sites have gone dark");
  add("gone_dark", "device has gone dark", "devices have gone dark");
  add("identity_shared", "device has two agents", "devices have two agents each");
  add("latency_doubled", "model is much slower than usual", "models are much slower than usual");
  add("accuracy_low", "model is below its accuracy threshold", "models are below their accuracy thresholds");
  add("drift", "model sees drifted input", "models see drifted input");
  return words;
}

std::string rollout_words(const std::vector<ActiveRollout>& rollouts) {
  if (rollouts.empty()) return {};
  if (rollouts.size() > 1) return " " + std::to_string(rollouts.size()) + " rollouts are under way.";
  const auto& rollout = rollouts.front();
  if (rollout.state == "paused")
    return " Rollout \"" + rollout.name + "\" is paused" + (rollout.reason.empty() ? "." : ": " + rollout.reason + ".");
  if (rollout.state == "rolling_back") return " Rollout \"" + rollout.name + "\" is rolling back.";
  return " Rollout \"" + rollout.name + "\" is in wave " + std::to_string(rollout.wave + 1) + " of " +
         std::to_string(rollout.waves) + ".";
}

json number_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json time_or_null(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json(nullptr);
}

json models_json(const std::vector<ModelSkew>& models) {
  json items = json::array();
  for (const auto& model : models) {
    json versions = json::array();
    for (const auto& share : model.versions)
      versions.push_back({{"version", text_or_null(share.version)}, {"devices", share.devices}});
    items.push_back({{"model", model.model}, {"versions", std::move(versions)}});
  }
  return items;
}

json rollouts_json(const std::vector<ActiveRollout>& rollouts) {
  json items = json::array();
  for (const auto& rollout : rollouts)
    items.push_back({{"id", rollout.id},
                     {"name", rollout.name},
                     {"model", rollout.model},
                     {"version", rollout.version},
                     {"state", rollout.state},
                     {"reason", rollout.reason},
                     {"wave", rollout.wave},
                     {"waves", rollout.waves},
                     {"planned", rollout.planned},
                     {"counts", rollout.counts},
                     {"started_at", time_or_null(rollout.started_at)}});
  return items;
}

json alerts_json(const std::vector<OpenAlert>& alerts) {
  json items = json::array();
  for (const auto& alert : alerts)
    items.push_back({{"id", alert.id},
                     {"rule", alert.rule},
                     {"severity", alert.severity},
                     {"device_id", text_or_null(alert.device)},
                     {"site", text_or_null(alert.site)},
                     {"rollout_id", alert.rollout ? json(*alert.rollout) : json(nullptr)},
                     {"model", alert.model},
                     {"state", "firing"},
                     {"value", number_or_null(alert.value)},
                     {"threshold", number_or_null(alert.threshold)},
                     {"message", alert.message},
                     {"opened_at", to_rfc3339(alert.opened_at)},
                     {"fired_at", time_or_null(alert.fired_at)},
                     {"resolved_at", nullptr},
                     {"acknowledged_at", time_or_null(alert.acknowledged_at)},
                     {"acknowledged_by", text_or_null(alert.acknowledged_by)}});
  return items;
}

json worst_json(const std::vector<WorstDevice>& devices) {
  json items = json::array();
  for (const auto& worst : devices) {
    json item{{"device_id", worst.device},
              {"model", worst.model},
              {"version", worst.version},
              {"value", worst.value},
              {"usual", number_or_null(worst.usual)}};
    if (!worst.feature.empty()) item["feature"] = worst.feature;
    if (worst.lower) item["lower"] = *worst.lower;
    if (worst.upper) item["upper"] = *worst.upper;
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

std::string verdict_of(const Overview& overview) {
  if (overview.unavailable.contains("presence"))
    return "The devices cannot be counted now." + rollout_words(overview.rollouts);
  const auto devices = total_of(overview.presence);
  if (devices == 0) return "No device is enrolled yet: create a claim and start an agent with it.";
  const std::string rollouts = rollout_words(overview.rollouts);
  const auto firing = total_of(overview.firing_by_rule);
  if (firing > 0)
    return counted(firing, "alert is firing: ", "alerts are firing: ") + alert_words(overview.firing_by_rule) + "." +
           rollouts;
  const auto online = count_of(overview.presence, "online");
  const auto unseen = count_of(overview.presence, "never_seen");
  if (online == devices) {
    const std::string who =
        devices == 1 ? "The only device is online" : "All " + std::to_string(devices) + " devices are online";
    return who + " and no alert is firing." + rollouts;
  }
  std::string missing;
  if (devices - online - unseen > 0) missing = counted(devices - online - unseen, "is", "are") + " late or offline";
  if (unseen > 0) missing += (missing.empty() ? "" : " and ") + counted(unseen, "has", "have") + " never been seen";
  return std::to_string(online) + " of " + counted(devices, "device is", "devices are") + " online, " + missing +
         "; no alert is firing." + rollouts;
}

std::string overview_to_json(const Overview& overview) {
  json presence{{"online", 0}, {"late", 0}, {"offline", 0}, {"never_seen", 0}};
  for (const auto& [state, count] : overview.presence) presence[state] = count;
  presence["total"] = total_of(overview.presence);
  json document{{"verdict", verdict_of(overview)},
                {"presence", std::move(presence)},
                {"models", models_json(overview.models)},
                {"rollouts", rollouts_json(overview.rollouts)},
                {"alerts",
                 {{"firing", total_of(overview.firing_by_rule)},
                  {"by_rule", overview.firing_by_rule},
                  {"items", alerts_json(overview.alerts)}}},
                {"worst",
                 {{"latency", worst_json(overview.worst_latency)},
                  {"accuracy", worst_json(overview.worst_accuracy)},
                  {"drift", worst_json(overview.worst_drift)}}},
                {"windows_last_minute", overview.windows_last_minute},
                {"unavailable", overview.unavailable},
                {"updated_at", to_rfc3339(overview.updated_at)}};
  for (const auto& [panel, reason] : overview.unavailable) {
    const bool is_worst = panel.starts_with("worst.");
    (is_worst ? document["worst"][panel.substr(6)] : document[panel]) = nullptr;
  }
  return document.dump();
}

}  // namespace argosy::server
