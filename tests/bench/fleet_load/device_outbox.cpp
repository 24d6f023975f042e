#include "tests/bench/fleet_load/device_outbox.hpp"

#include <algorithm>
#include <utility>

#include "common/base/random.hpp"

namespace argosy::fleet_load {

namespace {

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

// The server compares links and never makes them, so what they are made with is the device's own affair.
wire::ChainLink next_link(wire::ChainLink previous, std::uint64_t seq, const Entry& entry) {
  std::uint64_t link = mixed(previous + 0x9E3779B97F4A7C15 * seq);
  link = mixed(link ^ static_cast<std::uint64_t>(entry.start_ms));
  return mixed(link ^ (std::uint64_t{entry.content} << 32 | std::uint64_t{entry.length_ms} << 1 | entry.is_health));
}

std::string epoch_of(std::uint64_t number) {
  Bytes bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  return to_hex(bytes);
}

}  // namespace

DeviceOutbox::DeviceOutbox(std::uint64_t seed, std::size_t limit)
    : epoch_(epoch_of(mixed(seed))), limit_(std::max<std::size_t>(limit, 1)) {}

void DeviceOutbox::append(Entry entry) {
  if (records() >= limit_) drop_oldest();
  if (head_ == slots_.size()) {
    slots_.clear();
    head_ = 0;
  }
  if (head_ > 0 && slots_.size() == slots_.capacity()) {
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  const wire::ChainLink previous = records() == 0 ? link_ : slots_.back().link;
  slots_.push_back({entry, next_link(previous, before_ + records() + 1, entry), false});
}

DeviceOutbox::Range DeviceOutbox::take(std::size_t most) {
  if (under_way_ > 0) return {};
  under_way_ = std::min(most, records());
  Range range{.first = before_ + 1, .count = under_way_};
  for (std::size_t i = 0; i < under_way_; ++i) {
    Slot& slot = slots_[head_ + i];
    const bool again = std::exchange(slot.was_sent, true);
    if (slot.entry.is_health == 0) ++(again ? range.repeated_windows : range.new_windows);
    if (slot.entry.is_health != 0 && !again) ++range.new_health;
  }
  return range;
}

void DeviceOutbox::forget_under_way() {
  under_way_ = 0;
}

const Entry& DeviceOutbox::entry(std::uint64_t seq) const {
  return slots_[head_ + static_cast<std::size_t>(seq - before_ - 1)].entry;
}

wire::ChainLink DeviceOutbox::link(std::uint64_t seq) const {
  return seq == before_ ? link_ : slots_[head_ + static_cast<std::size_t>(seq - before_ - 1)].link;
}

bool DeviceOutbox::is_ours(const wire::ChainPoint& point) const {
  return point.seq >= before_ && point.seq <= before_ + records() && link(point.seq) == point.link;
}

void DeviceOutbox::forget(std::size_t count) {
  link_ = link(before_ + count);
  head_ += count;
  before_ += count;
  under_way_ -= std::min(under_way_, count);
}

void DeviceOutbox::drop_oldest() {
  forget(1);
  ++dropped_;
}

void DeviceOutbox::set_aside_oldest() {
  if (records() == 0) return;
  forget(1);
  ++refused_;
}

DeviceOutbox::Acknowledged DeviceOutbox::acknowledge(const wire::TelemetryAck& ack) {
  Acknowledged outcome;
  if (ack.epoch != epoch_ || !ack.link || !is_ours({ack.seq, *ack.link})) return outcome;
  if (ack.renew && !is_ours(*ack.renew)) return outcome;
  const auto stored = static_cast<std::size_t>(ack.seq - before_);
  for (std::size_t i = 0; i < stored; ++i) {
    const bool is_health = slots_[head_ + i].entry.is_health != 0;
    ++(is_health ? outcome.health : outcome.windows);
  }
  outcome.answers = under_way_ > 0 && (stored > 0 || ack.renew);
  if (stored > 0) {
    stored_ = {entry(ack.seq), ack.seq, link(ack.seq - 1), *ack.link};
    forget(stored);
  }
  if (ack.seq > since_) refused_ = 0;
  since_ = std::max(since_, ack.seq);
  if (outcome.answers) under_way_ = 0;
  if (!ack.renew) return outcome;
  renew();
  outcome.renewed = true;
  return outcome;
}

// As the agent's outbox: from 1 on, or after as many numbers as left without anybody knowing them to be stored.
void DeviceOutbox::renew() {
  std::uint64_t left = 0;
  if (records() > 0) left = slots_[head_].link;
  epoch_ = epoch_of(stable_hash(left, epoch_));
  before_ -= since_;
  since_ = 0;
  link_ = 0;
  under_way_ = 0;
  stored_ = {};
  std::uint64_t seq = before_;
  wire::ChainLink previous = link_;
  for (std::size_t i = head_; i < slots_.size(); ++i) {
    previous = slots_[i].link = next_link(previous, ++seq, slots_[i].entry);
  }
}

}  // namespace argosy::fleet_load
