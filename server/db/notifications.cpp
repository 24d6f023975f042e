#include "server/db/notifications.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <poll.h>
#include <pqxx/pqxx>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/db/conninfo.hpp"

namespace argosy::server {
namespace {

std::unique_ptr<pqxx::connection> connect(const std::string& conninfo) {
  auto connection = std::make_unique<pqxx::connection>(with_service_defaults(conninfo).value());
  pqxx::nontransaction setup(*connection);
  setup.exec("set statement_timeout = 5000");
  setup.commit();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection->inhibit_reactivation(true);  // a silent reconnection would be a gap that nobody hears of
#pragma GCC diagnostic pop
  return connection;
}

class WakeUp {  // ends a poll from another thread
 public:
  WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~WakeUp() { ::close(fd_); }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

struct Notifications::Impl : std::enable_shared_from_this<Notifications::Impl> {
  Impl(boost::asio::any_io_executor io_given, Options options_given, std::function<void(News)> on_news_given)
      : io(std::move(io_given)), options(std::move(options_given)), on_news(std::move(on_news_given)) {}

  boost::asio::any_io_executor io;
  Options options;
  std::function<void(News)> on_news;  // on the I/O thread only
  WakeUp wake;
  std::mutex mutex;
  std::condition_variable_any pause;
  News waiting;
  bool posted = false;
  std::jthread thread;

  struct Receiver final : pqxx::notification_receiver {
    Receiver(pqxx::connection_base& connection, Impl& impl_given)
        : notification_receiver(connection, impl_given.options.channel), impl(impl_given) {}
    void operator()(const std::string& payload, int) override { impl.add(payload); }
    Impl& impl;
  };

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        listen(stop);
      } catch (const std::exception&) {  // the connection is of no more use: make another
      }
      std::unique_lock lock(mutex);
      pause.wait_for(lock, stop, options.reconnect, [] { return false; });
    }
  }

  void listen(const std::stop_token& stop) {
    const auto connection = connect(options.conninfo);
    auto proved = std::chrono::steady_clock::now();
    const Receiver receiver(*connection, *this);
    connection->get_notifs();
    add_gap(proved);
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> watched{pollfd{connection->sock(), POLLIN, 0}, pollfd{wake.fd(), POLLIN, 0}};
      ::poll(watched.data(), watched.size(), milliseconds_until(proved + options.proof_of_life));
      const auto asked = std::chrono::steady_clock::now();
      const bool is_proof_due = asked - proved >= options.proof_of_life;
      if (is_proof_due) pqxx::nontransaction(*connection).exec("select");
      connection->get_notifs();
      if (is_proof_due) add_proof(proved = asked);
    }
  }

  static int milliseconds_until(std::chrono::steady_clock::time_point at) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  void add(const std::string& payload) {
    const std::lock_guard lock(mutex);
    if (waiting.payloads.size() < options.limit) {
      waiting.payloads.push_back(payload);
    } else {
      waiting.gap = true;
      waiting.payloads.clear();
    }
    post();
  }

  void add_gap(std::chrono::steady_clock::time_point complete_until) {
    const std::lock_guard lock(mutex);
    waiting.gap = true;
    waiting.complete_until = complete_until;
    post();
  }

  void add_proof(std::chrono::steady_clock::time_point complete_until) {
    const std::lock_guard lock(mutex);
    waiting.complete_until = complete_until;
    post();
  }

  void post() {
    if (std::exchange(posted, true)) return;
    boost::asio::post(io, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->deliver();
    });
  }

  void deliver() {
    News news;
    {
      const std::lock_guard lock(mutex);
      news = std::exchange(waiting, {});
      posted = false;
    }
    if (on_news) on_news(std::move(news));
  }
};

Notifications::Notifications(boost::asio::any_io_executor io, Options options, std::function<void(News)> on_news)
    : impl_(std::make_shared<Impl>(std::move(io), std::move(options), std::move(on_news))) {
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

Notifications::~Notifications() {
  impl_->on_news = nullptr;
  impl_->thread.request_stop();
  impl_->wake.ring();
  impl_->thread.join();
}

}  // namespace argosy::server
