// A simulated fleet of cameras: what each device's features are, minute by minute. All devices see the same weather and
// season, each with a gain of its own; a device has a base, a daily cycle and slow noise of its own beside that. In
// units in which one device's values scatter by about 1.15.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "common/base/random.hpp"

namespace argosy::server {

inline constexpr std::size_t camera_features = 3;
inline constexpr std::array<const char*, camera_features> camera_feature_names{"brightness", "contrast", "sharpness"};
using CameraValues = std::array<double, camera_features>;

// x(t) = a x(t - 1) + noise, with standard deviation `sd` and falling to 1/e within `minutes`.
class SlowNoise {
 public:
  SlowNoise(double sd, double minutes, Rng& random)
      : keep_(std::exp(-1 / minutes)), sd_(sd), value_(sd * random.normal()) {}
  double next(Rng& random) { return value_ = keep_ * value_ + sd_ * std::sqrt(1 - keep_ * keep_) * random.normal(); }
  double value() const { return value_; }

 private:
  double keep_, sd_, value_;
};

class Camera {
 public:
  explicit Camera(Rng& random) : gain_(0.8 + 0.4 * random.uniform()), phase_(0.3 * random.normal()) {
    for (std::size_t i = 0; i < camera_features; ++i) {
      base_[i] = 0.5 * random.normal();
      own_.emplace_back(0.4, 90, random);  // steps of two minutes: three hours
    }
  }
  // `common`: weather and season of the moment; `dirt`: 0 clean to 1 dirty.
  CameraValues at(double minute, const CameraValues& common, double dirt, Rng& random) {
    const double sun = 0.8 * std::cos(2 * std::numbers::pi * minute / 1440 + phase_);
    CameraValues values{};
    for (std::size_t i = 0; i < camera_features; ++i)
      values[i] = base_[i] + gain_ * (sun + common[i]) + own_[i].next(random) + 0.6 * random.normal();
    values[1] -= 1.0 * dirt;
    values[2] -= 1.5 * dirt;
    return values;
  }

 private:
  double gain_, phase_;
  std::array<double, camera_features> base_{};
  std::vector<SlowNoise> own_;
};

class Weather {
 public:
  explicit Weather(Rng& random) {
    for (std::size_t i = 0; i < camera_features; ++i) noise_.emplace_back(0.7, 720, random);
  }
  CameraValues next(double season, Rng& random) {
    CameraValues values{};
    for (std::size_t i = 0; i < camera_features; ++i) values[i] = noise_[i].next(random) + season;
    return values;
  }

 private:
  std::vector<SlowNoise> noise_;
};

}  // namespace argosy::server
