#include "server/mqtt/mqtt_inbox.hpp"

#include <utility>

namespace argosy::server {

bool MqttInbox::take(std::string_view topic, std::string_view payload, bool retained, SenderBudgets::Time now) {
  ++counters_.received;
  const auto rule = rule_of_ ? rule_of_(topic) : MqttTopicRule{"", limits_.sender_bytes};
  if (!rule) {
    ++counters_.unknown_topic;
    return false;
  }
  if (payload.size() > rule->payload_limit) {
    ++counters_.too_large;
    if (auto* refusals = refusals_of(rule->sender)) ++refusals->too_large;
    return true;
  }
  const std::string sender(rule->sender);
  const std::size_t size = topic.size() + payload.size();
  // What the broker kept comes once for each subscription of ours, not as often as its sender likes.
  if (!retained && !budgets_.spend(sender, size, now)) {
    ++counters_.over_budget;
    if (auto* refusals = refusals_of(rule->sender)) ++refusals->over_budget;
    return true;
  }
  if (!has_room(sender, size)) {
    ++counters_.full;
    return false;
  }
  bytes_ += size;
  sender_bytes_[sender] += size;
  messages_.push_back({std::string(topic), std::string(payload), retained});
  return true;
}

MqttInbox::Delivery MqttInbox::deliver() {
  Delivery delivery;
  delivery.messages = std::exchange(messages_, {});
  for (auto& [sender, refusals] : refusals_) delivery.refusals.push_back(std::move(refusals));
  refusals_.clear();
  sender_bytes_.clear();
  bytes_ = 0;
  return delivery;
}

MqttRefusals* MqttInbox::refusals_of(std::string_view sender) {
  auto found = refusals_.find(sender);
  if (found == refusals_.end()) {
    if (refusals_.size() == limits_.refusals) return nullptr;
    found = refusals_.emplace(std::string(sender), MqttRefusals{std::string(sender)}).first;
  }
  return &found->second;
}

bool MqttInbox::has_room(const std::string& sender, std::size_t size) const {
  if (messages_.size() >= limits_.messages || bytes_ + size > limits_.bytes) return false;
  const auto found = sender_bytes_.find(sender);
  return found == sender_bytes_.end() || found->second + size <= limits_.sender_bytes;
}

}  // namespace argosy::server
