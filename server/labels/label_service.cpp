#include "server/labels/label_service.hpp"

#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/labels/label_store.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t devices_a_round = 500;
constexpr std::size_t labels_at_once = 2'000;
constexpr std::size_t rows_at_once = 5'000;
constexpr int most_slices = 10;  // a round; the rest is the next one's

LabelVerdict refusal_of(const Error& error) {
  return {LabelVerdict::Status::refused, error.message};
}

}  // namespace

Task<Result<std::vector<LabelVerdict>>> LabelService::tell(std::vector<Result<GivenLabel>> labels, std::string actor,
                                                           Instant now) {
  std::vector<GivenLabel> readable;
  for (const auto& label : labels) {
    if (label) readable.push_back(*label);
  }
  const auto unreadable = static_cast<std::int64_t>(labels.size() - readable.size());
  ARGOSY_CO_TRY(const auto judged,
                co_await db_.transact<TellLabels>(std::move(readable), unreadable, std::move(actor), now));
  std::vector<LabelVerdict> verdicts;
  std::size_t next = 0;
  for (const auto& label : labels) verdicts.push_back(label ? judged[next++] : refusal_of(label.error()));
  const LabelSums sums = sums_of(verdicts);
  figures_.told += static_cast<std::uint64_t>(sums.accepted);
  figures_.refused += static_cast<std::uint64_t>(sums.refused);
  co_return verdicts;
}

Task<Result<wire::HandedLabels>> LabelService::exchange(std::string device, wire::LabelAnswers answers, Instant now) {
  ARGOSY_CO_TRY(ExchangedLabels exchanged,
                co_await db_.transact<ExchangeLabels>(std::move(device), std::move(answers), now));
  figures_.settled += exchanged.settled;
  co_return std::move(exchanged.handed);
}

Task<Result<LabelPage>> LabelService::list(LabelQuery query) {
  co_return co_await db_.transact<ListLabels>(std::move(query));
}

Task<Result<LabelStatus>> LabelService::status(std::optional<std::string> device) {
  co_return co_await db_.transact<ReadLabelStatus>(std::move(device));
}

Task<Result<void>> LabelService::tell_devices(Instant now) {
  ARGOSY_CO_TRY(const auto due, co_await db_.transact<TakeDueDevices>(devices_a_round, now));
  for (const WaitingDevice& one : due) tell_device_(one.device, wire::encode(wire::LabelsWaiting{one.waiting}));
  co_return Result<void>{};
}

Task<Result<void>> LabelService::tidy(Instant now) {
  for (int slice = 0; slice < most_slices; ++slice) {
    ARGOSY_CO_TRY(const std::size_t expired, co_await db_.transact<ExpireLabels>(labels_at_once, now));
    figures_.settled += expired;
    if (expired < labels_at_once) break;
  }
  for (int slice = 0; slice < most_slices; ++slice) {
    ARGOSY_CO_TRY(const std::size_t deleted, co_await db_.transact<DeleteOldLabels>(rows_at_once, now));
    if (deleted < rows_at_once) break;
  }
  ARGOSY_CO_TRY(const std::size_t audited, co_await db_.transact<AuditLabels>(rows_at_once, now));
  static_cast<void>(audited);
  co_return Result<void>{};
}

void add_metrics(Metrics& metrics, const LabelService& labels) {
  metrics.sampled_counter("argosy_labels_told_total", "Labels of observations that were told and accepted",
                          [&labels] { return labels.figures().told; });
  metrics.sampled_counter("argosy_labels_refused_total", "Labels of observations that were told and refused",
                          [&labels] { return labels.figures().refused; });
  metrics.sampled_counter("argosy_labels_settled_total", "Told labels of which it is known what became of them",
                          [&labels] { return labels.figures().settled; });
}

}  // namespace argosy::server
