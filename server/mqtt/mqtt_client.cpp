#include "server/mqtt/mqtt_client.hpp"

#include <atomic>
#include <map>
#include <mutex>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mqtt/async_client.h>
#include <spdlog/spdlog.h>

#include "common/base/random.hpp"
#include "net/mqtt_options.hpp"
#include "server/base/metrics.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds connect_timeout{10};
constexpr std::chrono::seconds answer_timeout{20};  // to connecting and subscribing together
constexpr std::chrono::seconds keep_alive{20};
constexpr std::chrono::seconds publish_timeout{10};
constexpr Duration retry_base{500};
constexpr Duration retry_cap{15'000};
constexpr std::size_t waiting_limit = 2000;  // published, not yet acknowledged by the broker
constexpr int unacknowledged_limit = 1000;   // of those, on the wire together; Paho holds the others

using Done = std::function<void(Result<void>)>;

// Paho calls one of these two when an operation ends. What `report` posts may destroy this object at once, so it is
// called through a copy.
class Listener final : public mqtt::iaction_listener {
 public:
  using Report = std::function<void(bool good, std::string why)>;
  explicit Listener(Report report) : report_(std::move(report)) {}
  void on_success(const mqtt::token&) override {
    const Report report = report_;
    report(true, {});
  }
  void on_failure(const mqtt::token& token) override {
    const Report report = report_;
    report(false, "reason " + std::to_string(token.get_return_code()));
  }

 private:
  Report report_;
};

net::MqttSession session_of(const net::MqttIdentity& identity) {
  return {identity, keep_alive, connect_timeout, unacknowledged_limit};
}

}  // namespace

// Everything but the inbox and the counters belongs to the I/O thread. Paho's threads hold a plain pointer: `client` is
// destroyed, and its callbacks have ended, before this is.
struct MqttClient::Impl : std::enable_shared_from_this<MqttClient::Impl> {
  Impl(asio::any_io_executor io_given, Options options_given, Handlers handlers_given)
      : io(io_given),
        options(std::move(options_given)),
        handlers(std::move(handlers_given)),
        connect_options(net::make_connect_options(session_of(options.identity))),
        retry_timer(io),
        inbox(options.inbox, options.rule_of) {}

  asio::any_io_executor io;
  Options options;
  Handlers handlers;
  mqtt::connect_options connect_options;
  asio::steady_timer retry_timer;
  Rng rng{stable_hash(0, as_text(secure_random(8)))};

  std::unique_ptr<mqtt::async_client> client;
  std::uint64_t life = 0;  // counts starts: what an earlier client still reports is ignored
  bool ready = false;      // connected and subscribed
  int failures = 0;        // since the last success

  struct Waiting {
    Done done;
    std::shared_ptr<asio::steady_timer> deadline;
  };
  std::uint64_t next_operation = 1;
  std::map<std::uint64_t, Waiting> waiting;                      // publishes whose caller still waits
  std::map<std::uint64_t, std::unique_ptr<Listener>> listeners;  // until Paho has reported, whoever waits

  mutable std::mutex mutex;
  MqttInbox inbox;
  bool wake_posted = false;
  std::atomic<std::uint64_t> published{0}, reconnects{0};
  std::atomic<bool> is_connected{false};

  // Runs `step` on the I/O thread unless this client has been stopped by then. Called from Paho's threads too.
  template <class Step>
  void post(std::uint64_t of_life, Step step) {
    asio::post(io, [weak = weak_from_this(), of_life, step = std::move(step)] {
      const auto self = weak.lock();
      if (self && self->client && self->life == of_life) step(*self);
    });
  }

  Listener& listen(std::function<void(Impl&, bool, const std::string&)> then) {
    const std::uint64_t id = next_operation++;
    auto report = [this, id, of_life = life, then = std::move(then)](bool good, std::string why) {
      post(of_life, [id, good, why = std::move(why), then](Impl& self) {
        self.listeners.erase(id);
        then(self, good, why);
      });
    };
    return *listeners.emplace(id, std::make_unique<Listener>(std::move(report))).first->second;
  }

  void start() {
    ++life;
    // Paho refuses a burst of more than 100 unless it is told otherwise. It keeps nothing while there is no connection:
    // what is published has its own way of being sent again.
    mqtt::create_options create;
    create.set_max_buffered_messages(2 * static_cast<int>(waiting_limit));
    client = std::make_unique<mqtt::async_client>(options.uri, options.client_id, create);
    client->set_message_callback([this](mqtt::const_message_ptr message) { receive(*message); });
    client->set_connection_lost_handler([this, of_life = life](const std::string& cause) {
      post(of_life, [cause](Impl& self) { self.lost("the connection broke " + cause); });
    });
    connect();
  }

  void connect() {
    retry_timer.expires_after(answer_timeout);
    retry_timer.async_wait([weak = weak_from_this(), of_life = life](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && self->client && self->life == of_life) self->begin_afresh();
    });
    attempt([](Impl& self) {
      auto& listener = self.listen([](Impl& me, bool good, const std::string& why) {
        if (good) me.subscribe();
        if (!good) me.lost(why);
      });
      self.client->connect(self.connect_options, nullptr, listener);
    });
  }

  // Paho never answered. A new client has new threads and a new state.
  void begin_afresh() {
    spdlog::warn("mqtt: {}: no answer in {} s; starting over", options.uri, answer_timeout.count());
    client.reset();
    listeners.clear();
    start();
  }

  void subscribe() {
    attempt([](Impl& self) {
      auto all = self.options.subscriptions;
      mqtt::iasync_client::qos_collection qos(all.size(), 1);
      all.insert(all.end(), self.options.light_subscriptions.begin(), self.options.light_subscriptions.end());
      qos.resize(all.size(), 0);
      auto topics = mqtt::string_collection::create(all);
      auto& listener = self.listen([](Impl& me, bool good, const std::string& why) {
        if (good) me.become_ready();
        if (!good) me.lost("subscribing failed: " + why);
      });
      self.client->subscribe(topics, qos, nullptr, listener);
    });
  }

  template <class Action>
  void attempt(Action action) {
    try {
      action(*this);
    } catch (const mqtt::exception& exception) {
      lost(exception.what());
    }
  }

  void become_ready() {
    retry_timer.cancel();
    failures = 0;
    ready = true;
    is_connected = true;
    ++reconnects;
    spdlog::info("mqtt: connected to {}", options.uri);
    if (handlers.on_connected) handlers.on_connected();
  }

  void lost(const std::string& why) {
    const bool was_ready = std::exchange(ready, false);
    is_connected = false;
    fail_waiting("the connection to the MQTT broker is lost");
    const Duration pause = full_jitter(retry_base, retry_cap, failures++, rng);
    spdlog::warn("mqtt: {}: {}; trying again in {} ms", options.uri, why, pause.count());
    retry_timer.expires_after(pause);
    retry_timer.async_wait([weak = weak_from_this(), of_life = life](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && self->client && self->life == of_life) self->connect();
    });
    if (was_ready && handlers.on_disconnected) handlers.on_disconnected();
  }

  void stop() {
    if (!client) return;
    retry_timer.cancel();
    const bool was_ready = std::exchange(ready, false);
    is_connected = false;
    try {
      if (client->is_connected()) client->disconnect(0)->wait_for(std::chrono::seconds(1));
    } catch (const mqtt::exception&) {  // it was going anyway
    }
    client.reset();  // from here on none of Paho's threads calls us
    listeners.clear();
    fail_waiting("this instance has stopped talking to the MQTT broker");
    {
      const std::lock_guard lock(mutex);
      inbox.clear();
    }
    if (was_ready && handlers.on_disconnected) handlers.on_disconnected();
  }

  // On Paho's receive thread.
  void receive(const mqtt::message& message) {
    const std::lock_guard lock(mutex);
    const auto now = std::chrono::steady_clock::now();
    if (!inbox.take(message.get_topic(), message.get_payload(), message.is_retained(), now)) return;
    if (!std::exchange(wake_posted, true)) {
      asio::post(io, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->deliver();
      });
    }
  }

  void deliver() {
    MqttInbox::Delivery delivery;
    {
      const std::lock_guard lock(mutex);
      delivery = inbox.deliver();
      wake_posted = false;
    }
    if (!client) return;
    if (!delivery.messages.empty() && handlers.on_messages) handlers.on_messages(std::move(delivery.messages));
    if (!delivery.refusals.empty() && handlers.on_refusals) handlers.on_refusals(std::move(delivery.refusals));
  }

  void publish(std::string topic, std::string payload, bool retain, Done done) {
    if (!ready || waiting.size() >= waiting_limit) {
      return done(make_error(Errc::unavailable, ready ? "too many messages wait for the MQTT broker"
                                                      : "there is no connection to the MQTT broker"));
    }
    const std::uint64_t id = next_operation++;
    auto deadline = std::make_shared<asio::steady_timer>(io, publish_timeout);
    waiting.emplace(id, Waiting{std::move(done), deadline});
    deadline->async_wait([weak = weak_from_this(), id](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->finish(id, make_error(Errc::unavailable, "the MQTT broker did not answer in 10 s"));
    });
    auto& listener = listen([id](Impl& self, bool good, const std::string& why) {
      if (good) ++self.published;
      self.finish(id, good ? Result<void>{} : make_error(Errc::unavailable, "the MQTT broker did not take it: " + why));
    });
    try {
      client->publish(mqtt::make_message(std::move(topic), std::move(payload), 1, retain), nullptr, listener);
    } catch (const mqtt::exception& exception) {
      finish(id, make_error(Errc::unavailable, std::string("the MQTT client refused it: ") + exception.what()));
    }
  }

  void finish(std::uint64_t id, Result<void> outcome) {
    auto node = waiting.extract(id);
    if (node.empty()) return;
    node.mapped().deadline->cancel();
    node.mapped().done(std::move(outcome));
  }

  void fail_waiting(const std::string& why) {
    while (!waiting.empty()) finish(waiting.begin()->first, make_error(Errc::unavailable, why));
  }
};

MqttClient::MqttClient(asio::any_io_executor io, Options options, Handlers handlers)
    : impl_(std::make_shared<Impl>(std::move(io), std::move(options), std::move(handlers))) {}

MqttClient::~MqttClient() {
  stop();
}

void MqttClient::start() {
  if (!impl_->client) impl_->start();
}

void MqttClient::stop() {
  impl_->stop();
}

bool MqttClient::connected() const {
  return impl_->is_connected;
}

asio::awaitable<Result<void>> MqttClient::publish(std::string topic, std::string payload, bool retain) {
  const auto impl = impl_;
  auto initiate = [impl](auto handler, std::string to, std::string content, bool keep) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    impl->publish(std::move(to), std::move(content), keep, [impl, shared](Result<void> outcome) {
      asio::post(impl->io,
                 [shared, outcome = std::move(outcome)]() mutable { std::move (*shared)(std::move(outcome)); });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      std::move(initiate), asio::use_awaitable, std::move(topic), std::move(payload), retain);
}

void MqttClient::send(const std::string& topic, const std::string& payload) {
  if (!impl_->ready) return;
  try {
    impl_->client->publish(mqtt::make_message(topic, payload, 0, false));
    ++impl_->published;
  } catch (const mqtt::exception&) {  // Paho holds as many as it may, or the connection is going
  }
}

MqttClient::Counters MqttClient::counters() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->inbox.counters(), impl_->inbox.bytes(), impl_->published, impl_->reconnects};
}

void add_metrics(Metrics& metrics, const std::string& connection, const MqttClient& mqtt) {
  const MetricLabels labels{{"connection", connection}};
  metrics.sampled_counter(
      "argosy_mqtt_received_total", "Messages from the broker", [&mqtt] { return mqtt.counters().inbox.received; },
      labels);
  metrics.sampled_counter(
      "argosy_mqtt_dropped_total", "Messages dropped: too large, too many, or on no device's topic",
      [&mqtt] {
        const auto inbox = mqtt.counters().inbox;
        return inbox.full + inbox.over_budget + inbox.too_large + inbox.unknown_topic;
      },
      labels);
  metrics.sampled_counter(
      "argosy_mqtt_over_budget_total", "Messages dropped because their device sent too much",
      [&mqtt] { return mqtt.counters().inbox.over_budget; }, labels);
  metrics.sampled_gauge(
      "argosy_mqtt_inbox_bytes", "Messages that nobody has read yet", [&mqtt] { return mqtt.counters().inbox_bytes; },
      labels);
  metrics.sampled_counter(
      "argosy_mqtt_published_total", "Messages the broker took", [&mqtt] { return mqtt.counters().published; }, labels);
  metrics.sampled_counter(
      "argosy_mqtt_connections_total", "Connections to the broker", [&mqtt] { return mqtt.counters().reconnects; },
      labels);
  metrics.sampled_gauge(
      "argosy_mqtt_connected", "Whether the broker is connected", [&mqtt] { return mqtt.connected() ? 1 : 0; }, labels);
}

}  // namespace argosy::server
