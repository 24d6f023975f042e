// What changed between two state documents of one device. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/wire/state.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

struct UpdateChange {  // an update entered another state
  std::string model;
  std::string from;  // the state before; empty when this update was not known
  wire::UpdateReport update;
};

struct ReportChange {
  std::vector<InstalledModel> models;  // new, or different from before
  std::vector<std::string> gone;       // models that are no longer on the device
  std::vector<UpdateChange> updates;
};

InstalledModel installed_model(const wire::ModelReport& report);

// `before` may be null: the first document. A heartbeat that says the same again, or only shows progress inside a
// state, changes nothing.
ReportChange compare_reports(const wire::DeviceState* before, const wire::DeviceState& after);

// One line for a timeline: "digits 1.1: rejected, accuracy 0.912 is under 0.94".
std::string describe(const UpdateChange& change);
// "warning" for rejected, failed and rolled_back, else "info".
std::string_view severity(const UpdateChange& change);

}  // namespace argosy::server
