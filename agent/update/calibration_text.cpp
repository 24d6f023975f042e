#include "agent/update/calibration_text.hpp"

#include <algorithm>
#include <vector>

namespace argosy::agent {

nlohmann::json calibration_to_json(const CalibrationCounts& counts) {
  return {{"answers", counts.answers}, {"right", counts.right}};
}

void read_calibration(JsonReader& fields, std::optional<CalibrationCounts>& calibration) {
  fields.optional_object("calibration", [&](JsonReader& counts) {
    std::vector<std::uint64_t> answers, right;
    counts.required("answers", answers);
    counts.required("right", right);
    if (answers.size() != calibration_bins || right.size() != calibration_bins) return;
    CalibrationCounts read;
    std::copy(answers.begin(), answers.end(), read.answers.begin());
    std::copy(right.begin(), right.end(), read.right.begin());
    if (read.total() > 0) calibration = read;
  });
}

}  // namespace argosy::agent
