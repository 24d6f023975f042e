// Which device speaks over which connection, and who connects. The first devices have one of their own; the others
// share some, whose users may speak for every device. Pure. Devices and connections have numbers from 0.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/fleet_load/options.hpp"

namespace argosy::fleet_load {

class Layout {
 public:
  explicit Layout(const Options& options);

  std::size_t devices() const { return devices_; }
  std::size_t connections() const { return own_ + shared_; }
  bool is_shared(std::size_t connection) const { return connection >= own_; }
  std::size_t connection_of(std::size_t device) const;
  std::string name_of(std::size_t device) const;
  std::string user_of(std::size_t connection) const;
  std::vector<std::string> topics_of(std::size_t connection) const;
  template <class F>
  void for_devices_of(std::size_t connection, F f) const {
    // A shared connection has the number of its first device.
    const std::size_t step = is_shared(connection) ? shared_ : devices_;
    for (std::size_t device = connection; device < devices_; device += step) f(device);
  }

 private:
  std::string prefix_, shared_user_;
  std::size_t first_, digits_, devices_, own_, shared_;
};

}  // namespace argosy::fleet_load
