#include "server/rollouts/desired/desired_service.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/rollouts/desired/desired_store.hpp"
#include "server/rollouts/desired/patch_offer_store.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;

// A batch on its way to the broker. Each of `window` coroutines takes the next document until none is left, or the
// broker refuses one.
struct Flight {
  Flight(const asio::any_io_executor& executor, std::vector<DueDocument> given, DesiredService::Publish port)
      : landed(executor, asio::steady_timer::time_point::max()),
        documents(std::move(given)),
        publish(std::move(port)) {}
  asio::steady_timer landed;  // cancelled when nothing is under way any more
  std::vector<DueDocument> documents;
  DesiredService::Publish publish;
  std::size_t next = 0;
  std::size_t under_way = 0;
  std::vector<DueDocument> taken;
  std::optional<Error> refused;
};

Task<void> fly(std::shared_ptr<Flight> flight) {
  while (!flight->refused && flight->next < flight->documents.size()) {
    auto document = std::move(flight->documents[flight->next++]);
    auto outcome = co_await flight->publish(desired_topic(document.device), std::move(document.payload));
    if (outcome) flight->taken.push_back(std::move(document));
    if (!outcome && !flight->refused) flight->refused = std::move(outcome).error();
  }
  if (--flight->under_way == 0) flight->landed.cancel();
}

Task<std::shared_ptr<Flight>> publish_together(std::vector<DueDocument> documents, DesiredService::Publish publish) {
  const auto executor = co_await asio::this_coro::executor;
  auto flight = std::make_shared<Flight>(executor, std::move(documents), std::move(publish));
  flight->under_way = std::min(DesiredService::window, flight->documents.size());
  for (auto left = flight->under_way; left > 0; --left) asio::co_spawn(executor, fly(flight), asio::detached);
  while (flight->under_way > 0) {
    co_await flight->landed.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return flight;
}

}  // namespace

DesiredService::DesiredService(DbPool& db) : db_(db), cache_(std::make_unique<ReleaseCache>()) {}

DesiredService::~DesiredService() = default;

Task<Result<wire::Desired>> DesiredService::get(DeviceId device) {
  return db_.transact<GetDesired>(*cache_, device.value());
}

Task<Result<std::size_t>> DesiredService::publish_due(Publish publish, std::size_t limit) {
  ARGOSY_CO_TRY(auto batch, co_await db_.transact<BuildDueDocuments>(*cache_, limit));
  counters_.unbuildable += batch.unbuildable;
  std::size_t published = 0;
  if (!batch.documents.empty()) {
    ARGOSY_CO_TRY(const auto taken, co_await publish_and_mark(std::move(batch.documents), publish));
    published = taken;
  }
  if (batch.looked_at >= limit || !republished_up_to_) co_return published;
  ARGOSY_CO_TRY(const auto again, co_await republish_some(std::move(publish), limit - batch.looked_at));
  co_return published + again;
}

void DesiredService::republish_all() {
  ++republication_;
  republished_up_to_.emplace();
}

Task<Result<std::size_t>> DesiredService::offer_new_patches(std::size_t limit) {
  return db_.transact<OfferNewPatches>(*cache_, limit);
}

// Marks what the broker took, also when it refused the rest; only when it took none, its refusal is the answer.
Task<Result<std::size_t>> DesiredService::publish_and_mark(std::vector<DueDocument> documents, Publish publish) {
  const auto flight = co_await publish_together(std::move(documents), std::move(publish));
  const auto count = flight->taken.size();
  counters_.published += count;
  if (count == 0) co_return *flight->refused;
  ARGOSY_CO_CHECK(co_await db_.transact<MarkPublished>(std::move(flight->taken)));
  co_return count;
}

// The next of all devices; goes on behind them when the broker took every one.
Task<Result<std::size_t>> DesiredService::republish_some(Publish publish, std::size_t limit) {
  const auto republication = republication_;
  ARGOSY_CO_TRY(auto batch, co_await db_.transact<BuildToldDocuments>(*cache_, *republished_up_to_, limit));
  counters_.unbuildable += batch.unbuildable;
  std::size_t count = 0;
  if (!batch.documents.empty()) {
    const auto flight = co_await publish_together(std::move(batch.documents), std::move(publish));
    count = flight->taken.size();
    counters_.published += count;
    if (flight->refused) co_return *flight->refused;
  }
  if (republication != republication_) co_return count;  // the broker came back once more
  if (batch.looked_at < limit) {
    republished_up_to_.reset();
  } else {
    republished_up_to_ = std::move(batch.last);
  }
  co_return count;
}

std::string desired_topic(const std::string& device) {
  return "argosy/v1/" + device + "/down/desired";
}

void add_metrics(Metrics& metrics, const DesiredService& desired) {
  metrics.sampled_counter("argosy_desired_published_total", "Desired documents that the broker took",
                          [&desired] { return desired.counters().published; });
  metrics.sampled_counter("argosy_desired_unbuildable_total", "Attempts to build a desired document that failed",
                          [&desired] { return desired.counters().unbuildable; });
}

}  // namespace argosy::server
