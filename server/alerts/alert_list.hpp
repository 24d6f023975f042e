// What is asked of alerts, their groups, their history and of silences, and the answers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/alerts/alert.hpp"
#include "server/alerts/silence.hpp"

namespace argosy::server {

struct AlertQuery {
  std::optional<std::string> state = {};   // "firing", "pending", "resolved", or "open" for the first two
  std::optional<std::string> device = {};  // also those of its site and its rollouts that stand for its own
  std::optional<std::string> rule = {};
  std::optional<std::string> group = {};
  std::optional<std::string> held = {};     // "inhibited", "silenced", or "free" for neither
  std::optional<std::int64_t> before = {};  // ids under this
  std::size_t limit = 50;
};

struct AlertPage {
  std::vector<Alert> items;  // newest first
  std::int64_t total = 0;
};

// One thing that happened to an alert.
struct AlertMoment {
  std::int64_t id = 0;
  std::int64_t alert = 0;
  std::string rule;
  std::string subject;  // "device/cam-7"
  std::string model;
  Instant at{};
  std::string change;
  std::string actor;  // empty: nobody, it came so
  std::string reason;
};
std::string moment_to_json(const AlertMoment& moment);

struct AlertWithHistory {
  Alert alert;
  std::vector<AlertMoment> history = {};  // oldest first, at most the newest 200
  std::int64_t stands_for = 0;            // so many alerts that it inhibits
};
std::string alert_with_history_to_json(const AlertWithHistory& found);

struct GroupQuery {
  std::string state = "open";
  bool by_rule = false;  // else by the group that each is told in
};

struct AlertGroup {
  std::string key;       // "site/berlin"
  std::string severity;  // the worst of those that fire
  std::int64_t firing = 0;
  std::int64_t pending = 0;
  std::int64_t resolved = 0;
  std::int64_t inhibited = 0;
  std::int64_t silenced = 0;
  std::int64_t acknowledged = 0;
  std::vector<std::string> rules;
  Instant newest_at{};
};
std::string groups_to_json(const std::vector<AlertGroup>& groups);

struct HistoryQuery {
  std::optional<std::int64_t> alert = {};
  std::optional<std::string> device = {};
  std::optional<std::string> rule = {};
  std::optional<std::int64_t> before = {};
  std::size_t limit = 50;
};

struct HistoryPage {
  std::vector<AlertMoment> items;  // newest first
  std::int64_t total = 0;
};

struct SilenceQuery {
  bool ended = false;  // else those that have not
  std::optional<std::int64_t> before = {};
  std::size_t limit = 50;
};

struct SilencePage {
  std::vector<Silence> items;  // newest first
  std::int64_t total = 0;
};

}  // namespace argosy::server
