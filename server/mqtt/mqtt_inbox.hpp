// What came from the broker and nobody has read yet, between Paho's thread and the I/O thread. Bounded in messages and
// bytes, each sender within a share and a budget of its own: whoever floods pushes out nobody else's. Pure: `now` is
// given; the caller locks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/work/sender_budgets.hpp"

namespace argosy::server {

struct MqttMessage {
  std::string topic;
  std::string payload;
  bool retained = false;
};

// Whose messages come on a topic, and how large they may be.
struct MqttTopicRule {
  std::string_view sender;  // a view of the topic
  std::size_t payload_limit = 0;
};

// What was not taken of one sender since the last delivery.
struct MqttRefusals {
  std::string sender;
  std::uint64_t over_budget = 0;  // too many, or too many bytes
  std::uint64_t too_large = 0;
};

class MqttInbox {
 public:
  struct Limits {
    std::size_t messages = 10'000;
    std::size_t bytes = std::size_t{64} << 20;
    std::size_t sender_bytes = std::size_t{4} << 20;  // of those, for one sender
    std::size_t refusals = 256;                       // senders that are told of, between two deliveries
    SenderBudgets::Limits budgets{};
  };
  struct Counters {
    std::uint64_t received = 0;
    std::uint64_t unknown_topic = 0;
    std::uint64_t too_large = 0;
    std::uint64_t over_budget = 0;
    std::uint64_t full = 0;
  };
  using RuleOf = std::function<std::optional<MqttTopicRule>(std::string_view topic)>;
  struct Delivery {
    std::vector<MqttMessage> messages;  // in order
    std::vector<MqttRefusals> refusals;
  };

  // Without `rule_of` all topics are one sender's.
  MqttInbox(Limits limits, RuleOf rule_of) : limits_(limits), rule_of_(std::move(rule_of)), budgets_(limits.budgets) {}

  // Copies the message if it is to be read; false when there was no reason to wake anybody.
  bool take(std::string_view topic, std::string_view payload, bool retained, SenderBudgets::Time now);
  Delivery deliver();
  void clear() { deliver(); }
  const Counters& counters() const { return counters_; }
  std::size_t bytes() const { return bytes_; }

 private:
  MqttRefusals* refusals_of(std::string_view sender);
  bool has_room(const std::string& sender, std::size_t size) const;

  Limits limits_;
  RuleOf rule_of_;
  SenderBudgets budgets_;
  std::vector<MqttMessage> messages_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::size_t> sender_bytes_;  // of those that wait
  std::map<std::string, MqttRefusals, std::less<>> refusals_;
  Counters counters_;
};

}  // namespace argosy::server
