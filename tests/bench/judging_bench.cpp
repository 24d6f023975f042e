// What judging a window from memory costs, without a database: one JSON object on stdout. Run by scripts/bench judging,
// whose help describes the keys. One thread.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/alerts/pair_alerts.hpp"
#include "server/alerts/worst.hpp"
#include "server/drift/pair_drift.hpp"
#include "server/telemetry/watch.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr Duration between_windows{30'000};
constexpr Duration write_every{600'000};
constexpr std::size_t bins = 23;
const Instant begin = parse_rfc3339("2026-03-01T12:00:00Z").value();

double cpu_s() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

double resident_mb() {
  std::ifstream status("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  status >> whole >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

std::string device_name(std::size_t i) {
  return "device-" + std::to_string(100'000 + i);
}

// A window as devices send it: 300 inferences, four features over 23 bins, 10 labels.
TakenWindow window_of(Rng& random) {
  TakenWindow window;
  window.model = "digits";
  window.version = "1.0";
  window.count = 300;
  window.labelled = 10;
  window.correct = 10;
  for (int i = 0; i < 300; ++i) window.latency.add(8 + 4 * random.uniform());
  for (const char* name : {"brightness", "contrast", "level", "sharpness"}) {
    wire::FeatureCounts feature{name, std::vector<std::uint64_t>(bins)};
    for (int i = 0; i < 300; ++i) ++feature.counts[1 + random.below(bins - 2)];
    window.features.push_back(std::move(feature));
  }
  return window;
}

std::vector<wire::FeatureReference> reference() {
  std::vector<wire::FeatureReference> features;
  for (const char* name : {"brightness", "contrast", "level", "sharpness"}) {
    wire::FeatureReference feature{name, {}, std::vector<std::uint64_t>(bins, 100)};
    for (std::size_t i = 0; i + 2 < bins; ++i) feature.edges.push_back(static_cast<double>(i));
    feature.counts.front() = feature.counts.back() = 0;
    features.push_back(std::move(feature));
  }
  return features;
}

// One judge of a fleet: its list, and the two halves of what Watch does.
struct Fleet {
  WatchList list;
  double heard_s = 0;
  double judged_s = 0;
  std::size_t windows = 0;
  std::size_t writes = 0;
  std::size_t remembered = 0;

  template <class Make>
  void remember_all(std::size_t devices, Make make) {
    for (std::size_t i = 0; i < devices; ++i) list.heard({device_name(i), "digits"}, begin, begin);
    for (const auto& due : list.take(devices, begin)) {
      auto memory = make();
      memory->write_at = begin + write_every * static_cast<int>(++remembered % 1000) / 1000;
      list.remember(due.pair, std::move(memory));
      list.judged(due, begin);
    }
  }
  template <class Hear>
  void hear(const std::vector<TakenWindow>& sent, Instant now, Hear hear) {
    const double from = cpu_s();
    for (const auto& window : sent) {
      PairMemory* memory = list.heard({window.device, window.model}, window.started_at, now);
      hear(window, *memory);
      list.weigh(*memory);
    }
    heard_s += cpu_s() - from;
    windows += sent.size();
  }
  template <class Judge>
  void judge(Instant now, Judge judge) {
    const double from = cpu_s();
    while (true) {
      const auto batch = list.take(400, now);
      if (batch.empty()) break;
      for (const auto& due : batch) {
        const bool is_overdue = now >= due.memory->write_at;
        writes += judge(due) || is_overdue ? 1 : 0;
        if (is_overdue) due.memory->write_at = now + write_every;
        list.weigh(*due.memory);
        list.judged_from_memory(due, now);
      }
    }
    judged_s += cpu_s() - from;
  }
  json figures() const {
    const auto n = static_cast<double>(windows);
    return {{"hear_us", 1e6 * heard_s / n},
            {"judge_us", 1e6 * judged_s / n},
            {"bytes_per_pair", static_cast<double>(list.bytes()) / static_cast<double>(list.remembered())},
            {"written_per_window", static_cast<double>(writes) / n}};
  }
};

struct Bench {
  std::size_t devices;
  int rounds;
  Fleet alerts{WatchList({.interval = Duration{2000}})};
  Fleet drift{WatchList({.interval = Duration{60'000}})};
  WindowRules window_rules{};
  DriftRules drift_rules{};

  json run(Rng& random) {
    const double empty_mb = resident_mb();
    remember_all();
    std::vector<TakenWindow> kinds;
    for (int i = 0; i < 64; ++i) kinds.push_back(window_of(random));
    Instant now = begin;
    constexpr std::size_t together = 2000;
    for (int round = 0; round < rounds; ++round) {
      now += between_windows;
      for (std::size_t first = 0; first < devices; first += together) {
        std::vector<TakenWindow> sent;
        for (std::size_t i = first; i < std::min(devices, first + together); ++i) {
          sent.push_back(kinds[(i * 7 + static_cast<std::size_t>(round)) % kinds.size()]);
          sent.back().device = device_name(i);
          sent.back().started_at = now - between_windows + Duration{1};
          sent.back().ended_at = now;
        }
        hear_and_judge(sent, now);
      }
    }
    const double from = cpu_s();
    WorstLists worst({}, now);
    alerts.list.visit_all([&](const WatchedPair& pair, PairMemory& memory) {
      worst.offer(pair, static_cast<const PairAlerts&>(memory));
    });
    const double worst_s = cpu_s() - from;
    const double us =
        1e6 * (alerts.heard_s + alerts.judged_s + drift.heard_s + drift.judged_s) / static_cast<double>(alerts.windows);
    return {{"judging_us_per_window", us},     {"remembered_mb", resident_mb() - empty_mb},
            {"worst_lists_ms", 1e3 * worst_s}, {"alerts", alerts.figures()},
            {"drift", drift.figures()},        {"devices", devices},
            {"windows", alerts.windows}};
  }

  void remember_all() {
    const auto release = std::make_shared<const ReleaseToJudge>(ReleaseToJudge{"digits", "1.0", 0.94});
    alerts.remember_all(devices, [&] {
      WindowMemory memory;
      memory.read_until = begin;
      return std::make_unique<PairAlerts>(release, std::move(memory), AlertState::ok, AlertState::ok);
    });
    const auto shared = std::make_shared<JudgedRelease>("digits", "1.0", judged_reference(reference()));
    drift.remember_all(devices, [&] {
      Evidence evidence(drift_rules.evidence, shared->reference);
      evidence.has_no_older();
      const std::vector<KnownVerdict> known(shared->reference->features.size(),
                                            KnownVerdict{"1.0", DriftVerdictKind::waiting, 0, begin});
      return std::make_unique<PairDrift>(shared, evidence, known, begin);
    });
  }

  void hear_and_judge(const std::vector<TakenWindow>& sent, Instant now) {
    alerts.hear(sent, now, [](const TakenWindow& window, PairMemory& memory) {
      static_cast<PairAlerts&>(memory).hear(window.version, judged_window_of(window));
    });
    alerts.judge(now, [&](const DuePair& due) {
      return !static_cast<PairAlerts&>(*due.memory).judge(window_rules, due.pair, now).findings.empty();
    });
    drift.hear(sent, now, [&](const TakenWindow& window, PairMemory& memory) {
      static_cast<PairDrift&>(memory).hear(drift_rules, window, now);
    });
    drift.judge(now, [&](const DuePair& due) {
      return !static_cast<PairDrift&>(*due.memory).judge(drift_rules, due.pair, now)->verdicts.empty();
    });
  }
};

}  // namespace
}  // namespace argosy::server

int main(int argc, char** argv) {
  const std::size_t devices = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 40;
  argosy::Rng random(7);
  argosy::server::Bench bench{devices, rounds};
  std::printf("%s\n", bench.run(random).dump().c_str());
}
