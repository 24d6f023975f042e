#include "agent/app/uplink.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/file.hpp"
#include "common/crypto/keys.hpp"

namespace argosy::agent {

namespace asio = boost::asio;

namespace {

constexpr Duration relink_base{1000};
constexpr Duration relink_cap{300'000};
constexpr Duration room_cap{60'000};
constexpr Duration state_spacing{300};
constexpr Duration labels_interval{600'000};

std::string trimmed(std::string text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  return text;
}

std::uint64_t read_number(const std::filesystem::path& file) {
  const auto text = read_file(file, 64);
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

Uplink::Uplink(asio::io_context& io, const Config& config, IdentityStore identities, HttpsClient& https,
               ProxyRules proxies, Outbox& outbox, std::filesystem::path nonce_file, std::uint64_t seed, Ports ports)
    : io_(io),
      config_(config),
      identities_(std::move(identities)),
      https_(https),
      api_(https),
      proxies_(std::move(proxies)),
      nonce_file_(std::move(nonce_file)),
      ports_(std::move(ports)),
      rng_(seed),
      sender_(config.device, outbox, {config.catch_up_records_per_s, config.catch_up_bytes_per_s}, seed + 1,
              sender_ports()),
      state_delivery_(seed + 3),
      timer_(io) {
  if (!ports_.ageing) ports_.ageing = ports_.now;
}

void Uplink::start() {
  asio::co_spawn(io_, run(), asio::detached);
}

void Uplink::stop() {
  stopped_ = true;
  timer_.cancel();
  if (!mqtt_) return;
  mqtt_->publish(topic("up/event"), wire::encode(wire::LastWill{config_.device, nonce_, true}), false);
  mqtt_->stop();
}

Task<void> Uplink::pause(Duration wait) {
  timer_.expires_after(wait);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> Uplink::run() {
  new_session();
  co_await enrol();
  while (!stopped_) {
    co_await renew_if_due();
    co_await poll();
    ask_for_labels_now_and_then();
    // Spread over the interval's last fifth, so that a fleet that started together does not ask together.
    const Duration spread{static_cast<std::int64_t>(rng_.uniform() * static_cast<double>(config_.poll.count()) / 5)};
    co_await pause(config_.poll - spread);
  }
}

// Identity ------------------------------------------------------------------------------------------------------------

Result<std::string> Uplink::claim() const {
  if (const char* from_environment = std::getenv("ARGOSY_CLAIM")) return std::string(from_environment);
  if (!config_.claim_file)
    return make_error(Errc::invalid_argument,
                      "this device is not enrolled and has no claim: set enrolment.claim_file or ARGOSY_CLAIM");
  ARGOSY_TRY(std::string text, read_file(*config_.claim_file, 4096));
  return trimmed(std::move(text));
}

EnrolmentOrder Uplink::enrolment_order(std::string claim, std::string csr) const {
  return {std::move(claim), config_.device, config_.hardware_class,
          std::move(csr),   config_.labels, ports_.capabilities().inventory.board};
}

Trust Uplink::first_trust() const {
  Trust trust;
  trust.ca_sha256 = config_.ca_sha256;
  if (identity_) trust.ca_pem = identity_->ca_pem;
  if (identity_ || !config_.ca_file) return trust;
  auto text = read_file(*config_.ca_file, 128 << 10);
  if (text)
    trust.ca_pem = std::move(*text);
  else
    ports_.log("cannot read the authority's certificate: " + text.error().message);
  return trust;
}

void Uplink::use(const Identity& identity) {
  identity_ = identity;
  use_for_https(identity);
  start_mqtt();
}

void Uplink::use_for_https(const Identity& identity) {
  const auto trusted = https_.set_trust({identity.ca_pem, "", identity.certificate_pem, identity.private_key_pem});
  if (!trusted) ports_.log(trusted.error().message);
}

// An identity that cannot be read now may be readable later.
Task<void> Uplink::enrol() {
  for (int failures = 0; !stopped_; ++failures) {
    const auto known = identities_.load();
    if (known && *known) co_return use(**known);
    if (!known && failures == 0)
      ports_.log("the kept identity is of no use, enrolling again: " + known.error().message);
    if (co_await try_enrol()) co_return;
    const Duration cap = lacks_room_ ? room_cap : relink_cap;
    co_await pause(relink_base + full_jitter(relink_base, cap, failures, rng_));
  }
}

// The key is made before anybody is asked, and there is either all of it or none.
Task<bool> Uplink::try_enrol() {
  const auto with_claim = claim();
  const auto key = identities_.key();
  const bool lacked_room = std::exchange(lacks_room_, !key && key.error().code == Errc::out_of_space);
  if (lacks_room_) {
    if (!lacked_room)
      ports_.log("waiting for room for this device's key, without which it cannot enrol: " + key.error().message);
    co_return false;
  }
  if (!with_claim || !key) {
    ports_.log("cannot enrol: " + (with_claim ? key.error().message : with_claim.error().message));
    co_return false;
  }
  const auto csr = make_csr(*key, config_.device);
  const auto trusted = https_.set_trust(first_trust());
  if (!csr || !trusted) {
    ports_.log("cannot enrol: " + (csr ? trusted.error().message : csr.error().message));
    co_return false;
  }
  EnrolmentOrder order = enrolment_order(*with_claim, *csr);
  auto issued = co_await api_.enrol(std::move(order));
  auto identity = issued ? identities_.keep(*issued, ports_.now()) : Result<Identity>(issued.error());
  if (!identity) {
    ports_.log("cannot enrol: " + identity.error().message);
    co_return false;
  }
  ports_.log("enrolled as " + identity->device + " until " + to_rfc3339(identity->not_after));
  use(*identity);
  co_return true;
}

Task<void> Uplink::renew_if_due() {
  if (!identity_) co_return;
  if (has_ended()) {  // the key is the way back, whatever became of the claim
    co_await come_back();
    co_return;
  }
  if (!ports_.time_is_known() || ports_.now() < identity_->renew_at()) co_return;
  const auto csr = make_csr(identity_->private_key_pem, config_.device);
  if (!csr) co_return;
  auto issued = co_await api_.renew(*csr);
  auto identity = issued ? identities_.keep(*issued, ports_.now()) : Result<Identity>(issued.error());
  if (!identity) {
    ports_.log("cannot renew the certificate, trying again: " + identity.error().message);
    co_return;
  }
  ports_.log("certificate renewed until " + to_rfc3339(identity->not_after));
  use(*identity);
}

// A certificate that holds is what this device goes on with, whatever else it tried.
Task<void> Uplink::come_back() {
  auto issued = co_await ask_to_come_back();
  if (!has_ended()) {
    ports_.log("the certificate is good until " + to_rfc3339(identity_->not_after) +
               ": it was the clock that was wrong");
    use_for_https(*identity_);
    co_return;
  }
  if (!issued && issued.error().code == Errc::forbidden)
    if (auto admitted = co_await ask_with_new_claim()) issued = std::move(admitted);
  auto identity = issued ? identities_.keep(*issued, ports_.now()) : Result<Identity>(issued.error());
  if (!identity) {
    ports_.log("the certificate has ended, and there is no way back yet: " + identity.error().message);
    use_for_https(*identity_);
    co_return;
  }
  turned_away_ = false;
  ports_.log("came back as " + identity->device + ", with a certificate until " + to_rfc3339(identity->not_after));
  use(*identity);
}

// Without a certificate: the server would turn the old one away before it heard what this is about. Its answer also
// tells the time.
Task<Result<IssuedIdentity>> Uplink::ask_to_come_back() {
  ARGOSY_CO_CHECK(https_.set_trust(first_trust()));
  ARGOSY_CO_TRY(const std::string challenge, co_await api_.challenge());
  if (!has_ended()) co_return make_error(Errc::conflict, "the certificate has not ended");
  ARGOSY_CO_TRY(std::string csr, make_csr(identity_->private_key_pem, config_.device, challenge));
  co_return co_await api_.come_back(config_.device, std::move(csr), challenge);
}

// Somebody may have put one there for a device that was away for too long. One that was refused is not tried again.
Task<Result<IssuedIdentity>> Uplink::ask_with_new_claim() {
  ARGOSY_CO_TRY(std::string with_claim, claim());
  if (with_claim == refused_claim_) co_return make_error(Errc::claim_invalid, "this claim was refused");
  ARGOSY_CO_TRY(std::string csr, make_csr(identity_->private_key_pem, config_.device));
  EnrolmentOrder order = enrolment_order(with_claim, std::move(csr));
  auto issued = co_await api_.enrol(std::move(order));
  if (issued) co_return issued;
  const Errc code = issued.error().code;
  const bool is_final = code == Errc::claim_invalid || code == Errc::claim_expired || code == Errc::conflict;
  if (is_final) refused_claim_ = std::move(with_claim);
  ports_.log("cannot enrol again: " + issued.error().message);
  co_return issued;
}

// Desired, state and telemetry ----------------------------------------------------------------------------------------

Task<void> Uplink::poll() {
  auto desired = co_await api_.desired(ports_.known_rev());
  https_up_ = desired.has_value();
  has_polled_ = true;
  turned_away_ = !desired && desired.error().code == Errc::unauthenticated;
  if (!desired)
    ports_.log("cannot ask for the desired document: " + desired.error().message);
  else if (*desired)
    ports_.take_desired(**desired);
}

// Births grow over restarts, and over a wiped disk as long as the clock goes on.
std::string Uplink::new_session() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ports_.now().time_since_epoch()).count();
  nonce_ = std::max<std::int64_t>(static_cast<std::int64_t>(read_number(nonce_file_)) + 1, seconds);
  const auto kept = write_file_atomically(nonce_file_, std::to_string(nonce_));
  if (!kept) ports_.log("cannot keep the session's number: " + kept.error().message);
  return wire::encode(wire::LastWill{config_.device, nonce_});
}

void Uplink::start_mqtt() {
  mqtt_.reset();
  if (!config_.mqtt || identity_->mqtt_host.empty()) return;
  MqttLink::Options options;
  options.uri = "ssl://" + identity_->mqtt_host + ":" + std::to_string(identity_->mqtt_port);
  options.client_id = config_.device;
  options.identity.ca_file = identities_.ca_file();
  options.identity.certificate_file = identities_.certificate_file();
  options.identity.key_file = identities_.key_file();
  options.proxy = proxies_.for_host(identity_->mqtt_host);
  options.subscriptions = {topic("down/desired"), topic("down/ack"), topic("down/ask")};
  options.will_topic = topic("up/event");
  options.seed = rng_();
  MqttLink::Handlers handlers;
  handlers.new_session = [this] { return new_session(); };
  handlers.on_connected = [this] {
    sender_.link_changed();
    state_dirty_ = true;
    pump();
  };
  handlers.on_disconnected = [this] { sender_.link_changed(); };
  handlers.on_message = [this](const std::string& to, const std::string& payload) { on_message(to, payload); };
  handlers.log = ports_.log;
  mqtt_ = std::make_unique<MqttLink>(io_.get_executor(), std::move(options), std::move(handlers));
  mqtt_->start();
}

void Uplink::on_message(const std::string& to, const std::string& payload) {
  if (to == topic("down/ack")) {
    const auto ack = wire::decode_telemetry_ack(payload);
    if (ack) return take_ack(*ack);
    const auto refusal = wire::decode_telemetry_refusal(payload);
    if (refusal) return sender_.take_refusal(*refusal);
    if (wire::decode_labels_waiting(payload)) {
      server_has_no_labels_ = false;
      return fetch_labels();
    }
    return ports_.log(ack.error().message);
  }
  if (to == topic("down/ask")) {
    const auto ask = wire::decode_diagnostics_ask(payload);
    if (!ask) return ports_.log(ask.error().message);
    if (!diagnosing_) asio::co_spawn(io_, send_diagnostics(ask->id), asio::detached);
    return;
  }
  if (to != topic("down/desired") || payload.empty()) return;
  const auto desired = wire::decode_desired(payload);
  if (desired) return ports_.take_desired(*desired);
  ports_.log(desired.error().message);
}

wire::DeviceState Uplink::state_document() const {
  wire::DeviceState state;
  state.device = config_.device;
  state.nonce = nonce_;
  state.rev = ports_.known_rev();
  state.agent_version = ARGOSY_VERSION;
  state.hardware_class = config_.hardware_class;
  state.capabilities = ports_.capabilities();
  state.capabilities.takes_parts = true;
  state.download_bytes_per_s = ports_.download_bytes_per_s();
  state.health_interval_s = static_cast<std::uint32_t>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(config_.state).count()));
  state.at = ports_.now();
  state.models = ports_.models();
  if (sender_.has_backlog() || ports_.health_waits()) state.health = ports_.newest_health();
  state.readings_fault = ports_.readings_fault();
  state.takes_labels = true;
  if (wire::are_labels(config_.labels)) state.labels = config_.labels;
  state.conditions = ports_.conditions();
  return state;
}

void Uplink::state_changed() {
  state_dirty_ = true;
  const Duration since = std::chrono::duration_cast<Duration>(ports_.ageing() - state_sent_at_);
  if (online() && (since < Duration{0} || since >= state_spacing)) send_state();
}

void Uplink::pump() {
  if (stopped_ || !identity_) return;
  const Duration since = std::chrono::duration_cast<Duration>(ports_.ageing() - state_sent_at_);
  const bool due = since < Duration{0} || since >= config_.state || (state_dirty_ && since >= state_spacing);
  if (due) send_state();
  if (has_polled_ || ports_.time_is_known()) sender_.pump();  // until then the times in it may yet be moved
}

void Uplink::board_clock_was_set() {
  if (mqtt_) mqtt_->try_now();
}

void Uplink::send_state() {
  if (!identity_) return;
  const Instant now = ports_.ageing();
  if (online()) {
    if (!mqtt_->publish(topic("up/state"), wire::encode(state_document()), true)) return;
    state_dirty_ = false;
    state_sent_at_ = now;
    return;
  }
  if (!state_delivery_.may_send(now)) return;
  state_delivery_.sent(now);
  state_dirty_ = false;
  state_sent_at_ = now;
  asio::co_spawn(io_, send_state_over_https(wire::encode(state_document())), asio::detached);
}

Task<void> Uplink::send_state_over_https(std::string document) {
  const auto sent = co_await api_.post_state(std::move(document));
  if (sent) {
    state_delivery_.answered();
    co_return;
  }
  state_dirty_ = true;
  state_delivery_.failed(ports_.ageing());
  ports_.log("cannot send the state: " + sent.error().message);
}

TelemetrySender::Ports Uplink::sender_ports() {
  TelemetrySender::Ports ports;
  ports.mqtt_up = [this] { return online(); };
  ports.https_up = [this] { return https_up_; };
  ports.publish = [this](Bytes batch) { return mqtt_->send(topic("up/telemetry"), std::string(as_text(batch))); };
  ports.post = [this](Bytes batch) { asio::co_spawn(io_, send_batch_over_https(std::move(batch)), asio::detached); };
  ports.now = ports_.now;
  ports.ageing = ports_.ageing;
  ports.clock_offset = [this]() -> std::optional<Duration> {
    const auto of_board = clock_offset();
    return of_board ? std::optional(*of_board - ports_.board_ahead()) : std::nullopt;
  };
  ports.log = ports_.log;
  return ports;
}

Task<void> Uplink::send_batch_over_https(Bytes batch) {
  const auto answer = co_await api_.post_telemetry(std::move(batch));
  if (answer.ack) {
    take_ack(*answer.ack);
    co_return;
  }
  https_up_ = answer.retry_after.has_value() || answer.refused;
  if (answer.refused) {
    sender_.post_refused(answer.ack.error());
    co_return;
  }
  sender_.post_failed(answer.ack.error(), answer.retry_after);
}

Task<void> Uplink::send_diagnostics(std::int64_t id) {
  diagnosing_ = true;
  wire::Diagnostics diagnostics = ports_.diagnose();
  diagnostics.id = id;
  diagnostics.state = state_document();
  diagnostics.state.health = ports_.newest_health();
  const auto sent = co_await api_.post_diagnostics(wire::encode(diagnostics));
  diagnosing_ = false;
  ports_.log(sent ? "sent diagnostics " + std::to_string(id) : "cannot send diagnostics: " + sent.error().message);
}

// The state tells of health only while older samples wait before the newest.
void Uplink::take_ack(const wire::TelemetryAck& ack) {
  const bool had_backlog = sender_.has_backlog();
  sender_.take_ack(ack);
  if (had_backlog && !sender_.has_backlog()) state_changed();
}

// At the start, and while no broker tells that some wait.
void Uplink::ask_for_labels_now_and_then() {
  const bool is_due = labels_asked_at_ == Instant{} || !online();
  const Instant now = ports_.now();
  const bool is_time = now < labels_asked_at_ || now - labels_asked_at_ >= labels_interval;
  if (!https_up_ || server_has_no_labels_ || !is_due || !is_time) return;
  labels_asked_at_ = now;
  fetch_labels();
}

void Uplink::fetch_labels() {
  if (exchanging_labels_ || stopped_ || !identity_) return;
  exchanging_labels_ = true;
  asio::co_spawn(io_, exchange_labels(), asio::detached);
}

// What fails goes on with the server's next word, the next window or the next poll.
Task<void> Uplink::exchange_labels() {
  for (bool more = true; more && !stopped_;) {
    const auto exchanged = co_await exchange_some_labels();
    if (!exchanged) {
      server_has_no_labels_ = exchanged.error().code == Errc::not_found;
      ports_.log("cannot fetch labels: " + exchanged.error().message);
    }
    more = exchanged && *exchanged;
  }
  exchanging_labels_ = false;
}

// Whether there is more to do at once.
Task<Result<bool>> Uplink::exchange_some_labels() {
  const wire::LabelAnswers asked = ports_.label_answers();
  ARGOSY_CO_TRY(const wire::HandedLabels handed, co_await api_.post_label_answers(asked));
  ports_.take_labels(asked, handed);
  co_return handed.more || !ports_.label_answers().answers.empty();
}

}  // namespace argosy::agent
