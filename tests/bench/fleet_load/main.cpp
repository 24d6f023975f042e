// argosy-fleet-load: a fleet's worth of telemetry over real MQTT connections; usage() says how. One thread.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <sys/resource.h>

#include "tests/bench/fleet_load/fleet.hpp"

namespace argosy::fleet_load {
namespace {

constexpr std::uint64_t spare_descriptors = 64;

int fail(int status, const std::string& message) {
  std::fprintf(stderr, "argosy-fleet-load: %s\n", message.c_str());
  return status;
}

// A descriptor for each connection, as far as the system allows.
Result<void> allow_connections(std::uint64_t connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t wanted = connections + spare_descriptors;
  if (limit.rlim_cur < wanted) {
    const rlimit raised{wanted, std::max<rlim_t>(limit.rlim_max, wanted)};
    const rlimit up_to_hard{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) ::setrlimit(RLIMIT_NOFILE, &up_to_hard);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return {};
  return make_error(Errc::invalid_argument, std::to_string(connections) + " connections need " +
                                                std::to_string(wanted) + " open files, and this machine allows " +
                                                std::to_string(limit.rlim_cur) + ": raise its limit (ulimit -Hn)");
}

class Run {
 public:
  Run(Options options, std::optional<Identities> identities)
      : fleet_(io_, std::move(options), std::move(identities), [this] { signals_.cancel(); }) {}

  int operator()() {
    wait_for_signal();
    fleet_.start();
    while (!ended_) io_.run_one();
    std::puts(to_json(fleet_.tally(), fleet_.ending()).c_str());
    return fleet_.is_settled() ? 0 : 1;
  }

 private:
  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code cancelled, int number) {
      if (cancelled) {
        ended_ = true;
        return;
      }
      if (number == SIGUSR1) fleet_.begin_storm();
      if (number != SIGUSR1) fleet_.finish();
      wait_for_signal();
    });
  }

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGINT, SIGTERM, SIGUSR1};
  bool ended_ = false;
  Fleet fleet_;
};

int run(const std::vector<std::string>& arguments) {
  auto options = parse_options(arguments);
  if (!options) return fail(2, options.error().message);
  if (options->shows_help) return std::fputs(usage().c_str(), stdout), 0;
  if (options->shows_reference)
    return std::puts(TelemetryMaker(options->seed, options->shape).reference_json().c_str()), 0;
  const auto allowed = allow_connections(options->connections + options->shared_connections);
  if (!allowed) return fail(2, allowed.error().message);
  std::optional<Identities> identities;
  if (!options->tls_folder.empty()) {
    auto opened = Identities::open(options->tls_folder);
    if (!opened) return fail(2, "--tls " + options->tls_folder + ": " + opened.error().message);
    identities = std::move(*opened);
  }
  std::signal(SIGPIPE, SIG_IGN);
  return Run(std::move(*options), std::move(identities))();
}

}  // namespace
}  // namespace argosy::fleet_load

int main(int count, char** words) {
  try {
    return argosy::fleet_load::run({words + 1, words + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argosy-fleet-load: %s\n", error.what());
    return 2;
  }
}
