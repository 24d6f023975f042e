#include "cli/dry_run.hpp"

#include <array>
#include <vector>

#include "cli/exit_code.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr std::size_t most_named = 20;

struct ChangingVerb {
  const char* noun;
  const char* verb;
};
constexpr std::array changing_verbs{
    ChangingVerb{"alert", "ack"},
    ChangingVerb{"alert", "maintenance"},
    ChangingVerb{"alert", "silence"},
    ChangingVerb{"alert", "unack"},
    ChangingVerb{"alert", "unsilence"},
    ChangingVerb{"claim", "create"},
    ChangingVerb{"claim", "revoke"},
    ChangingVerb{"delivery", "redeliver"},
    ChangingVerb{"device", "accept-suggested"},
    ChangingVerb{"device", "claim"},
    ChangingVerb{"device", "label"},
    ChangingVerb{"device", "replace"},
    ChangingVerb{"device", "revoke"},
    ChangingVerb{"device", "turn-down-suggested"},
    ChangingVerb{"release", "ask-patch"},
    ChangingVerb{"release", "cancel-patch"},
    ChangingVerb{"release", "discard"},
    ChangingVerb{"release", "finish"},
    ChangingVerb{"release", "recall"},
    ChangingVerb{"release", "signature"},
    ChangingVerb{"release", "withdraw"},
    ChangingVerb{"rollout", "approve"},
    ChangingVerb{"rollout", "assign"},
    ChangingVerb{"rollout", "cancel"},
    ChangingVerb{"rollout", "halt"},
    ChangingVerb{"rollout", "pause"},
    ChangingVerb{"rollout", "promote"},
    ChangingVerb{"rollout", "refuse"},
    ChangingVerb{"rollout", "resume"},
    ChangingVerb{"rollout", "retry"},
    ChangingVerb{"rollout", "rollback"},
    ChangingVerb{"rollout", "start"},
    ChangingVerb{"rollout", "unassign"},
    ChangingVerb{"route", "create"},
    ChangingVerb{"route", "delete"},
    ChangingVerb{"route", "rotate"},
    ChangingVerb{"route", "test"},
    ChangingVerb{"route", "update"},
    ChangingVerb{"rule", "create"},
    ChangingVerb{"rule", "delete"},
    ChangingVerb{"rule", "disable"},
    ChangingVerb{"rule", "enable"},
    ChangingVerb{"rule", "reset"},
    ChangingVerb{"rule", "update"},
    ChangingVerb{"token", "create"},
    ChangingVerb{"token", "revoke"},
    ChangingVerb{"user", "create"},
    ChangingVerb{"user", "disable"},
    ChangingVerb{"user", "enable"},
    ChangingVerb{"user", "link"},
    ChangingVerb{"user", "role"},
};

std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps;
  for (std::size_t start = 1; start <= path.size();) {
    const std::size_t end = std::min(path.find_first_of("/?", start), path.size());
    steps.push_back(path.substr(start, end - start));
    if (end < path.size() && path[end] == '?') break;
    start = end + 1;
  }
  return steps;
}

// {"total", "names": the first of them}; null where it concerns no device in particular.
using Concerned = Result<json>;

json one_device(const std::string& name) {
  return {{"total", 1}, {"names", {name}}};
}

// Of a list whose items have the name under `key`.
Concerned listed(const ApiClient& api, const std::string& path, const char* key) {
  ARGOSY_TRY(const json page, api.get(path + "limit=" + std::to_string(most_named)));
  json names = json::array();
  for (const json& item : list_in(page, "items")) names.push_back(member(item, key));
  return json{{"total", member(page, "total")}, {"names", std::move(names)}};
}

Concerned of_filter(const ApiClient& api, const std::string& filter) {
  return listed(api, "/devices?" + (filter.empty() ? "" : "filter=" + net::percent_encode(filter) + "&"), "id");
}

Concerned of_alert(const ApiClient& api, const std::string& id) {
  ARGOSY_TRY(const json alert, api.get("/alerts/" + id));
  const std::string device = text_in(alert, "device_id");
  return device.empty() ? json(nullptr) : one_device(device);
}

// As the rule is, and as it would be.
Concerned of_rule(const ApiClient& api, const std::vector<std::string>& steps, const json& body) {
  json rule = json::object();
  if (steps.size() > 1) {
    ARGOSY_TRY(rule, api.get("/rules/" + steps[1]));
  }
  if (body.is_object() && body.contains("filter")) rule["filter"] = body["filter"];
  return of_filter(api, text_in(rule, "filter"));
}

// Those that run the release.
Concerned of_release(const ApiClient& api, const std::vector<std::string>& steps) {
  ARGOSY_TRY(const json release, api.get("/models/" + steps[1] + "/releases/" + steps[3]));
  return of_filter(
      api, "model." + text_in(release, "model", steps[1]) + " = \"" + text_in(release, "version", steps[3]) + "\"");
}

// Nobody runs it, but it has to be there.
Concerned of_draft(const ApiClient& api, const std::vector<std::string>& steps) {
  ARGOSY_CHECK(api.get("/models/" + steps[1] + "/drafts/" + steps[3]));
  return json(nullptr);
}

Concerned devices_of(const ApiClient& api, const PlannedChange& change) {
  const std::vector<std::string> steps = steps_of(change.path);
  const std::string& noun = steps.front();
  const bool is_named = steps.size() > 1;
  if (noun == "devices" && is_named) {
    ARGOSY_TRY(const json device, api.get("/devices/" + steps[1]));
    return one_device(text_in(device, "id"));
  }
  if (noun == "rollouts" && is_named) return listed(api, "/rollouts/" + steps[1] + "/devices?", "device");
  if (noun == "alerts" && is_named) return of_alert(api, steps[1]);
  if (noun == "rules") return of_rule(api, steps, change.body);
  if (noun == "silences" && change.body.is_object()) return of_filter(api, text_in(change.body, "filter"));
  if (noun == "models" && steps.size() == 5 && steps[2] == "releases") return of_release(api, steps);
  if (noun == "models" && steps.size() > 3 && steps[2] == "drafts") return of_draft(api, steps);
  return json(nullptr);
}

std::string in_words(const json& devices) {
  if (!devices.is_object()) return "it concerns no device by name";
  const std::size_t named = list_in(devices, "names").size();
  const std::string total = cell(devices, "/total");
  std::string words = "it concerns " + total + (total == "1" ? " device" : " devices");
  for (std::size_t i = 0; i < named; ++i)
    words += (i == 0 ? ": " : ", ") + cell(devices, "/names/" + std::to_string(i));
  return words + (total == std::to_string(named) ? "" : ", ...");
}

}  // namespace

void offer_dry_run(CLI::App& root, Context& context) {
  for (const ChangingVerb& each : changing_verbs)
    root.get_subcommand(each.noun)->get_subcommand(each.verb)->add_flag(
        "--dry-run", context.dry_run, "Tell what would be changed, of which devices, and change nothing");
}

Result<int> tell_planned(const Context& context, const PlannedChange& change) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json devices, devices_of(api, change));
  const std::string target = "/api/v1" + change.path;
  if (context.output.json) {
    print_json({{"dry_run", true},
                {"change", {{"method", change.method}, {"path", target}, {"body", change.body}}},
                {"devices", devices}});
    return exit_ok;
  }
  std::printf("Nothing was changed. Without --dry-run this would be sent: %s %s\n", change.method.c_str(),
              target.c_str());
  if (!change.body.is_null()) std::printf("%s\n", change.body.dump(2).c_str());
  std::printf("By what is known now %s\n", in_words(devices).c_str());
  return exit_ok;
}

}  // namespace argosy::cli
