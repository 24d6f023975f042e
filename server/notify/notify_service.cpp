#include "server/notify/notify_service.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/crypto/sealed.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/notify/delivery_store.hpp"
#include "server/notify/route_store.hpp"
#include "server/notify/standard_webhook.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::string_view sealed_for = "argosy notice route";
constexpr int most_batches_a_tick = 10;

Result<Bytes> read_sealing_key(const fs::path& file) {
  ARGOSY_TRY(const std::string text, read_file(file, 1024));
  ARGOSY_TRY(Bytes key, from_base64(text.substr(0, text.find('\n'))));
  if (key.size() != sealing_key_bytes)
    return make_error(Errc::corrupt,
                      file.string() + " holds no key of " + std::to_string(sealing_key_bytes) + " bytes");
  return key;
}

// A link is made only where nothing is yet: of two keys that are made at once, the first stays.
Result<void> make_sealing_key(const fs::path& file) {
  const fs::path made = file.string() + "." + to_hex(secure_random(8));
  ARGOSY_CHECK(write_file_atomically(made, to_base64(secure_random(sealing_key_bytes)) + "\n", 0600));
  std::error_code failed, ignored;
  fs::create_hard_link(made, file, failed);
  fs::remove(made, ignored);
  if (failed && failed != std::errc::file_exists) return errno_error("making " + file.string(), failed.value());
  return sync_path(file.parent_path());
}

struct OpenSealingKey {
  fs::path file;
  Result<Bytes> operator()() const {
    auto key = read_sealing_key(file);
    if (key || key.error().code != Errc::not_found) return key;
    ARGOSY_CHECK(make_sealing_key(file));
    return read_sealing_key(file);
  }
};

bool is_webhook(const RouteSettings& settings) {
  return settings.target.kind == TargetKind::webhook;
}

// The alerts of a delivery as they are in the end, for an Alertmanager that has taken it.
std::vector<ToldEvent> alerts_in(const Notice& notice) {
  std::map<std::int64_t, ToldEvent> last;
  for (const ToldEvent& told : notice.events)
    if (const auto alert = told.alert()) last[*alert] = told;
  std::vector<ToldEvent> alerts;
  for (auto& [id, told] : last) alerts.push_back(std::move(told));
  return alerts;
}

std::vector<std::int64_t> numbers_of(const std::vector<ToldEvent>& alerts) {
  std::vector<std::int64_t> numbers;
  for (const ToldEvent& told : alerts) numbers.push_back(told.alert().value_or(0));
  return numbers;
}

SendOutcome never(const Error& error) {
  SendOutcome outcome;
  outcome.error = error.message;
  return outcome;
}

}  // namespace

NotifyService::NotifyService(asio::any_io_executor io, DbPool& db, WorkerPool& worker, NotifyOptions options)
    : io_(io),
      db_(db),
      worker_(worker),
      options_(std::move(options)),
      rng_(stable_hash(0, as_text(secure_random(8)))),
      courier_(io, options_.courier) {}

NotifyService::~NotifyService() = default;

// -- Secrets ---------------------------------------------------------------------------------------------------------

Task<Result<Bytes>> NotifyService::key() {
  if (!key_) {
    ARGOSY_CO_TRY(key_, co_await worker_.run<OpenSealingKey>(options_.key_file));
  }
  co_return *key_;
}

Task<Result<Bytes>> NotifyService::sealed(TargetSecrets secrets) {
  ARGOSY_CO_TRY(const Bytes key, co_await this->key());
  co_return seal(key, secrets_to_text(secrets), sealed_for);
}

Task<Result<TargetSecrets>> NotifyService::opened(Bytes sealed) {
  ARGOSY_CO_TRY(const Bytes key, co_await this->key());
  ARGOSY_CO_TRY(const std::string text, unseal(key, sealed, sealed_for));
  co_return secrets_from_text(text);
}

// -- Telling ---------------------------------------------------------------------------------------------------------

Task<Result<void>> NotifyService::take_untold(Instant now) {
  for (int batch = 0; batch < most_batches_a_tick; ++batch) {
    ARGOSY_CO_TRY(const TakenEvents taken, co_await db_.transact<TakeUntold>(options_.site_label, options_.waiting,
                                                                             options_.events_at_once, now));
    figures_.events += taken.events;
    figures_.deliveries += taken.deliveries;
    figures_.given_up += taken.given_up;
    if (taken.events < options_.events_at_once) break;
  }
  co_return Result<void>{};
}

Task<Result<void>> NotifyService::tick(Instant now) {
  ARGOSY_CO_CHECK(co_await take_untold(now));
  ARGOSY_CO_TRY(const std::size_t old, co_await db_.transact<GiveUpOld>(options_.retry.give_up_after, now));
  figures_.given_up += old;
  ARGOSY_CO_TRY(const DueRoutes due, co_await db_.transact<ReadDueRoutes>(under_way_, now));
  figures_.waiting = due.waiting;
  figures_.lag_s = due.oldest ? std::max(0.0, std::chrono::duration<double>(now - *due.oldest).count()) : 0;
  const auto executor = co_await asio::this_coro::executor;
  for (const std::int64_t route : due.routes) {
    under_way_.insert(route);
    asio::co_spawn(executor, send_all(route), asio::detached);
  }
  co_return Result<void>{};
}

// One after the other until none is due. An error is the database's, or the end of the term: whatever is still to be
// sent the next round finds.
Task<void> NotifyService::send_all(std::int64_t route) {
  for (;;) {
    const auto sent = co_await send_next(route);
    if (!sent) spdlog::warn("sending what route {} tells: {}", route, sent.error().message);
    if (!sent || !*sent) break;
  }
  under_way_.erase(route);
}

// Whether there was one.
Task<Result<bool>> NotifyService::send_next(std::int64_t route) {
  ARGOSY_CO_TRY(const auto next, co_await db_.transact<ReadNext>(route, wall_clock_now()));
  if (!next) co_return false;
  const Notice& notice = next->notice;
  const NoticeTarget& target = next->route.route.settings.target;
  SendOutcome outcome;
  const auto secrets = co_await opened(next->route.sealed);
  const NoticeSource source{options_.public_url};
  const auto message = secrets ? outbound_of(target, *secrets, notice, source, wall_clock_now()) : secrets.error();
  if (message) {
    outcome = outcome_of(target.kind, co_await courier_.carry(*message));
  } else {
    outcome = never(message.error());
  }
  const Instant now = wall_clock_now();
  const AfterAttempt after = after_attempt(notice.delivery, next->failures, outcome, options_.retry, now, rng_);
  std::vector<ToldEvent> told;
  if (outcome.delivered && target.kind == TargetKind::alertmanager) told = alerts_in(notice);
  ARGOSY_CO_CHECK(co_await db_.transact<WriteAttempt>(notice.delivery, outcome, after, std::move(told), now));
  ++figures_.attempts;
  if (outcome.delivered) ++figures_.delivered;
  if (!outcome.delivered) ++figures_.failed;
  if (after.state == DeliveryState::given_up) ++figures_.given_up;
  co_return true;
}

Task<Result<void>> NotifyService::refresh_alertmanagers(Instant now) {
  const Instant told_before = now - alertmanager_again;
  ARGOSY_CO_TRY(const auto routes, co_await db_.transact<ReadAlertmanagers>(told_before));
  for (const StoredRoute& stored : routes) {
    const std::int64_t route = stored.route.id;
    ARGOSY_CO_TRY(const auto firing, co_await db_.transact<ReadToldAlerts>(route, told_before));
    if (firing.empty()) continue;
    const NoticeSource source{options_.public_url};
    const Outbound message = alertmanager_refresh(stored.route.settings.target, firing, source, now);
    const SendOutcome outcome = outcome_of(TargetKind::alertmanager, co_await courier_.carry(message));
    // It is tried again in the next round, well before what was told is over.
    if (!outcome.delivered) {
      spdlog::warn("telling the Alertmanager of route {} again: {}", stored.route.settings.name, outcome.error);
      continue;
    }
    ARGOSY_CO_CHECK(co_await db_.transact<WriteToldAgain>(route, numbers_of(firing), now));
  }
  co_return Result<void>{};
}

// -- Routes ----------------------------------------------------------------------------------------------------------

Task<Result<std::vector<NoticeRoute>>> NotifyService::routes() {
  co_return co_await db_.transact<ReadRoutes>();
}

Task<Result<NoticeRoute>> NotifyService::route(std::int64_t id) {
  ARGOSY_CO_TRY(const StoredRoute stored, co_await db_.transact<ReadRoute>(id));
  co_return stored.route;
}

Task<Result<MadeRoute>> NotifyService::create(std::string body, std::string actor, Instant now) {
  ARGOSY_CO_TRY(const GivenRoute given, read_route(body));
  ARGOSY_CO_TRY(TargetSecrets secrets, keep_secrets(*given.target, nullptr, {}));
  MadeRoute made;
  if (is_webhook(given.settings)) {
    made.secret = make_signing_secret();
    secrets.signing = rotated({}, made.secret, now, now);
  }
  ARGOSY_CO_TRY(Bytes sealed_secrets, co_await sealed(std::move(secrets)));
  ARGOSY_CO_TRY(made.route,
                co_await db_.transact<CreateRoute>(given.settings, std::move(sealed_secrets), std::move(actor), now));
  co_return made;
}

Task<Result<NoticeRoute>> NotifyService::update(std::int64_t id, std::optional<std::int64_t> version, std::string body,
                                                std::string actor, Instant now) {
  ARGOSY_CO_TRY(const StoredRoute stored, co_await db_.transact<ReadRoute>(id));
  const RouteSettings& present = stored.route.settings;
  ARGOSY_CO_TRY(const GivenRoute given, read_route(body, &present));
  if (is_webhook(given.settings) && !is_webhook(present))
    co_return make_error(Errc::illegal_transition,
                         "a route does not become a webhook, whose secret is shown when it is made: make another");
  Bytes sealed_secrets = stored.sealed;
  if (given.target) {
    ARGOSY_CO_TRY(const TargetSecrets kept, co_await opened(stored.sealed));
    ARGOSY_CO_TRY(TargetSecrets secrets, keep_secrets(*given.target, &present.target, kept));
    ARGOSY_CO_TRY(sealed_secrets, co_await sealed(std::move(secrets)));
  }
  co_return co_await db_.transact<UpdateRoute>(id, version.value_or(stored.route.version), given.settings,
                                               std::move(sealed_secrets), "route.update", std::move(actor), now);
}

Task<Result<void>> NotifyService::remove(std::int64_t id, std::string actor) {
  co_return co_await db_.transact<DeleteRoute>(id, std::move(actor));
}

Task<Result<MadeRoute>> NotifyService::rotate(std::int64_t id, Duration overlap, std::string actor, Instant now) {
  ARGOSY_CO_TRY(const StoredRoute stored, co_await db_.transact<ReadRoute>(id));
  const NoticeRoute& route = stored.route;
  if (!is_webhook(route.settings))
    co_return make_error(Errc::illegal_transition, "only a webhook has a secret of ours; change the target instead");
  ARGOSY_CO_TRY(TargetSecrets secrets, co_await opened(stored.sealed));
  MadeRoute made;
  made.secret = make_signing_secret();
  secrets.signing = rotated(std::move(secrets.signing), made.secret, now + overlap, now);
  ARGOSY_CO_TRY(Bytes sealed_secrets, co_await sealed(std::move(secrets)));
  ARGOSY_CO_TRY(made.route,
                co_await db_.transact<UpdateRoute>(id, route.version, route.settings, std::move(sealed_secrets),
                                                   "route.rotate", std::move(actor), now));
  co_return made;
}

Task<Result<RoutePreview>> NotifyService::preview(std::optional<std::int64_t> id, std::string body, Instant now) {
  std::optional<RouteSettings> present;
  if (id) {
    ARGOSY_CO_TRY(const StoredRoute stored, co_await db_.transact<ReadRoute>(*id));
    present = stored.route.settings;
  }
  ARGOSY_CO_TRY(GivenRoute given, read_route(body, present ? &*present : nullptr));
  co_return co_await db_.transact<PreviewRoute>(std::move(given.settings), options_.site_label, now);
}

Task<Result<Delivery>> NotifyService::send_test(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<SendTest>(id, std::move(actor), now);
}

// -- Deliveries ------------------------------------------------------------------------------------------------------

Task<Result<DeliveryPage>> NotifyService::deliveries(DeliveryQuery query) {
  co_return co_await db_.transact<ReadDeliveries>(query);
}

Task<Result<DeliveryInFull>> NotifyService::delivery(std::int64_t id) {
  co_return co_await db_.transact<ReadDelivery>(id);
}

Task<Result<AlertTelling>> NotifyService::telling(std::int64_t alert) {
  co_return co_await db_.transact<ReadTelling>(alert);
}

Task<Result<Delivery>> NotifyService::redeliver(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<Redeliver>(id, std::move(actor), now);
}

void add_metrics(Metrics& metrics, const NotifyService& notify, std::function<bool()> leading) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t NotifyFigures::*figure) {
    metrics.sampled_counter(name, help, [&notify, figure] { return notify.figures().*figure; });
  };
  counter("argosy_notify_events_total", "Events that some route may want, taken from the outbox",
          &NotifyFigures::events);
  counter("argosy_notify_deliveries_total", "Deliveries made of events", &NotifyFigures::deliveries);
  counter("argosy_notify_attempts_total", "Attempts to deliver a notice", &NotifyFigures::attempts);
  counter("argosy_notify_failed_total", "Attempts to deliver a notice that failed", &NotifyFigures::failed);
  counter("argosy_notify_delivered_total", "Deliveries that arrived", &NotifyFigures::delivered);
  counter("argosy_notify_given_up_total", "Deliveries given up", &NotifyFigures::given_up);
  metrics.sampled_gauge("argosy_notify_waiting", "Deliveries that wait, of all routes; of the instance that leads",
                        [&notify, leading] { return leading() ? notify.figures().waiting : 0; });
  metrics.sampled_gauge("argosy_notify_lag_seconds",
                        "How long the oldest event or delivery has waited; of the instance that leads",
                        [&notify, leading] { return leading() ? notify.figures().lag_s : 0.0; });
}

}  // namespace argosy::server
