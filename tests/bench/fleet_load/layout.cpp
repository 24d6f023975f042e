#include "tests/bench/fleet_load/layout.hpp"

#include <algorithm>

#include "tests/bench/fleet_load/simulated_device.hpp"

namespace argosy::fleet_load {

Layout::Layout(const Options& options)
    : prefix_(options.prefix),
      shared_user_(options.shared_user),
      first_(options.first),
      digits_(options.digits),
      devices_(options.devices),
      own_(options.connections),
      shared_(std::min(options.devices - options.connections, options.shared_connections)) {}

std::size_t Layout::connection_of(std::size_t device) const {
  return device < own_ ? device : own_ + (device - own_) % shared_;
}

std::string Layout::name_of(std::size_t device) const {
  std::string digits = std::to_string(device + first_);
  if (digits.size() < digits_) digits.insert(0, digits_ - digits.size(), '0');
  return prefix_ + digits;
}

std::string Layout::user_of(std::size_t connection) const {
  if (!is_shared(connection)) return name_of(connection);
  return shared_user_ + "-" + std::to_string(connection - own_ + 1);
}

// As the agent has it; whoever speaks for many leaves out what they are to run.
std::vector<std::string> Layout::topics_of(std::size_t connection) const {
  std::vector<std::string> topics;
  for_devices_of(connection, [&](std::size_t device) { topics.push_back(down_topic(name_of(device), "ack")); });
  if (!is_shared(connection)) topics.push_back(down_topic(name_of(connection), "desired"));
  return topics;
}

}  // namespace argosy::fleet_load
