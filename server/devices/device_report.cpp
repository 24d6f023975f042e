#include "server/devices/device_report.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

const wire::ModelReport* find_model(const wire::DeviceState* state, const std::string& model) {
  if (state == nullptr) return nullptr;
  const auto found = std::find_if(state->models.begin(), state->models.end(),
                                  [&](const wire::ModelReport& report) { return report.model == model; });
  return found == state->models.end() ? nullptr : &*found;
}

bool same_update(const wire::UpdateReport& a, const wire::UpdateReport& b) {
  return a.rollout == b.rollout && a.attempt == b.attempt && a.version == b.version;
}

void note_update(const wire::ModelReport* before, const wire::ModelReport& after, std::vector<UpdateChange>& changes) {
  if (!after.update) return;
  const bool known = before != nullptr && before->update && same_update(*before->update, *after.update);
  if (known && before->update->state == after.update->state) return;
  if (!known && after.update->state == "idle") return;
  changes.push_back({after.model, known ? before->update->state : "", *after.update});
}

bool went_wrong(const std::string& state) {
  return state == "rejected" || state == "failed" || state == "rolled_back";
}

}  // namespace

InstalledModel installed_model(const wire::ModelReport& report) {
  InstalledModel model;
  model.model = report.model;
  model.version = report.version;
  model.digest = report.digest;
  for (const wire::SlotReport& slot : report.slots) {
    if (slot.role != "previous") continue;
    model.previous_version = slot.version;
    model.previous_digest = slot.digest;
  }
  if (report.update) {
    model.update_state = report.update->state;
    model.update_version = report.update->version;
  }
  return model;
}

ReportChange compare_reports(const wire::DeviceState* before, const wire::DeviceState& after) {
  ReportChange change;
  for (const wire::ModelReport& report : after.models) {
    const wire::ModelReport* known = find_model(before, report.model);
    if (known == nullptr || installed_model(*known) != installed_model(report))
      change.models.push_back(installed_model(report));
    note_update(known, report, change.updates);
  }
  if (before != nullptr) {
    for (const wire::ModelReport& report : before->models)
      if (find_model(&after, report.model) == nullptr) change.gone.push_back(report.model);
  }
  return change;
}

std::string describe(const UpdateChange& change) {
  const wire::UpdateReport& update = change.update;
  std::string text = change.model + " " + update.version + ": " + update.state;
  if (update.state == "downloading" && !update.source.empty()) text += " (" + update.source + ")";
  if (!went_wrong(update.state)) return text;
  if (!update.message.empty()) return text + ", " + update.message;
  return update.cause.empty() ? text : text + ", " + update.cause;
}

std::string_view severity(const UpdateChange& change) {
  return went_wrong(change.update.state) ? "warning" : "info";
}

}  // namespace argosy::server
