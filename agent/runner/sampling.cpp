#include "agent/runner/sampling.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/random.hpp"

namespace argosy::agent {
namespace {

// Fisher and Yates's shuffle, from the front: its first n are a fair draw of n, whatever n.
std::vector<std::size_t> drawn_order(std::size_t samples, std::uint64_t seed) {
  std::vector<std::size_t> order(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng(seed);
  for (std::size_t i = 0; i + 1 < samples; ++i) std::swap(order[i], order[i + rng.below(samples - i)]);
  return order;
}

}  // namespace

Sampling::Sampling(std::size_t samples, const SamplingBound& bound)
    : end_(std::min(samples, bound.most.value_or(samples))),
      deadline_(bound.deadline),
      drawn_(bound.is_set() ? drawn_order(samples, bound.seed) : std::vector<std::size_t>()) {}

std::span<const std::size_t> Sampling::next(std::size_t at_most) {
  const bool is_over = given_ > 0 && deadline_.is_past();
  next_.resize(is_over ? 0 : std::min(at_most, end_ - given_));
  if (drawn_.empty())
    std::iota(next_.begin(), next_.end(), given_);
  else
    std::copy_n(drawn_.begin() + static_cast<std::ptrdiff_t>(given_), next_.size(), next_.begin());
  given_ += next_.size();
  return next_;
}

}  // namespace argosy::agent
