#include "server/devices/diagnostics_service.hpp"

#include <utility>

#include "common/wire/diagnostics.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/diagnostics_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t questions_at_once = 100;
constexpr int most_tries_told_apart = 8;

}  // namespace

Task<Result<DeviceDiagnostics>> DiagnosticsService::ask(DeviceId device, std::string reason, std::string actor,
                                                        Instant now) {
  co_return co_await db_.transact<AskForDiagnostics>(device.value(), std::move(reason), std::move(actor), now);
}

Task<Result<void>> DiagnosticsService::ask_for_reaction(std::int64_t reaction, Instant now) {
  co_return co_await db_.transact<AskForReaction>(reaction, now);
}

Task<Result<std::vector<DeviceDiagnostics>>> DiagnosticsService::list(DeviceId device) {
  co_return co_await db_.transact<ListDiagnostics>(device.value());
}

Task<Result<DeviceDiagnostics>> DiagnosticsService::get(DeviceId device, std::int64_t id) {
  co_return co_await db_.transact<GetDiagnostics>(device.value(), id);
}

Task<Result<void>> DiagnosticsService::take(DeviceId from, std::string document, Instant now) {
  ARGOSY_CO_TRY(const auto head, wire::decode_diagnostics_head(document));
  if (head.device != from.value()) co_return make_error(Errc::forbidden, "diagnostics in the name of another device");
  co_return co_await db_.transact<KeepDiagnostics>(from.value(), head.id, std::move(document), now);
}

Task<Result<std::size_t>> DiagnosticsService::tick(Instant now) {
  std::vector<Duration> pauses;
  for (int tries = 0; tries < most_tries_told_apart; ++tries) pauses.push_back(before_asking_again(tries, rng_));
  ARGOSY_CO_TRY(const auto questions,
                co_await db_.transact<TakeDueQuestions>(questions_at_once, std::move(pauses), now));
  for (const auto& question : questions) ask_(question);
  co_return questions.size();
}

}  // namespace argosy::server
