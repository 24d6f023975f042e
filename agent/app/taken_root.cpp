#include "agent/app/taken_root.hpp"

#include <algorithm>
#include <thread>

#include "common/base/random.hpp"

namespace argosy::agent {

namespace {

constexpr Duration first_look{1000};

Result<UniqueFd> try_to_take(const Storage& storage) {
  ARGOSY_CHECK(storage.create());
  return storage.take();
}

// The service manager hears that the process lives.
void rest(Duration wait, const ServiceManager& manager, const std::function<void(Duration)>& sleep) {
  const Duration most = manager.watch_period().value_or(wait);
  for (; wait > Duration::zero(); wait -= most) {
    manager.alive();
    sleep(std::min(wait, most));
  }
}

}  // namespace

Result<UniqueFd> take_root(const Storage& storage, const ServiceManager& manager, std::uint64_t seed,
                           const std::function<void(const std::string&)>& log,
                           const std::function<void(Duration)>& sleep) {
  Rng rng(seed);
  for (int looks = 0;; ++looks) {
    auto taken = try_to_take(storage);
    if (taken && looks > 0) log("there is room in " + storage.root().string() + " now");
    if (taken || taken.error().code != Errc::out_of_space) return taken;
    if (looks == 0) {
      log("waiting for room in " + storage.root().string() +
          ", without which nothing can begin: " + taken.error().message);
      manager.ready();  // as ready as it can be: a start that takes too long would be ended
    }
    rest(first_look + full_jitter(first_look, most_between_looks_for_room - first_look, looks, rng), manager, sleep);
  }
}

void sleep_for(Duration duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace argosy::agent
