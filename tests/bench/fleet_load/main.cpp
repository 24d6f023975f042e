// argosy-fleet-load: a fleet's worth of telemetry over real MQTT connections; usage() says how. One thread.
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/base/open_files.hpp"
#include "tests/bench/fleet_load/fleet.hpp"
#include "tests/bench/fleet_load/stored_windows.hpp"

namespace argosy::fleet_load {
namespace {

constexpr std::uint64_t spare_descriptors = 64;

int fail(int status, const std::string& message) {
  std::fprintf(stderr, "argosy-fleet-load: %s\n", message.c_str());
  return status;
}

// A descriptor for each connection, as far as the system allows.
Result<void> allow_connections(std::uint64_t connections) {
  const std::uint64_t wanted = connections + spare_descriptors;
  const std::uint64_t allowed = allow_open_files(wanted);
  if (allowed >= wanted) return {};
  return make_error(Errc::invalid_argument, std::to_string(connections) + " connections need " +
                                                std::to_string(wanted) + " open files, and this machine allows " +
                                                std::to_string(allowed) + ": raise its limit (ulimit -Hn)");
}

// A port of this machine for each, too, as all go to one address.
Result<void> allow_ports(std::uint64_t connections) {
  std::uint64_t first = 0, last = 0;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last;
  if (last == 0 || connections <= last - first + 1) return {};
  return make_error(Errc::invalid_argument, std::to_string(connections) + " connections need as many ports, and this " +
                                                "machine has " + std::to_string(last - first + 1) +
                                                ": widen net.ipv4.ip_local_port_range, or start the tool twice");
}

Result<std::string> address_of(const std::string& host) {
  boost::asio::io_context io;
  boost::system::error_code unknown;
  const auto found = boost::asio::ip::tcp::resolver(io).resolve(host, "", unknown);
  if (unknown || found.empty())
    return make_error(Errc::invalid_argument, "--host '" + host + "' is not known: " + unknown.message());
  return found.begin()->endpoint().address().to_string();
}

class Run {
 public:
  Run(Options options, std::optional<Identities> identities)
      : database_(options.database), fleet_(io_, std::move(options), std::move(identities), [this] { end(); }) {}

  int operator()() {
    wait_for_signal();
    fleet_.start();
    while (!ended_) io_.run_one();
    Ending ending = fleet_.ending();
    const bool is_stored = ask_database(ending);
    std::puts(to_json(fleet_.tally(), ending).c_str());
    return fleet_.is_settled() && is_stored ? 0 : 1;
  }

 private:
  // Whether each window that was sent is there once, or nobody is to be asked.
  bool ask_database(Ending& ending) const {
    if (database_.empty()) return true;
    const auto stored = count_stored(database_, fleet_.devices());
    if (!stored) return fail(1, stored.error().message), false;
    ending.stored = *stored;
    return stored->windows == fleet_.tally().sent && stored->twice == 0 && stored->lost == 0;
  }

  // What the connections still have to say leaves first.
  void end() {
    signals_.cancel();
    boost::asio::post(io_, [this] { ended_ = true; });
  }

  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code cancelled, int number) {
      if (cancelled) return;
      if (number == SIGUSR1) fleet_.begin_storm();
      if (number != SIGUSR1) fleet_.finish();
      wait_for_signal();
    });
  }

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGINT, SIGTERM, SIGUSR1};
  bool ended_ = false;
  std::string database_;
  Fleet fleet_;
};

int run(const std::vector<std::string>& arguments) {
  auto options = parse_options(arguments);
  if (!options) return fail(2, options.error().message);
  if (options->shows_help) return std::fputs(usage().c_str(), stdout), 0;
  if (options->shows_reference)
    return std::puts(TelemetryMaker(options->seed, options->shape).reference_json().c_str()), 0;
  const auto connections = Layout(*options).connections();
  for (const auto& allowed : {allow_connections(connections), allow_ports(connections)})
    if (!allowed) return fail(2, allowed.error().message);
  if (!options->database.empty()) {
    const auto asked = check_database(options->database);
    if (!asked) return fail(2, asked.error().message);
  }
  auto address = address_of(options->host);
  if (!address) return fail(2, address.error().message);
  options->host = std::move(*address);
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
