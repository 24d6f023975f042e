// What the service manager is told, by systemd's notification protocol (sd_notify(3)): READY once the agent runs,
// WATCHDOG while its loop turns, STOPPING at its end. Without a service manager all of it does nothing. One owner;
// never blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

class ServiceManager {
 public:
  // As systemd gives it to a service: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Takes them out of the environment:
  // programs that the agent starts are none of the manager's business.
  static ServiceManager from_environment();
  // `socket_path` begins with @ where it is an abstract name; empty: nobody listens.
  ServiceManager(const std::string& socket_path, std::optional<Duration> watchdog);

  void ready() const { tell("READY=1"); }
  void alive() const { tell("WATCHDOG=1"); }
  void stopping() const { tell("STOPPING=1"); }
  // How often alive() is due: half of what the manager waits for. Empty where it keeps no watch.
  std::optional<Duration> watch_period() const { return watch_period_; }

 private:
  void tell(std::string_view state) const;

  UniqueFd socket_;
  std::optional<Duration> watch_period_;
};

}  // namespace argosy::agent
