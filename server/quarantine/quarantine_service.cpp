#include "server/quarantine/quarantine_service.hpp"

#include <spdlog/spdlog.h>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/quarantine/quarantine_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t saved_at_once = 500;

std::unique_ptr<InHand> open_marks(const std::filesystem::path& folder) {
  if (folder.empty()) return nullptr;
  auto opened = InHand::open(folder);
  if (opened) return std::move(*opened);
  spdlog::warn("messages in hand leave no mark, so one that ends the server would be taken again: {}",
               opened.error().message);
  return nullptr;
}

}  // namespace

Error refusal(const Error& error) {
  const bool named = error.code != Errc::internal && error.code != Errc::conflict && error.code != Errc::corrupt &&
                     error.code != Errc::io;
  return named ? error : make_error(Errc::unprocessable, "it cannot be stored: " + short_reason(error.message));
}

QuarantineService::QuarantineService(DbPool& db, Options options)
    : db_(db),
      options_(std::move(options)),
      rows_(options_.server_version, options_.limits),
      in_hand_(open_marks(options_.folder)),
      budgets_(options_.budgets) {}

Task<Result<void>> QuarantineService::save_changes() {
  for (auto changes = rows_.take_changes(saved_at_once); !changes.empty();
       changes = rows_.take_changes(saved_at_once)) {
    const auto saved = co_await db_.transact<SaveQuarantine>(changes);
    if (saved) continue;
    rows_.give_back(changes);
    co_return saved.error();
  }
  co_return Result<void>{};
}

Task<Result<void>> QuarantineService::load(Instant now) {
  ARGOSY_CO_CHECK(co_await save_changes());
  ARGOSY_CO_TRY(auto rows, co_await db_.transact<LoadQuarantine>(options_.limits.rows));
  rows_.load(std::move(rows));
  if (!in_hand_) co_return Result<void>{};
  const auto groups = in_hand_->left_behind();
  for (const MarkedGroup& group : groups)
    spdlog::warn("the server ended while it had {} message(s) in hand, the first of {}: taken again with care",
                 group.size(), group.front().device);
  rows_.died(groups, now);
  ARGOSY_CO_CHECK(co_await save_changes());  // else the marks stay for the next start
  in_hand_->forget_left_behind();
  co_return Result<void>{};
}

Task<Result<void>> QuarantineService::tick(Instant now) {
  rows_.tick(now);
  ARGOSY_CO_CHECK(co_await save_changes());
  if (cleared_at_ && now - *cleared_at_ < options_.clear_interval) co_return Result<void>{};
  ARGOSY_CO_CHECK(co_await db_.transact<ClearQuarantine>(now, options_.limits.kept));
  cleared_at_ = now;
  co_return Result<void>{};
}

Ruling QuarantineService::admit(const MessageId& message, Instant now) {
  Ruling ruling = rows_.admit(message, now);
  counters_.passed_over += ruling.admission == Admittance::refuse ? 1 : 0;
  counters_.put_off += ruling.admission == Admittance::wait ? 1 : 0;
  return ruling;
}

Result<Admittance> QuarantineService::check(const MessageId& message, Instant now) {
  const Ruling ruling = admit(message, now);
  if (ruling.admission == Admittance::refuse)
    return make_error(Errc::unprocessable, "the same message was refused before: " + ruling.reason);
  if (ruling.admission == Admittance::wait)
    return make_error(Errc::unavailable, ruling.reason + "; it may be sent again after " + to_rfc3339(ruling.until));
  return ruling.admission;
}

Result<void> QuarantineService::spend(const std::string& device, std::size_t bytes, Instant now) {
  if (budgets_.spend(device, bytes, std::chrono::steady_clock::now())) return {};
  rows_.refuse({device, MessageKind::rate, {}}, too_much, now);
  ++counters_.refused;
  return make_error(Errc::rate_limited, std::string(too_much) + "; send it again later");
}

InHand::Hold QuarantineService::hold(const std::vector<MessageId>& messages) {
  return in_hand_ ? in_hand_->hold(messages) : InHand::Hold{};
}

void QuarantineService::refuse(const MessageId& message, const Error& error, Instant now) {
  refuse(message, std::string(slug(error.code)) + ": " + error.message, now, 1);
}

void QuarantineService::refuse(const MessageId& message, std::string_view reason, Instant now, std::int64_t times) {
  counters_.refused += static_cast<std::uint64_t>(times);
  rows_.refuse(message, reason, now, times);
}

Task<Result<std::vector<QuarantineRow>>> QuarantineService::of_device(std::string device) {
  co_return co_await db_.transact<ReadQuarantine>(std::move(device));
}

QuarantineService::Counters QuarantineService::counters() const {
  Counters counters = counters_;
  counters.in_quarantine = rows_.in_quarantine();
  counters.unmarked = in_hand_ ? in_hand_->unmarked() : 0;
  return counters;
}

void add_metrics(Metrics& metrics, const QuarantineService& quarantine) {
  metrics.sampled_gauge("argosy_quarantine", "Kinds of messages of devices that are in quarantine",
                        [&quarantine] { return quarantine.counters().in_quarantine; });
  metrics.sampled_counter("argosy_quarantine_refused_total",
                          "Messages that could not be read or stored, or were too many",
                          [&quarantine] { return quarantine.counters().refused; });
  metrics.sampled_counter("argosy_quarantine_passed_over_total", "Messages that had been refused before",
                          [&quarantine] { return quarantine.counters().passed_over; });
  metrics.sampled_counter("argosy_quarantine_put_off_total",
                          "Messages that may have ended the server, until they are tried again",
                          [&quarantine] { return quarantine.counters().put_off; });
  metrics.sampled_counter("argosy_quarantine_unmarked_total", "Messages that left no mark while they were in hand",
                          [&quarantine] { return quarantine.counters().unmarked; });
}

}  // namespace argosy::server
