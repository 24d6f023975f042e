#include "tests/bench/alarms/nab_alarms.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/random.hpp"
#include "common/stats/robust.hpp"
#include "tests/bench/alarms/latency_judges.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr int copies = 20;
constexpr int day = 288;  // windows of five minutes, as in the files
constexpr int windows = 14 * day;
constexpr double small_noise = 0.1;
constexpr int settles = 15;  // windows after an anomaly in which its alert may still be open
// A Tuesday, as in the files.
const Instant began = parse_rfc3339("2014-04-01T00:00:00Z").value();

struct Anomaly {
  int from = 0;  // window
  int until = 0;
};

struct NabSeries {
  std::vector<double> values;
  std::vector<Anomaly> anomalies;
};

bool is_open(int window) {
  const int of_day = window % day;
  return of_day >= 9 * 12 && of_day < 18 * 12;
}

// By night about 20 and by day about 80, with noise in proportion; on the eleventh day `unusual` stands for the day's.
NabSeries daily(double noise, std::optional<double> unusual, Rng& random) {
  NabSeries series;
  constexpr int eleventh = 10 * day;
  if (unusual) series.anomalies.push_back({eleventh + 9 * 12, eleventh + 18 * 12});
  for (int i = 0; i < windows; ++i) {
    const bool is_unusual = unusual && i >= eleventh && i < eleventh + day;
    const double level = !is_open(i) ? 20 : is_unusual ? *unusual : 80;
    series.values.push_back(level * (1 + noise * (2 * random.uniform() - 1)));
  }
  return series;
}

// The middle of one day is as low as the night.
NabSeries flat_middle(Rng& random) {
  auto series = daily(small_noise, std::nullopt, random);
  constexpr int from = 10 * day + 11 * 12, until = 10 * day + 16 * 12;
  for (int i = from; i < until; ++i)
    series.values[static_cast<std::size_t>(i)] = 20 * (1 + small_noise * (2 * random.uniform() - 1));
  series.anomalies.push_back({from, until});
  return series;
}

// Near nothing, with single spikes; for an hour they are many and three times as high.
NabSeries load_balancer_spikes(Rng& random) {
  NabSeries series;
  constexpr int from = 10 * day + 30, until = from + 12;
  series.anomalies.push_back({from, until});
  for (int i = 0; i < windows; ++i) {
    const bool is_unusual = i >= from && i < until;
    const double base = 1 + 0.1 * random.uniform();
    series.values.push_back(random.chance(is_unusual ? 0.8 : 0.01) ? base + (is_unusual ? 3 : 1) : base);
  }
  return series;
}

// Degrees Fahrenheit of an office: hours and weeks, slow noise, and a failure of the system for a day.
NabSeries ambient_temperature(Rng& random) {
  NabSeries series;
  constexpr int from = 11 * day, until = 12 * day;
  series.anomalies.push_back({from, until});
  double slow = 0;
  for (int i = 0; i < windows; ++i) {
    slow = 0.995 * slow + 0.25 * random.normal();
    const double daily_wave = 3 * std::sin(2 * std::numbers::pi * (i % day) / day);
    const bool is_failing = i >= from && i < until;
    series.values.push_back(71 + daily_wave + slow + (is_failing ? -9 : 0) + 0.2 * random.normal());
  }
  return series;
}

// A large machine at 80 to 100 degrees, which falls before it is shut down.
NabSeries machine_temperature(Rng& random) {
  NabSeries series;
  constexpr int from = 10 * day, until = 10 * day + 150;
  series.anomalies.push_back({from, until});
  double slow = 0;
  for (int i = 0; i < windows; ++i) {
    slow = 0.99 * slow + 0.9 * random.normal();
    const bool is_failing = i >= from && i < until;
    const double part = is_failing ? static_cast<double>(i - from) / (until - from) : 0;
    series.values.push_back(std::max(1.0, 90 + slow - 75 * part + 0.5 * random.normal()));
  }
  return series;
}

// Requests of a data base at 45 ms, which take twice as long and more before it fails.
NabSeries request_latency(Rng& random) {
  NabSeries series;
  for (const int from : {8 * day + 100, 12 * day + 40}) series.anomalies.push_back({from, from + 24});
  for (int i = 0; i < windows; ++i) {
    bool is_failing = false;
    for (const auto& anomaly : series.anomalies) is_failing |= i >= anomaly.from && i < anomaly.until;
    const double level = is_failing ? 100 + 15 * random.uniform() : 45;
    series.values.push_back(level + 1.2 * random.normal() + (random.chance(0.002) ? 12 : 0));
  }
  return series;
}

// A processor at a few percent, with bursts of two windows each two hours, which a new load takes to three times as
// much.
NabSeries cpu_utilization(Rng& random) {
  NabSeries series;
  constexpr int from = 9 * day + 60, until = from + 60;
  series.anomalies.push_back({from, until});
  for (int i = 0; i < windows; ++i) {
    const double level = i >= from && i < until ? 36 : 12;
    series.values.push_back(std::max(0.5, level + (i % 24 < 2 ? 4 : 0) + 0.8 * random.normal()));
  }
  return series;
}

struct Described {
  std::string_view name;
  bool rises = false;  // its anomalies do: the rule looks at nothing else
  NabSeries (*make)(Rng&);
};
constexpr std::array described{
    Described{"art_daily_no_noise", false, [](Rng& random) { return daily(0, std::nullopt, random); }},
    Described{"art_daily_small_noise", false, [](Rng& random) { return daily(small_noise, std::nullopt, random); }},
    Described{"art_daily_jumpsup", true, [](Rng& random) { return daily(small_noise, 164.0, random); }},
    Described{"art_daily_jumpsdown", false, [](Rng& random) { return daily(small_noise, 40.0, random); }},
    Described{"art_daily_flatmiddle", false, flat_middle},
    Described{"art_daily_nojump", false, [](Rng& random) { return daily(small_noise, 20.0, random); }},
    Described{"art_load_balancer_spikes", true, load_balancer_spikes},
    Described{"ambient_temperature", false, ambient_temperature},
    Described{"machine_temperature", false, machine_temperature},
    Described{"ec2_request_latency", true, request_latency},
    Described{"cpu_utilization", true, cpu_utilization},
};

struct NabTally {
  int anomalies = 0;
  int found = 0;
  int false_episodes = 0;
  std::vector<double> minutes;
};

template <class Judge>
void judge_nab(const NabSeries& series, NabTally& tally) {
  Judge judge;
  std::vector<bool> found(series.anomalies.size(), false);
  bool fired = false;
  for (int i = 0; i < static_cast<int>(series.values.size()); ++i) {
    const bool fires = judge.fires({began + i * Duration{300'000}, series.values[static_cast<std::size_t>(i)], 1000});
    const bool begins = fires && !fired;
    fired = fires;
    if (!begins) continue;
    const auto of = std::find_if(series.anomalies.begin(), series.anomalies.end(), [i](const Anomaly& anomaly) {
      return i >= anomaly.from && i < anomaly.until + settles;
    });
    if (of == series.anomalies.end()) {
      ++tally.false_episodes;
      continue;
    }
    const auto place = static_cast<std::size_t>(of - series.anomalies.begin());
    if (found[place]) continue;
    found[place] = true;
    tally.minutes.push_back((i - of->from + 1) * 5.0);
  }
  tally.anomalies += static_cast<int>(found.size());
  tally.found += static_cast<int>(std::count(found.begin(), found.end(), true));
}

void add_to(NabTally& sum, const NabTally& one) {
  sum.anomalies += one.anomalies;
  sum.found += one.found;
  sum.false_episodes += one.false_episodes;
  sum.minutes.insert(sum.minutes.end(), one.minutes.begin(), one.minutes.end());
}

double percent_found(const NabTally& tally) {
  return tally.anomalies == 0 ? 0 : std::round(1000.0 * tally.found / tally.anomalies) / 10;
}

}  // namespace

json simulate_nab(std::uint64_t seed) {
  Rng random(stable_hash(seed, "nab"));
  json by_series = json::object();
  NabTally rises, blind_rises;
  int false_episodes = 0, blind_false_episodes = 0;
  for (const auto& [name, is_rise, make] : described) {
    NabTally by_hour, blind;
    for (int copy = 0; copy < copies; ++copy) {
      const auto series = make(random);
      judge_nab<JudgedByHour>(series, by_hour);
      judge_nab<JudgedBlind>(series, blind);
    }
    by_series[std::string(name)] = {{"copies", copies},
                                    {"anomalies", by_hour.anomalies},
                                    {"found", by_hour.found},
                                    {"false_episodes", by_hour.false_episodes},
                                    {"median_minutes", median(by_hour.minutes).value_or(0)},
                                    {"blind_found", blind.found},
                                    {"blind_false_episodes", blind.false_episodes}};
    false_episodes += by_hour.false_episodes;
    blind_false_episodes += blind.false_episodes;
    if (!is_rise) continue;
    add_to(rises, by_hour);
    add_to(blind_rises, blind);
  }
  return {{"nab", std::move(by_series)},
          {"nab_false_episodes", false_episodes},
          {"nab_rises_found_percent", percent_found(rises)},
          {"nab_median_minutes", median(rises.minutes).value_or(0)},
          {"nab_blind_false_episodes", blind_false_episodes},
          {"nab_blind_rises_found_percent", percent_found(blind_rises)}};
}

}  // namespace argosy::server
