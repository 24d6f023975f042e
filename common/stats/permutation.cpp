#include "common/stats/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace argosy {

namespace {

struct JudgedDevices {
  std::vector<DevicePlace> places;
  std::vector<double> harms;  // the margin taken off the canaries'
};

JudgedDevices judged(std::span<const DeviceRow> rows, WorseWhen worse, double margin) {
  JudgedDevices devices;
  devices.places.reserve(rows.size());
  devices.harms.reserve(rows.size());
  for (const auto& row : rows) {
    const double harm = harm_of(row, worse);
    if (!std::isfinite(harm)) continue;
    devices.places.push_back({row.stratum, row.arm});
    devices.harms.push_back(row.arm == Arm::canary ? harm - margin : harm);
  }
  return devices;
}

// Turns each device's D into what it adds to theta as a canary: then theta is a sum over the canaries.
void weigh(const Assignments& assignments, std::vector<double>& harms) {
  const auto canaries = static_cast<double>(assignments.canaries());
  for (const auto& of_class : assignments.classes()) {
    const auto devices = static_cast<double>(of_class.devices.size());
    const double controls = devices - static_cast<double>(of_class.canaries);
    double mean = 0;
    for (const auto device : of_class.devices) mean += harms[device] / devices;
    for (const auto device : of_class.devices) harms[device] = (harms[device] - mean) * devices / controls / canaries;
  }
}

double sum_at(std::span<const std::uint32_t> devices, const std::vector<double>& parts) {
  double sum = 0;
  for (const auto device : devices) sum += parts[device];
  return sum;
}

// Sums of the same numbers in another order differ in their last digits, and are equal here.
double slack_of(const std::vector<double>& parts) {
  double size = 0;
  for (const double part : parts) size += std::abs(part);
  return size * 1e-12;
}

void go_through_all(PermutationTest& test, Assignments& assignments, const std::vector<double>& parts, double bar) {
  assignments.begin();
  do {
    ++test.draws;
    test.as_harmful += sum_at(assignments.now(), parts) >= bar ? 1 : 0;
  } while (assignments.next());
  test.p = static_cast<double>(test.as_harmful) / test.draws;
}

void draw_some(PermutationTest& test, Assignments& assignments, const std::vector<double>& parts, double bar,
               const PermutationPlan& plan) {
  while (test.draws < plan.most_draws) {
    assignments.draw();
    ++test.draws;
    test.as_harmful += sum_at(assignments.now(), parts) >= bar ? 1 : 0;
    if (plan.enough > 0 && test.as_harmful >= plan.enough) {
      test.p = static_cast<double>(test.as_harmful) / test.draws;
      return;
    }
  }
  test.p = (test.as_harmful + 1.0) / (test.draws + 1.0);
}

}  // namespace

std::uint32_t draws_for(double alpha) {
  constexpr double most = 1e9;
  return alpha > 0 ? static_cast<std::uint32_t>(std::min(most, std::ceil(2 / alpha)))
                   : static_cast<std::uint32_t>(most);
}

Result<PermutationTest> permutation_test(std::span<const DeviceRow> rows, WorseWhen worse, double margin,
                                         const PermutationPlan& plan) {
  auto devices = judged(rows, worse, margin);
  Assignments assignments(devices.places, plan.seed);
  if (assignments.classes().empty())
    return make_error(Errc::unavailable, "no class has both a canary and a control device with figures");
  weigh(assignments, devices.harms);
  double seen = 0;
  for (const auto& of_class : assignments.classes())
    for (const auto device : of_class.devices)
      if (devices.places[device].arm == Arm::canary) seen += devices.harms[device];
  const double bar = seen - slack_of(devices.harms);

  PermutationTest test{.theta = seen + margin, .least_p = 1 / assignments.count()};
  test.is_exact = assignments.count() <= plan.exact_up_to + 0.5;
  if (test.is_exact)
    go_through_all(test, assignments, devices.harms, bar);
  else
    draw_some(test, assignments, devices.harms, bar, plan);
  return test;
}

// With the sign turned, harm of at least the margin is harm of at most -margin.
Result<PermutationTest> non_inferiority_test(std::span<const DeviceRow> rows, WorseWhen worse, double margin,
                                             const PermutationPlan& plan) {
  const auto other_way = worse == WorseWhen::higher ? WorseWhen::lower : WorseWhen::higher;
  ARGOSY_TRY(auto test, permutation_test(rows, other_way, -margin, plan));
  test.theta = -test.theta;
  return test;
}

}  // namespace argosy
