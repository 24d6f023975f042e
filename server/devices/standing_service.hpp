// Answers who a device is and what it has been told last, from memory where that is sure (standing.hpp), else from the
// database. Listens to the database's news on a connection of its own. Coroutines on the I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "server/base/task.hpp"
#include "server/db/notifications.hpp"
#include "server/devices/standing.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct StandingOptions {
  std::string conninfo;  // for the news
  Standings::Options memory;
};

struct StandingFigures {
  std::size_t known = 0;
  std::uint64_t from_memory = 0;
  std::uint64_t from_database = 0;
};

// Decides on a certificate that is not the present one: it may be the next one, at its first use.
using DecideCertificate = std::function<Task<Result<bool>>(DeviceId device, Digest fingerprint)>;

class StandingService {
 public:
  StandingService(boost::asio::any_io_executor io, DbPool& db, DecideCertificate decide, StandingOptions options);

  // Whether it is the device's present certificate.
  Task<Result<bool>> is_current(DeviceId device, Digest fingerprint);
  // How new what the device should run is; nothing when that is not known here.
  std::optional<std::int64_t> desired_rev(std::string_view device) const;
  // This instance changed it: holds at once.
  void forget(const DeviceId& device);
  StandingFigures figures() const;

 private:
  void take(News news);

  DbPool& db_;
  DecideCertificate decide_;
  Standings standings_;
  StandingFigures figures_;
  Notifications news_;
};

void add_metrics(Metrics& metrics, const StandingService& standing);

}  // namespace argosy::server
