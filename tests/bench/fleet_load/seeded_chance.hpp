// What chance decides about the load: a function of the seed and of what is decided about, never of when it is asked.
// So the same seed gives the same devices, windows and faults, however the machine and the network order them. Pure.
#pragma once

#include <cstdint>

namespace argosy::fleet_load {

enum class Question : std::uint8_t {
  level,         // how slow a device is
  first_window,  // when its first window is due
  first_state,   // and its first state
  has_skew,
  skew,
  content,      // of a window
  is_repeated,  // whether a record is sent once more
  has_garbage,  // whether garbage goes before a message
  garbage_kind,
  garbage_bytes,
  is_torn,  // whether a storm breaks a connection
};

class SeededChance {
 public:
  explicit SeededChance(std::uint64_t seed) : seed_(seed) {}

  // `of` and `number`: a device and its window, record or message, or a connection and the storm.
  std::uint64_t bits(Question question, std::uint64_t of, std::uint64_t number = 0) const {
    return mixed(mixed(mixed(seed_ + static_cast<std::uint64_t>(question)) + of) + number);
  }
  // [0, 1)
  double uniform(Question question, std::uint64_t of, std::uint64_t number = 0) const {
    return static_cast<double>(bits(question, of, number) >> 11) * 0x1.0p-53;
  }
  bool happens(double probability, Question question, std::uint64_t of, std::uint64_t number = 0) const {
    return probability > 0 && uniform(question, of, number) < probability;
  }

 private:
  // splitmix64
  static std::uint64_t mixed(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
  }

  std::uint64_t seed_;
};

}  // namespace argosy::fleet_load
