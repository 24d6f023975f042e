#include "agent/runner/ranking.hpp"

#include <algorithm>
#include <cmath>

namespace argosy::agent {
namespace {

// How many at or above a threshold are of the class, and how many are not.
struct Counts {
  double of_class = 0, of_rest = 0;
};

// After each different score, the highest first.
std::vector<Counts> steps_down(std::vector<Ranking> rankings) {
  std::sort(rankings.begin(), rankings.end(), [](const Ranking& a, const Ranking& b) { return a.score > b.score; });
  std::vector<Counts> steps;
  Counts counts;
  for (std::size_t i = 0; i < rankings.size(); ++i) {
    ++(rankings[i].is_of_class ? counts.of_class : counts.of_rest);
    if (i + 1 == rankings.size() || rankings[i + 1].score != rankings[i].score) steps.push_back(counts);
  }
  return steps;
}

}  // namespace

std::optional<double> roc_area(std::vector<Ranking> rankings) {
  const std::vector<Counts> steps = steps_down(std::move(rankings));
  if (steps.empty() || steps.back().of_class == 0 || steps.back().of_rest == 0) return std::nullopt;
  double area = 0;
  Counts before;
  for (const Counts& step : steps) {
    area += (step.of_rest - before.of_rest) * (step.of_class + before.of_class) / 2;
    before = step;
  }
  return area / steps.back().of_class / steps.back().of_rest;
}

std::optional<double> precision_recall_area(std::vector<Ranking> rankings) {
  const std::vector<Counts> steps = steps_down(std::move(rankings));
  if (steps.empty() || steps.back().of_class == 0) return std::nullopt;
  double area = 0, recall_before = 0, precision_before = 1;
  for (const Counts& step : steps) {
    const double recall = step.of_class / steps.back().of_class;
    const double precision = step.of_class / (step.of_class + step.of_rest);
    area += (recall - recall_before) * (precision + precision_before) / 2;
    recall_before = recall;
    precision_before = precision;
  }
  return area;
}

std::optional<double> average_precision(std::vector<Ranking> rankings) {
  const std::vector<Counts> steps = steps_down(std::move(rankings));
  if (steps.empty() || steps.back().of_class == 0) return std::nullopt;
  double sum = 0, recall_before = 0;
  for (const Counts& step : steps) {
    const double recall = step.of_class / steps.back().of_class;
    sum += (recall - recall_before) * step.of_class / (step.of_class + step.of_rest);
    recall_before = recall;
  }
  return sum;
}

double roc_area_error(double area, double of_class, double of_rest) {
  if (of_class < 1 || of_rest < 1) return 1;
  const double two_of_class = area / (2 - area), two_of_rest = 2 * area * area / (1 + area);
  const double variance =
      area * (1 - area) + (of_class - 1) * (two_of_class - area * area) + (of_rest - 1) * (two_of_rest - area * area);
  return std::sqrt(std::max(variance, 0.0) / (of_class * of_rest));
}

}  // namespace argosy::agent
