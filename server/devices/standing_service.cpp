#include "server/devices/standing_service.hpp"

#include <chrono>
#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/standing_store.hpp"

namespace argosy::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_news = 20'000;  // a rollout tells some hundreds of devices in one transaction

}  // namespace

StandingService::StandingService(boost::asio::any_io_executor io, DbPool& db, DecideCertificate decide,
                                 StandingOptions options)
    : db_(db),
      decide_(std::move(decide)),
      standings_(options.memory),
      news_(std::move(io),
            {.conninfo = std::move(options.conninfo),
             .channel = "argosy_devices",
             .limit = most_news,
             .proof_of_life = options.memory.trust / 3},
            [this](News news) { take(std::move(news)); }) {}

Task<Result<bool>> StandingService::is_current(DeviceId device, Digest fingerprint) {
  if (const auto known = standings_.find(device.value(), Clock::now()); known && known->certificate == fingerprint) {
    ++figures_.from_memory;
    co_return true;
  }
  ++figures_.from_database;
  standings_.begin_reading(device.value());
  const auto read = co_await db_.transact<ReadStanding>(device);
  standings_.end_reading(device.value(), read ? *read : std::nullopt);
  if (!read) co_return read.error();
  if (*read && (*read)->certificate == fingerprint) co_return true;
  ARGOSY_CO_TRY(const bool is_good, co_await decide_(device, fingerprint));
  if (is_good)
    standings_.forget(device.value());  // a first use ends the one before, and the news of that is under way yet
  co_return is_good;
}

std::optional<std::int64_t> StandingService::desired_rev(std::string_view device) const {
  const auto known = standings_.find(device, Clock::now());
  return known ? std::optional(known->desired_rev) : std::nullopt;
}

void StandingService::forget(const DeviceId& device) {
  standings_.forget(device.value());
}

StandingFigures StandingService::figures() const {
  return {standings_.size(), figures_.from_memory, figures_.from_database};
}

void StandingService::take(News news) {
  if (news.gap) standings_.forget_all();
  for (const std::string& device : news.payloads) standings_.forget(device);
  standings_.complete_until(news.complete_until);
}

void add_metrics(Metrics& metrics, const StandingService& standing) {
  metrics.sampled_gauge("argosy_devices_known", "Devices whose certificate and wanted releases are in memory",
                        [&standing] { return standing.figures().known; });
  metrics.sampled_counter("argosy_devices_from_memory_total", "Requests of devices that were known from memory",
                          [&standing] { return standing.figures().from_memory; });
  metrics.sampled_counter("argosy_devices_from_database_total", "Requests of devices that the database was asked about",
                          [&standing] { return standing.figures().from_database; });
}

}  // namespace argosy::server
