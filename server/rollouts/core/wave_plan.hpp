// Which device belongs to which wave. Pure and repeatable: the same seed, devices and shares give the same plan on
// every machine. At most a few hundred thousand devices; memory is linear in them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace argosy::server {

struct Candidate {
  std::string device;
  std::string hardware_class;
};

struct Assignment {
  std::string device;
  int wave = 0;
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// `cumulative_shares` ascend to 1. Inside each hardware class devices are ordered by stable_hash(seed, device), and the
// classes are dealt into one sequence by Webster's method (divisor r + 1/2 for a class's r-th device), so that every
// prefix of it - every set of opened waves - holds each class in its proportion, within one device. A wave ends at
// round(share * N), the first at one device or more.
std::vector<Assignment> plan_waves(std::uint64_t seed, const std::vector<Candidate>& devices,
                                   const std::vector<double>& cumulative_shares);

// The same counted: how many devices of each class every wave holds, in the time of some dozen devices.
using ClassSizes = std::map<std::string, std::uint64_t, std::less<>>;
std::vector<ClassSizes> count_waves(std::uint64_t seed, const ClassSizes& devices,
                                    const std::vector<double>& cumulative_shares);

}  // namespace argosy::server
