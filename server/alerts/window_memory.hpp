// What the rules on windows remember of one (device, model, version), so that a judgement needs new windows alone.
// Pure; packed in memory between two judgements (pair_alerts), and written to latency_baselines now and then. Bounded:
// a dozen windows, a few runs of labels, a dozen numbers of evidence, and the labels of some minutes by some seconds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
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

// Labels of windows that started within some seconds, for the list of the worst.
struct FreshLabels {
  Instant at{};
  std::uint32_t labelled = 0;
  std::uint32_t correct = 0;
};
inline constexpr Duration labels_are_fresh_for{300'000};

struct WindowMemory {
  bool is_new = true;  // nothing was judged before
  LatencyBaseline baseline{};
  Instant read_until{};                      // windows that started up to here have been looked at
  std::vector<LatencyWindow> recent = {};    // oldest first, as many as the rules look back
  std::vector<LabelRun> labels = {};         // oldest first
  FallEvidence falls{};                      // of the accuracy, under the release's threshold
  std::vector<FreshLabels> fresh = {};       // oldest first
  std::optional<LatencyWindow> newest = {};  // whatever it holds; not written
};

// The text in the columns `recent`, `labels`, `falls` and `fresh`. What cannot be read counts as forgotten.
std::string recent_to_json(const WindowMemory& memory);
std::string labels_to_json(const WindowMemory& memory);
std::string falls_to_json(const WindowMemory& memory);
std::string fresh_to_json(const WindowMemory& memory);
void remember_recent(WindowMemory& memory, const std::string& json);
void remember_labels(WindowMemory& memory, const std::string& json);
void remember_falls(WindowMemory& memory, const std::string& json);
void remember_fresh(WindowMemory& memory, const std::string& json);

// All but what is fresh and newest, in some hundred bytes.
Bytes pack(const WindowMemory& memory);
WindowMemory unpack_window_memory(ByteView bytes);

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

struct WindowJudgement {
  std::vector<AlertFinding> findings;   // that move the alert or refresh it, in the order in which they hold
  AlertState latency = AlertState::ok;  // after them
  AlertState accuracy = AlertState::ok;
};

// What follows from `windows`, oldest first and all newer than `memory.read_until`; the memory learns from them.
WindowJudgement judge_windows(const WindowRules& rules, const ServedVersion& served, WindowMemory& memory,
                              const OngoingAlert& latency_alert, const OngoingAlert& accuracy_alert,
                              const std::vector<JudgedWindow>& windows, Instant now);

}  // namespace argosy::server
