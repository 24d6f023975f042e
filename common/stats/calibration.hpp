// How likely an answer is right, by how sure the model was of it: learned from a data set with labels, and then what an
// accuracy is estimated from where there are none (confidence-based performance estimation). Pure.
// The estimate is the mean of these chances over the answers. It holds where answers of one confidence are right as
// often as in the data set: inputs of other kinds may come oftener, or seldomer, but what is right for an input may not
// change. Sources: NannyML's CBPE, nannyml.readthedocs.io, "Estimation of performance of the monitored model"; isotonic
// by pooling adjacent violators, M. Ayer and others, Ann. Math. Stat. 26, 1955.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace argosy {

inline constexpr std::size_t calibration_bins = 20;  // of one width over 0..1; 1 is in the last

// Answers of a data set by their confidence.
struct CalibrationCounts {
  std::array<std::uint64_t, calibration_bins> answers{};
  std::array<std::uint64_t, calibration_bins> right{};

  void add(double confidence, bool is_right);  // of no confidence from 0 to 1: not at all
  std::uint64_t total() const;
  friend bool operator==(const CalibrationCounts&, const CalibrationCounts&) = default;
};

// The highest of a model's scores as a probability: the scores themselves where they add up to 1, else their softmax.
double confidence_of(std::span<const float> scores);

// Rises with the confidence. A bin of which the data set has little is near what the model says of itself.
class Calibration {
 public:
  explicit Calibration(const CalibrationCounts& counts);
  double chance(double confidence) const;  // confidence within 0..1

 private:
  std::array<double, calibration_bins> chances_{};
};

}  // namespace argosy
