#include "server/app/parts/platform.hpp"

#include <utility>

#include "common/crypto/token.hpp"
#include "server/app/part_options.hpp"

namespace argosy::server {

Platform::Platform(boost::asio::any_io_executor executor, const Config& given)
    : io(std::move(executor)),
      config(given),
      instance(random_token()),
      db(io, db_options(config)),
      worker(io, {.threads = 1, .queue_limit = 1024}),
      loops(io, loop_observer(metrics)) {
  add_metrics(metrics, db);
}

}  // namespace argosy::server
