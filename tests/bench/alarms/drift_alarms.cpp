#include "tests/bench/alarms/drift_alarms.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/stats/bins.hpp"
#include "common/stats/reference.hpp"
#include "common/stats/robust.hpp"
#include "server/drift/pair_drift.hpp"
#include "tests/bench/alarms/camera_fleet.hpp"
#include "tests/bench/alarms/usual_tests.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr int fleets = 12;  // every second with a season
constexpr std::size_t devices_in_fleet = 60;
constexpr std::size_t dirty_in_fleet = 9;
constexpr int step = 2;  // minutes between two samples of the features
constexpr int minutes_in_window = 30;
constexpr int day = 1440;
constexpr int healthy_from = 9 * day;  // the first days are over
constexpr int minutes = healthy_from + 30 * day;
constexpr int found_within = 7 * day;
const Instant began = parse_rfc3339("2026-03-01T00:00:00Z").value();

struct Dirt {
  double from = 1e18;
  double at(double minute) const { return std::clamp((minute - from) / 720, 0.0, 1.0); }
};

// What the usual tests say of one device, once a day.
struct UsualTests {
  std::array<PageHinkley, camera_features> page_hinkley;
  std::array<Adwin, camera_features> adwin;
  std::array<BinCounts, camera_features> today;
  std::array<BinCounts, camera_features> newest_hundred;
  bool psi = false, ks = false, chi_square = false, adwin_cut = false, page_hinkley_cut = false;
};

struct Device {
  WatchedPair pair;
  Camera camera;
  Dirt dirt;
  std::unique_ptr<PairDrift> drift;
  std::optional<UsualTests> usual;
  bool was_flagged = false;             // while it was clean
  std::optional<double> found_after_h;  // from when dirt began
  std::string scope;
};

struct Tally {
  int healthy = 0, healthy_flagged = 0, dirty = 0, named_device = 0, seasons = 0, seasons_called = 0;
  int season_devices = 0, season_pages = 0;
  int usual_devices = 0, psi = 0, ks = 0, chi_square = 0, adwin = 0, page_hinkley = 0;
  std::vector<double> found_h;
};

// Values of other cameras over three days: what a model was trained on.
std::vector<wire::FeatureReference> training_reference(Rng& random) {
  std::array<std::vector<double>, camera_features> sample;
  Weather weather(random);
  std::vector<Camera> cameras;
  for (int i = 0; i < 20; ++i) cameras.emplace_back(random);
  for (int minute = 0; minute < 10 * day; minute += step) {
    const auto common = weather.next(0, random);
    if (minute % 60 != 0) continue;
    for (auto& camera : cameras) {
      const auto values = camera.at(minute, common, 0, random);
      for (std::size_t i = 0; i < camera_features; ++i) sample[i].push_back(values[i]);
    }
  }
  std::vector<wire::FeatureReference> features;
  for (std::size_t i = 0; i < camera_features; ++i) {
    auto bins = reference_of(sample[i]).value();
    features.push_back({camera_feature_names[i], std::move(bins.edges), std::move(bins.counts)});
  }
  return features;
}

class FleetRun {
 public:
  FleetRun(std::uint64_t seed, bool has_season, bool has_usual)
      : random_(seed), weather_(random_), has_season_(has_season), reference_(training_reference(random_)) {
    release_ = releases_.learn({"camera", "1.0"}, judged_reference(reference_));
    for (std::size_t i = 0; i < devices_in_fleet; ++i) add_device(i, has_usual);
  }

  void run(Tally& tally) {
    std::vector<TakenWindow> windows(devices_.size());
    for (int minute = 0; minute < minutes; minute += step) {
      const auto common = weather_.next(season_at(minute), random_);
      for (std::size_t i = 0; i < devices_.size(); ++i) see(devices_[i], windows[i], minute, common);
      if ((minute + step) % minutes_in_window == 0) judge(windows, minute + step);
      if ((minute + step) % day == 0) judge_as_usual(minute + step);
    }
    count(tally);
  }

 private:
  void add_device(std::size_t i, bool has_usual) {
    Device device{{"camera-" + std::to_string(i), "camera"}, Camera(random_), {}, nullptr, {}, false, {}, {}};
    if (i < dirty_in_fleet) device.dirt.from = healthy_from + std::floor(20 * day * random_.uniform());
    Evidence evidence(rules_.evidence, release_->reference);
    evidence.has_no_older();
    device.drift = std::make_unique<PairDrift>(release_, evidence, std::vector<KnownVerdict>{}, began);
    if (has_usual && i >= dirty_in_fleet) {
      const auto bins = [this](std::size_t feature) { return BinCounts(reference_[feature].edges); };
      device.usual = UsualTests{{}, {}, {bins(0), bins(1), bins(2)}, {bins(0), bins(1), bins(2)}};
    }
    devices_.push_back(std::move(device));
  }

  double season_at(int minute) const {
    return has_season_ ? 2 * std::clamp((minute - healthy_from - 5.0 * day) / (15 * day), 0.0, 1.0) : 0;
  }

  void see(Device& device, TakenWindow& window, int minute, const CameraValues& common) {
    if (window.features.empty()) {
      for (const auto& feature : reference_)
        window.features.push_back({feature.name, std::vector<std::uint64_t>(feature.counts.size())});
      window.started_at = began + Duration{60'000} * (minute + 1);
      window.ended_at = window.started_at + Duration{60'000} * (minutes_in_window - 1);
      window.version = "1.0";
    }
    const auto values = device.camera.at(minute, common, device.dirt.at(minute), random_);
    ++window.count;
    for (std::size_t i = 0; i < camera_features; ++i) {
      ++window.features[i].counts[bin_of(reference_[i].edges, values[i])];
      if (device.usual) see_as_usual(*device.usual, i, minute, values[i]);
    }
  }

  void see_as_usual(UsualTests& usual, std::size_t feature, int minute, double value) {
    const double scaled = 1 / (1 + std::exp(-value));  // 0..1
    const bool adwin_cut = usual.adwin[feature].add(scaled);
    const bool page_hinkley_cut = usual.page_hinkley[feature].add(value);
    if (minute >= healthy_from) {
      usual.adwin_cut |= adwin_cut;
      usual.page_hinkley_cut |= page_hinkley_cut;
    }
    usual.today[feature].add(value);
    if (minute % day >= day - 100 * step) usual.newest_hundred[feature].add(value);
  }

  void judge(std::vector<TakenWindow>& windows, int minute) {
    const Instant now = began + Duration{60'000} * (minute + 1);
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      devices_[i].drift->hear(rules_, windows[i], now);
      const auto said = devices_[i].drift->judge(rules_, devices_[i].pair, now);
      for (const auto& verdict : said->verdicts) note(devices_[i], verdict, minute);
      windows[i] = {};
    }
    season_called_ |= !releases_.take_fleet_news(rules_, now).called.empty();
  }

  void note(Device& device, const DriftVerdict& verdict, int minute) {
    if (!verdict.is_drifted() || minute < healthy_from) return;
    if (minute < device.dirt.from) {
      device.was_flagged = true;
    } else if (!device.found_after_h) {
      device.found_after_h = (minute - device.dirt.from) / 60;
      device.scope = to_string(verdict.said.scope);
    }
  }

  void judge_as_usual(int minute) {
    for (auto& device : devices_) {
      if (!device.usual) continue;
      for (std::size_t i = 0; i < camera_features; ++i) {
        UsualTests& usual = *device.usual;
        if (minute > healthy_from) {
          usual.psi |= population_stability_index(reference_[i].counts, usual.newest_hundred[i].counts()) > 0.1;
          usual.ks |= ks_differs(reference_[i].counts, usual.today[i].counts());
          usual.chi_square |= chi_square_differs(reference_[i].counts, usual.today[i].counts());
        }
        usual.today[i].clear();
        usual.newest_hundred[i].clear();
      }
    }
  }

  void count(Tally& tally) const {
    for (const auto& device : devices_) {
      if (device.dirt.from > 1e17) {
        ++tally.healthy;
        tally.healthy_flagged += device.was_flagged ? 1 : 0;
        tally.season_devices += has_season_ ? 1 : 0;
        tally.season_pages += has_season_ && device.was_flagged ? 1 : 0;
      } else {
        ++tally.dirty;
        if (device.found_after_h && *device.found_after_h * 60 <= found_within) {
          tally.found_h.push_back(*device.found_after_h);
          tally.named_device += device.scope == "device" ? 1 : 0;
        }
      }
      if (!device.usual) continue;
      ++tally.usual_devices;
      tally.psi += device.usual->psi;
      tally.ks += device.usual->ks;
      tally.chi_square += device.usual->chi_square;
      tally.adwin += device.usual->adwin_cut;
      tally.page_hinkley += device.usual->page_hinkley_cut;
    }
    tally.seasons += has_season_ ? 1 : 0;
    tally.seasons_called += has_season_ && season_called_ ? 1 : 0;
  }

  Rng random_;
  Weather weather_;
  bool has_season_;
  std::vector<wire::FeatureReference> reference_;
  DriftRules rules_{};
  JudgedReleases releases_;
  std::shared_ptr<JudgedRelease> release_;
  std::vector<Device> devices_;
  bool season_called_ = false;
};

double percent(int part, int whole) {
  return whole == 0 ? 0 : std::round(1000.0 * part / whole) / 10;
}

}  // namespace

json simulate_drift(std::uint64_t seed) {
  Tally tally;
  for (int i = 0; i < fleets; ++i) {
    const bool has_season = i % 2 == 1;
    FleetRun(stable_hash(seed, "fleet " + std::to_string(i)), has_season, !has_season).run(tally);
  }
  const auto found = static_cast<int>(tally.found_h.size());
  return {{"drift_flagged_percent", percent(tally.healthy_flagged, tally.healthy)},
          {"lens_found_percent", percent(found, tally.dirty)},
          {"lens_median_h", median(tally.found_h).value_or(0)},
          {"lens_named_device_percent", percent(tally.named_device, found)},
          {"seasons_called_percent", percent(tally.seasons_called, tally.seasons)},
          {"season_pages_percent", percent(tally.season_pages, tally.season_devices)},
          {"drift_devices", tally.healthy},
          {"lenses", tally.dirty},
          {"others_flagged_percent",
           {{"psi_over_0.1_of_100_samples", percent(tally.psi, tally.usual_devices)},
            {"ks_at_0.05", percent(tally.ks, tally.usual_devices)},
            {"chi_square_at_0.05", percent(tally.chi_square, tally.usual_devices)},
            {"adwin", percent(tally.adwin, tally.usual_devices)},
            {"page_hinkley", percent(tally.page_hinkley, tally.usual_devices)}}}};
}

}  // namespace argosy::server
