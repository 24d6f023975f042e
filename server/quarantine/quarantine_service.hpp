// The quarantine for those who take in what devices send: asks before a message is read, marks it while it is in hand,
// and is told what became of it. In memory, saved every few seconds; on the I/O thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/quarantine/in_hand.hpp"
#include "server/quarantine/quarantine.hpp"
#include "server/work/sender_budgets.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

class QuarantineService {
 public:
  struct Options {
    std::string server_version;
    std::filesystem::path folder;  // of the messages in hand; empty: they leave no mark
    Quarantine::Limits limits{};
    SenderBudgets::Limits budgets{};  // of what comes by HTTPS
    Duration clear_interval{3'600'000};
  };
  struct Counters {
    std::uint64_t refused = 0;      // messages, the first time
    std::uint64_t passed_over = 0;  // that were refused before
    std::uint64_t put_off = 0;      // until they are tried again
    std::uint64_t unmarked = 0;     // in hand without a mark
    std::size_t in_quarantine = 0;  // rows: a device and a kind of message
  };
  QuarantineService(DbPool& db, Options options);

  // Reads what was saved and what processes that died had in hand. Before the first message, and when this instance
  // takes the lead: another may have judged meanwhile.
  Task<Result<void>> load(Instant now);
  // Saves what changed. Every few seconds, on every instance.
  Task<Result<void>> tick(Instant now);

  Ruling admit(const MessageId& message, Instant now);
  // Errc::unprocessable, or unavailable when it may be sent again later; nothing for what may be taken.
  Result<Admittance> check(const MessageId& message, Instant now);
  // Errc::rate_limited, which the quarantine is told of, when the device asks and sends more by HTTPS than it may.
  Result<void> spend(const std::string& device, std::size_t bytes, Instant now);
  InHand::Hold hold(const std::vector<MessageId>& messages);
  void refuse(const MessageId& message, const Error& error, Instant now);
  void refuse(const MessageId& message, std::string_view reason, Instant now, std::int64_t times);
  void accept(const MessageId& message, Instant now) { rows_.accept(message, now); }

  Task<Result<std::vector<QuarantineRow>>> of_device(std::string device);
  Counters counters() const;

 private:
  Task<Result<void>> save_changes();  // what the database will not have stays to be saved

  DbPool& db_;
  Options options_;
  Quarantine rows_;
  std::unique_ptr<InHand> in_hand_;  // null when the folder cannot be used; the log says so
  SenderBudgets budgets_;
  std::optional<Instant> cleared_at_;
  Counters counters_;
};

// What a device is told of a message that is refused for good: Errc::unprocessable when the cause has no better name.
Error refusal(const Error& error);

void add_metrics(Metrics& metrics, const QuarantineService& quarantine);

}  // namespace argosy::server
