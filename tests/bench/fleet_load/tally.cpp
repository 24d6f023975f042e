#include "tests/bench/fleet_load/tally.hpp"

#include <cmath>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace argosy::fleet_load {

namespace {

using nlohmann::json;

double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

json quantile(const LogHistogram& histogram, double q) {
  const auto value = histogram.quantile(q);
  return value ? json(rounded(*value, 100)) : json();
}

json time_or_null(double seconds) {
  return seconds < 0 ? json() : json(rounded(seconds, 1000));
}

json stored_json(const std::optional<StoredWindows>& stored) {
  if (!stored) return {};
  return {{"windows", stored->windows}, {"twice", stored->twice}, {"lost", stored->lost}};
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::string to_json(const Tally& tally, const Ending& ending) {
  auto storms = json::array();
  for (const Storm& storm : tally.storms)
    storms.push_back({{"at_s", rounded(storm.at_s, 1000)},
                      {"connections", storm.connections},
                      {"back_s", time_or_null(storm.back_s)},
                      {"recovered_s", time_or_null(storm.recovered_s)}});
  const auto sent = static_cast<double>(tally.sent + tally.repeated);
  json out = {
      {"sent", tally.sent},
      {"acknowledged", tally.acknowledged},
      {"stored", stored_json(ending.stored)},
      {"repeated", tally.repeated},
      {"dropped", ending.dropped},
      {"waiting", ending.waiting},
      {"set_aside", tally.set_aside},
      {"renewed", tally.renewed},
      {"health", {{"sent", tally.health_sent}, {"acknowledged", tally.health_acknowledged}}},
      {"states", tally.states},
      {"messages", tally.messages},
      {"acks", tally.acks},
      {"timeouts", tally.timeouts},
      {"connects", tally.connects},
      {"reconnects", tally.reconnects},
      {"disconnections", tally.disconnections},
      {"refused",
       {{"connections", tally.refused_connections},
        {"subscriptions", tally.refused_subscriptions},
        {"batches", tally.refused_batches},
        {"attempts", tally.failed_connects}}},
      {"ack_ms", {{"median", quantile(tally.ack_ms, 0.5)}, {"p99", quantile(tally.ack_ms, 0.99)}}},
      {"seconds", rounded(ending.seconds, 1000)},
      {"windows_per_s",
       ending.seconds > 0 ? json(rounded(static_cast<double>(tally.acknowledged) / ending.seconds, 10)) : json()},
      {"cpu_s", rounded(ending.cpu_s, 1000)},
      {"cpu_us_per_window", sent > 0 ? json(rounded(ending.cpu_s * 1e6 / sent, 100)) : json()},
      {"peak_mb", rounded(process_peak_mb(), 10)},
      {"faults",
       {{"storms", tally.storms.size()},
        {"torn", tally.torn},
        {"duplicates", tally.duplicates},
        {"garbage", tally.garbage},
        {"foreign", tally.foreign},
        {"skewed_devices", tally.skewed_devices}}},
      {"storms", storms},
      {"last_error", tally.last_error.empty() ? json() : json(tally.last_error)},
      {"seed", ending.seed}};
  return out.dump();
}

double process_cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

double process_peak_mb() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

}  // namespace argosy::fleet_load
