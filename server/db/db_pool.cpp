#include "server/db/db_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/base/metrics.hpp"
#include "server/db/conninfo.hpp"
#include "server/db/copying_connection.hpp"
#include "server/db/db_error.hpp"

namespace argosy::server {
namespace {

constexpr int max_attempts = 4;  // the first and three more

std::unique_ptr<CopyingConnection> connect(const DbPool::Options& options) {
  auto connection = std::make_unique<CopyingConnection>(with_service_defaults(options.conninfo).value());
  pqxx::nontransaction setup(*connection);
  setup.exec("set statement_timeout = " + std::to_string(options.statement_timeout.count()));
  setup.exec("set idle_in_transaction_session_timeout = " + std::to_string(2 * options.statement_timeout.count()));
  setup.exec("set time zone 'UTC'");
  setup.exec("set datestyle = 'ISO'");  // rows.hpp
  // Statements that take milliseconds on a database that lies in memory or on flash.
  setup.exec("set jit = off");
  setup.exec("set random_page_cost = 1.1");
  setup.commit();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  // A silent reconnection would lose these settings and, in the middle of a transaction, half of its statements.
  connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  return connection;
}

}  // namespace

struct DbPool::Impl {
  using Clock = std::chrono::steady_clock;

  struct Session {  // of one thread
    std::unique_ptr<CopyingConnection> connection;
    Clock::time_point planned_at;
  };

  struct Item {
    std::shared_ptr<const TransactionScope> scope;
    Job job;
    std::function<void(Result<void>)> done;
  };

  explicit Impl(Options given) : options(std::move(given)) {}

  Options options;
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<Item> queue;
  bool stopping = false;
  std::atomic<std::uint64_t> transactions{0}, failures{0}, retries{0}, refused{0}, connections{0};
  std::vector<std::thread> threads;

  std::optional<Item> next() {
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return stopping || !queue.empty(); });
    if (stopping) return std::nullopt;
    Item item = std::move(queue.front());
    queue.pop_front();
    return item;
  }

  void serve() {
    Session session;
    while (auto item = next()) {
      Result<void> outcome = run(session, *item);
      item->done(std::move(outcome));
    }
  }

  Result<void> run(Session& session, Item& item) {
    std::unique_ptr<CopyingConnection>& connection = session.connection;
    ++transactions;
    for (int attempt = 1;; ++attempt) {
      const bool fresh = !connection;
      try {
        if (fresh) {
          connection = connect(options);
          ++connections;
        }
        forget_old_plans(session, fresh);
        return attempt_once(*connection, item);
      } catch (const std::exception& exception) {
        DbFailure failure = classify_db_exception(exception);
        const bool could_not_connect = fresh && !connection;
        if (failure.connection_lost) connection.reset();
        if (!failure.repeatable || could_not_connect || attempt == max_attempts) {
          ++failures;
          return std::move(failure.error);
        }
        ++retries;
      }
    }
  }

  void forget_old_plans(Session& session, bool fresh) const {
    const auto now = Clock::now();
    if (!fresh && now - session.planned_at < options.plans_last) return;
    session.planned_at = now;
    if (!fresh) pqxx::nontransaction(*session.connection).exec("discard plans");
  }

  static Result<void> attempt_once(CopyingConnection& connection, Item& item) {
    const detail::TransactionScopeGuard guard(item.scope.get());
    pqxx::work transaction(connection);
    Result<void> outcome = item.job(transaction);
    if (outcome && item.scope && item.scope->before_commit && has_written(transaction)) {
      outcome = item.scope->before_commit(transaction);
    }
    if (!outcome) {
      transaction.abort();
      return outcome;
    }
    commit(transaction);
    return {};
  }

  static bool has_written(pqxx::work& transaction) {
    return !transaction.exec1("select pg_current_xact_id_if_assigned()")[0].is_null();
  }

  // Whatever breaks the connection from here on leaves the outcome unknown.
  static void commit(pqxx::work& transaction) {
    try {
      transaction.commit();
    } catch (const pqxx::broken_connection& broken) {
      throw pqxx::in_doubt_error(broken.what());
    }
  }
};

DbPool::DbPool(boost::asio::any_io_executor io, Options options)
    : impl_(std::make_unique<Impl>(std::move(options))), io_(std::move(io)) {
  for (std::size_t i = 0; i < impl_->options.threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->serve(); });
  }
}

DbPool::~DbPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

DbPool::Job DbPool::fenced(Job job, Fence fence) {
  return [job = std::move(job), fence](pqxx::work& transaction) -> Result<void> {
    ARGOSY_CHECK(hold_fence(transaction, fence));
    return job(transaction);
  };
}

void DbPool::submit(std::shared_ptr<const TransactionScope> scope, Job job, std::function<void(Result<void>)> done) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->queue.size() < impl_->options.queue_limit) {
      impl_->queue.push_back({std::move(scope), std::move(job), std::move(done)});
      impl_->wake.notify_one();
      return;
    }
  }
  ++impl_->refused;
  done(make_error(Errc::unavailable, "the database queue is full (" + std::to_string(impl_->options.queue_limit) +
                                         " waiting); try again"));
}

namespace {
struct Ping {
  void operator()(pqxx::work& transaction) const { transaction.exec("select 1"); }
};
}  // namespace

boost::asio::awaitable<Result<void>> DbPool::ping() {
  return transact(Ping{});
}

DbPool::Counters DbPool::counters() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->transactions, impl_->failures,    impl_->retries,
          impl_->refused,      impl_->connections, impl_->queue.size()};
}

void add_metrics(Metrics& metrics, const DbPool& db) {
  metrics.sampled_counter("argosy_db_transactions_total", "Transactions run",
                          [&db] { return db.counters().transactions; });
  metrics.sampled_counter("argosy_db_failures_total", "Transactions that the database failed",
                          [&db] { return db.counters().failures; });
  metrics.sampled_counter("argosy_db_retries_total", "Transactions run again", [&db] { return db.counters().retries; });
  metrics.sampled_counter("argosy_db_refused_total", "Transactions refused by a full queue",
                          [&db] { return db.counters().refused; });
  metrics.sampled_counter("argosy_db_connections_total", "Connections made",
                          [&db] { return db.counters().connections; });
  metrics.sampled_gauge("argosy_db_queued", "Transactions that wait", [&db] { return db.counters().queued; });
}

}  // namespace argosy::server
