#include "server/db/session_lock.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <boost/asio/post.hpp>
#include <pqxx/pqxx>

#include "server/db/advisory_locks.hpp"
#include "server/db/conninfo.hpp"
#include "server/db/fence.hpp"

namespace argosy::server {
namespace {

std::unique_ptr<pqxx::connection> connect(const SessionLock::Options& options) {
  auto connection = std::make_unique<pqxx::connection>(with_service_defaults(options.conninfo).value());
  pqxx::nontransaction setup(*connection);
  // So that the server, too, notices within seconds when this process's machine is gone.
  setup.exec("set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3");
  setup.exec("set statement_timeout = 5000");
  // And when this process stands still: its machine keeps the connection alive without it.
  const auto patience = std::max<std::int64_t>(5 * options.interval.count(), 5000);
  setup.exec("set idle_session_timeout = " + std::to_string(patience));
  setup.commit();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection->inhibit_reactivation(true);  // a new session would not hold the lock
#pragma GCC diagnostic pop
  return connection;
}

}  // namespace

struct SessionLock::Impl : std::enable_shared_from_this<SessionLock::Impl> {
  Impl(boost::asio::any_io_executor io_given, Options options_given, std::function<void(bool)> on_change_given)
      : io(std::move(io_given)), options(std::move(options_given)), on_change(std::move(on_change_given)) {}

  boost::asio::any_io_executor io;
  Options options;
  std::function<void(bool)> on_change;  // on the I/O thread only
  std::mutex mutex;
  std::condition_variable_any wake;
  std::jthread thread;
  std::atomic<std::int64_t> fence{0};

  void run(const std::stop_token& stop) {
    std::unique_ptr<pqxx::connection> connection;
    bool held = false;
    while (!stop.stop_requested()) {
      const bool now_held = look(connection, held);
      if (now_held != held) report(now_held);
      held = now_held;
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, options.interval, [] { return false; });
    }
  }

  bool is_ours(pqxx::connection& connection, bool held) const {
    pqxx::nontransaction session(connection);
    if (held) return session.exec1("select true")[0].as<bool>();
    return session.exec1(advisory_lock::try_in_session(options.key))[0].as<bool>();
  }

  bool look(std::unique_ptr<pqxx::connection>& connection, bool held) {
    try {
      if (!connection) connection = connect(options);
      if (!is_ours(*connection, held)) return false;
      if (!held && options.raises_fence) fence = raise_fence(*connection, options.key);
      return true;
    } catch (const std::exception&) {  // the connection is of no more use, and the lock went with it
      connection.reset();
      return false;
    }
  }

  void report(bool held) {
    boost::asio::post(io, [weak = weak_from_this(), held] {
      const auto self = weak.lock();
      if (self && self->on_change) self->on_change(held);
    });
  }
};

SessionLock::SessionLock(boost::asio::any_io_executor io, Options options, std::function<void(bool)> on_change)
    : impl_(std::make_shared<Impl>(std::move(io), std::move(options), std::move(on_change))) {
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

SessionLock::~SessionLock() {
  impl_->on_change = nullptr;
  impl_->thread.request_stop();
  impl_->thread.join();
}

std::int64_t SessionLock::fence() const {
  return impl_->fence;
}

}  // namespace argosy::server
