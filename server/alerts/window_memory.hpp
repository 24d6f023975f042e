// What the rules on windows remember of one (device, model, version), so that a judgement reads new windows alone.
// Pure; lies in latency_baselines between two judgements. Bounded: a dozen windows, and a few runs of labels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/alerts/alert.hpp"

namespace argosy::server {

struct WindowRules {
  LatencyRule latency{};
  AccuracyRule accuracy{};
  Duration longest_look{24 * 3'600'000};  // windows older than this are not news
};

// Windows in a row, as one: a window of few labels must not cost a place of its own.
struct LabelRun {
  Instant from{};
  Instant to{};
  AccuracyWindow labels{};
};

struct WindowMemory {
  bool is_new = true;  // nothing was judged before
  LatencyBaseline baseline{};
  Instant read_until{};                    // windows that started up to here have been looked at
  std::vector<LatencyWindow> recent = {};  // oldest first, as many as the rules look back
  std::vector<LabelRun> labels = {};       // oldest first
};

// The text in the columns `recent` and `labels`. What cannot be read counts as forgotten.
std::string recent_to_json(const WindowMemory& memory);
std::string labels_to_json(const WindowMemory& memory);
void remember_recent(WindowMemory& memory, const std::string& json);
void remember_labels(WindowMemory& memory, const std::string& json);

// A window as the rules see it.
struct JudgedWindow {
  Instant started_at{};
  std::optional<double> p95_ms;
  std::uint64_t count = 0;
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
};

struct ServedVersion {
  std::string device;
  std::string model;
  std::string version;
  std::optional<double> accuracy_threshold;  // that its release was validated against
};

struct OngoingAlert {
  AlertState state = AlertState::ok;
  std::string version;  // that it is about
};

// What follows from `windows`, oldest first and all newer than `memory.read_until`; the memory learns from them. The
// findings are in the order in which they hold, those of one rule one after another.
std::vector<AlertFinding> judge_windows(const WindowRules& rules, const ServedVersion& served, WindowMemory& memory,
                                        const OngoingAlert& latency_alert, const OngoingAlert& accuracy_alert,
                                        const std::vector<JudgedWindow>& windows, Instant now);

}  // namespace argosy::server
