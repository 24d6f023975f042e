#include "server/devices/standing_service.hpp"

#include <chrono>
#include <utility>

#include "server/db/db_pool.hpp"
#include "server/db/notifications.hpp"

namespace argosy::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_news = 20'000;  // a rollout tells some hundreds of devices in one transaction

struct ReadStanding {
  DeviceId device;

  std::optional<Standing> operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec_params(
        "select certificate_fingerprint, desired_rev from devices where id = $1 and revoked_at is null "
        "and certificate_fingerprint is not null",
        device.value());
    if (rows.empty()) return std::nullopt;
    auto certificate = Digest::parse(rows[0][0].as<std::string>());
    if (!certificate) return std::nullopt;
    return Standing{*certificate, rows[0][1].as<std::int64_t>()};
  }
};

class RememberingStandingService final : public StandingService {
 public:
  RememberingStandingService(boost::asio::any_io_executor io, DbPool& db, DecideCertificate decide,
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

  Task<Result<bool>> is_current(DeviceId device, Digest fingerprint) override {
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
    co_return co_await decide_(std::move(device), fingerprint);
  }

  std::optional<std::int64_t> desired_rev(std::string_view device) const override {
    const auto known = standings_.find(device, Clock::now());
    return known ? std::optional(known->desired_rev) : std::nullopt;
  }

  void forget(const DeviceId& device) override { standings_.forget(device.value()); }

  StandingFigures figures() const override { return {standings_.size(), figures_.from_memory, figures_.from_database}; }

 private:
  void take(News news) {
    if (news.gap) standings_.forget_all();
    for (const std::string& device : news.payloads) standings_.forget(device);
    standings_.complete_until(news.complete_until);
  }

  DbPool& db_;
  DecideCertificate decide_;
  Standings standings_;
  StandingFigures figures_;
  Notifications news_;
};

}  // namespace

std::unique_ptr<StandingService> create_standing_service(boost::asio::any_io_executor io, DbPool& db,
                                                         DecideCertificate decide, StandingOptions options) {
  return std::make_unique<RememberingStandingService>(std::move(io), db, std::move(decide), std::move(options));
}

}  // namespace argosy::server
