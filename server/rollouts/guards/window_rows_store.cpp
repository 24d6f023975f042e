#include "server/rollouts/guards/window_rows_store.hpp"

#include <iterator>
#include <utility>

#include "server/telemetry/stored_windows_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t devices_at_once = 200;

}  // namespace

std::vector<TakenWindow> newest_windows(pqxx::work& transaction, const std::vector<std::string>& devices,
                                        const WindowsWanted& wanted) {
  std::vector<TakenWindow> all;
  StoredWindowsWanted stored{.most = wanted.of_each_device, .newest_first = true};
  const auto read = [&] {
    for (auto& windows : read_stored_windows(transaction, stored))
      std::move(windows.begin(), windows.end(), std::back_inserter(all));
    stored.pairs.clear();
  };
  for (const auto& device : devices) {
    stored.pairs.push_back({.pair = {device, wanted.model},
                            .after = wanted.until - wanted.reach_back - Duration{1},
                            .before = wanted.until,
                            .but_not = wanted.version});
    if (stored.pairs.size() == devices_at_once) read();
  }
  read();
  return all;
}

}  // namespace argosy::server
