#include "agent/link/mqtt_link.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mqtt/async_client.h>

#include "common/base/random.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;

constexpr Duration retry_base{1000};
constexpr Duration retry_cap{300'000};
constexpr int qos = 1;
constexpr int most_in_flight = 10;
constexpr std::chrono::seconds connect_within{15};
constexpr auto answer_limit = std::chrono::seconds(25);  // to a try to connect: Paho is known to forget one
// Two agents with one identity push each other off the broker at once: a connection that was short has proved nothing,
// and the waits go on growing.
constexpr auto proven_after = std::chrono::seconds(10);
constexpr auto goodbye_limit = std::chrono::seconds(1);

// Paho asks for objects that live as long as the client; the callbacks only post.
class ConnectListener : public mqtt::iaction_listener {
 public:
  std::function<void(bool ok, int code)> ended;
  void on_failure(const mqtt::token& token) override { ended(false, token.get_return_code()); }
  void on_success(const mqtt::token&) override { ended(true, 0); }
};

}  // namespace

struct MqttLink::Impl : std::enable_shared_from_this<MqttLink::Impl> {
  Impl(asio::any_io_executor executor, Options with, Handlers to)
      : io(std::move(executor)), options(std::move(with)), handlers(std::move(to)), timer(io), rng(options.seed) {}

  std::string where() const {
    return options.uri + (options.proxy ? " through the proxy " + options.proxy->address() : "");
  }
  void open_client();
  void try_connect();
  void begin_afresh();
  void retry_later(const std::string& why);
  void on_connected();
  void on_lost(const std::string& why);
  void take(std::uint64_t of_life, mqtt::const_message_ptr message);
  bool hand_over(mqtt::const_message_ptr message);  // false when there is no connection
  template <class F>
  void on_loop(std::uint64_t of_life, F f) {  // from Paho's threads
    asio::post(io, [weak = weak_from_this(), of_life, f = std::move(f)] {
      if (const auto self = weak.lock(); self && !self->stopped && self->life == of_life) f(*self);
    });
  }

  asio::any_io_executor io;
  Options options;
  Handlers handlers;
  asio::steady_timer timer;
  Rng rng;
  int failures = 0;
  bool up = false;
  std::chrono::steady_clock::time_point up_since{};
  bool stopped = true;
  bool waits = false;      // for the next try
  std::uint64_t life = 0;  // counts clients: what an earlier one still says is ignored
  std::atomic<std::size_t> waiting{0};
  ConnectListener listener;
  mqtt::connect_options connect_options;  // a member: Paho keeps pointers into it
  std::unique_ptr<mqtt::async_client> client;
};

void MqttLink::Impl::open_client() {
  client = std::make_unique<mqtt::async_client>(options.uri, options.client_id);
  waiting = 0;
  const std::uint64_t of_life = ++life;
  listener.ended = [weak = weak_from_this(), of_life](bool ok, int code) {
    const auto self = weak.lock();
    if (!self) return;
    self->on_loop(of_life, [ok, code](Impl& impl) {
      if (ok) return impl.on_connected();
      impl.retry_later("cannot connect to " + impl.where() + " (code " + std::to_string(code) + ")");
    });
  };
  client->set_connection_lost_handler([weak = weak_from_this(), of_life](const std::string& cause) {
    if (const auto self = weak.lock()) self->on_loop(of_life, [cause](Impl& impl) { impl.on_lost(cause); });
  });
  client->set_message_callback([weak = weak_from_this(), of_life](mqtt::const_message_ptr message) {
    if (const auto self = weak.lock()) self->take(of_life, std::move(message));
  });
  connect_options = net::make_connect_options({.identity = options.identity,
                                               .keep_alive = std::chrono::seconds(options.keep_alive_s),
                                               .connect_limit = connect_within,
                                               .most_in_flight = most_in_flight});
  if (options.proxy) connect_options.set_https_proxy(options.proxy->with_credentials());
}

// On a thread of Paho's: copy, count, post.
void MqttLink::Impl::take(std::uint64_t of_life, mqtt::const_message_ptr message) {
  if (!message || message->get_payload().size() > payload_limit) return;
  if (waiting.fetch_add(1) >= inbox_limit) {
    waiting.fetch_sub(1);
    return;
  }
  on_loop(of_life, [topic = message->get_topic(), payload = message->get_payload_str()](Impl& impl) {
    impl.waiting.fetch_sub(1);
    impl.handlers.on_message(topic, payload);
  });
}

// A new client has new threads and a new state.
void MqttLink::Impl::begin_afresh() {
  handlers.log("MQTT: no answer from Paho; starting over");
  client->disable_callbacks();
  client.reset();
  open_client();
  try_connect();
}

void MqttLink::Impl::try_connect() {
  waits = false;
  timer.expires_after(answer_limit);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && !self->stopped) self->begin_afresh();
  });
  try {
    const std::string will = handlers.new_session();
    connect_options.set_will(mqtt::will_options(options.will_topic, will, qos, false));
    client->connect(connect_options, nullptr, listener);
  } catch (const mqtt::exception& error) {
    retry_later("cannot connect to " + where() + ": " + error.what());
  }
}

void MqttLink::Impl::retry_later(const std::string& why) {
  const Duration wait = full_jitter(retry_base, retry_cap, failures++, rng) + Duration{100};
  handlers.log("MQTT: " + why + "; next try in " + std::to_string(wait.count()) + " ms");
  waits = true;
  timer.expires_after(wait);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && !self->stopped && self->waits) self->try_connect();
  });
}

void MqttLink::Impl::on_connected() {
  try {
    for (const std::string& topic : options.subscriptions) client->subscribe(topic, qos);
  } catch (const mqtt::exception& error) {
    return retry_later(std::string("cannot subscribe: ") + error.what());
  }
  timer.cancel();
  up = true;
  up_since = std::chrono::steady_clock::now();
  handlers.log("MQTT: connected to " + options.uri);
  handlers.on_connected();
}

void MqttLink::Impl::on_lost(const std::string& why) {
  if (up) {
    up = false;
    if (std::chrono::steady_clock::now() - up_since >= proven_after) failures = 0;
    handlers.on_disconnected();
  }
  retry_later("the connection broke" + (why.empty() ? std::string() : ": " + why));
}

void MqttLink::forget_environment() {
  for (const char* name : {"http_proxy", "https_proxy"}) ::unsetenv(name);
}

MqttLink::MqttLink(asio::any_io_executor io, Options options, Handlers handlers)
    : impl_(std::make_shared<Impl>(std::move(io), std::move(options), std::move(handlers))) {}

MqttLink::~MqttLink() {
  stop();
}

void MqttLink::start() {
  if (!impl_->stopped) return;
  impl_->stopped = false;
  impl_->open_client();
  impl_->try_connect();
}

void MqttLink::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->up = false;
  impl_->timer.cancel();
  try {
    impl_->client->disable_callbacks();
    if (impl_->client->is_connected()) impl_->client->disconnect(500)->wait_for(goodbye_limit);
  } catch (const mqtt::exception&) {
    // There is nobody left to tell.
  }
  impl_->client.reset();
}

bool MqttLink::connected() const {
  return impl_->up;
}

void MqttLink::try_now() {
  if (impl_->stopped || !impl_->waits) return;
  impl_->failures = 0;
  impl_->timer.cancel();
  impl_->try_connect();
}

bool MqttLink::Impl::hand_over(mqtt::const_message_ptr message) {
  if (!up) return false;
  try {
    client->publish(message);
    return true;
  } catch (const mqtt::exception& error) {
    handlers.log("MQTT: cannot publish to " + message->get_topic() + ": " + error.what());
    return false;
  }
}

bool MqttLink::publish(const std::string& topic, std::string payload, bool retain) {
  return impl_->hand_over(mqtt::make_message(topic, std::move(payload), qos, retain));
}

bool MqttLink::send(const std::string& topic, std::string payload) {
  return impl_->hand_over(mqtt::make_message(topic, std::move(payload), 0, false));
}

}  // namespace argosy::agent
