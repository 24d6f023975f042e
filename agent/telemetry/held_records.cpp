#include "agent/telemetry/held_records.hpp"

#include <utility>

#include "agent/telemetry/record_time.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t no_number = 1;  // the outbox gives them

}  // namespace

void HeldRecords::add(Content content, Instant at) {
  waiting_.push_back({wire::encode_record({no_number, std::move(content)}), at});
  bytes_ += waiting_.back().record.size();
  while (bytes_ > most_bytes && waiting_.size() > 1) {
    remove_oldest();
    ++dropped_;
  }
}

HeldRecords::Held HeldRecords::oldest() const {
  const Encoded& first = waiting_.front();
  return {wire::decode_record(first.record).value().content, first.at};
}

void HeldRecords::remove_oldest() {
  bytes_ -= waiting_.front().record.size();
  waiting_.pop_front();
}

void HeldRecords::shift(Duration by) {
  for (Encoded& each : waiting_) {
    bytes_ -= each.record.size();
    each.record = shifted_record(each.record, by);
    each.at += by;
    bytes_ += each.record.size();
  }
}

}  // namespace argosy::agent
