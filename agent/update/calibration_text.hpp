// How a model's confidence turned out on a data set, as the runner prints it and a slot keeps it. Pure.
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/stats/calibration.hpp"

namespace argosy::agent {

nlohmann::json calibration_to_json(const CalibrationCounts& counts);

// From the object "calibration", when there is one with as many bins as we count by and answers in them.
void read_calibration(JsonReader& fields, std::optional<CalibrationCounts>& calibration);

}  // namespace argosy::agent
