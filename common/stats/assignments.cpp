#include "common/stats/assignments.hpp"

#include <cmath>
#include <utility>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

bool has_both_arms(const StratumSize& stratum) {
  return stratum.canaries > 0 && stratum.canaries < stratum.devices;
}

// Ascending places to the next choice in lexicographic order; false after the last.
bool advance_choice(std::span<std::size_t> chosen, std::size_t devices) {
  for (std::size_t i = chosen.size(); i-- > 0;) {
    if (chosen[i] + (chosen.size() - i) >= devices) continue;
    ++chosen[i];
    for (std::size_t j = i + 1; j < chosen.size(); ++j) chosen[j] = chosen[j - 1] + 1;
    return true;
  }
  return false;
}

void first_choice(std::span<std::size_t> chosen) {
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i;
}

}  // namespace

std::uint64_t canaries_in(std::span<const StratumSize> strata) {
  std::uint64_t canaries = 0;
  for (const StratumSize& stratum : strata) canaries += stratum.canaries;
  return canaries;
}

double ln_assignments(std::span<const StratumSize> strata) {
  double sum = 0;
  for (const auto& stratum : strata)
    if (has_both_arms(stratum))
      sum += ln_choose(static_cast<double>(stratum.devices), static_cast<double>(stratum.canaries));
  return sum;
}

double least_permutation_p(std::span<const StratumSize> strata) {
  return std::exp(-ln_assignments(strata));
}

Assignments::Assignments(std::span<const DevicePlace> devices, std::uint64_t seed) : rng_(seed) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto stratum = devices[i].stratum;
    if (stratum >= stratum_limit) continue;
    if (stratum >= classes_.size()) classes_.resize(stratum + std::size_t{1});
    auto& of_class = classes_[stratum];
    of_class.devices.push_back(static_cast<std::uint32_t>(i));
    of_class.canaries += devices[i].arm == Arm::canary ? 1 : 0;
  }
  std::erase_if(classes_, [](const Class& one) { return !has_both_arms({one.devices.size(), one.canaries}); });
  std::size_t canaries = 0;
  for (const auto& of_class : classes_) canaries += of_class.canaries;
  chosen_.resize(canaries);
  canaries_.resize(canaries);
  begin();
}

double Assignments::count() const {
  std::vector<StratumSize> sizes;
  sizes.reserve(classes_.size());
  for (const auto& of_class : classes_) sizes.push_back({of_class.devices.size(), of_class.canaries});
  return std::exp(ln_assignments(sizes));
}

void Assignments::begin() {
  std::size_t at = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    first_choice(std::span(chosen_).subspan(at, classes_[i].canaries));
    take(i);
    at += classes_[i].canaries;
  }
}

// The devices of one class at its chosen places.
void Assignments::take(std::size_t of_class) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < of_class; ++i) at += classes_[i].canaries;
  for (std::size_t i = at; i < at + classes_[of_class].canaries; ++i)
    canaries_[i] = classes_[of_class].devices[chosen_[i]];
}

bool Assignments::next() {
  std::size_t at = chosen_.size();
  for (std::size_t i = classes_.size(); i-- > 0;) {
    at -= classes_[i].canaries;
    const auto chosen = std::span(chosen_).subspan(at, classes_[i].canaries);
    const bool is_next = advance_choice(chosen, classes_[i].devices.size());
    if (!is_next) first_choice(chosen);
    take(i);
    if (is_next) return true;
  }
  return false;
}

void Assignments::draw() {
  std::size_t at = 0;
  for (auto& of_class : classes_) {
    for (std::size_t i = 0; i < of_class.canaries; ++i) {
      std::swap(of_class.devices[i], of_class.devices[i + rng_.below(of_class.devices.size() - i)]);
      canaries_[at++] = of_class.devices[i];
    }
  }
}

}  // namespace argosy
