#include "tests/bench/fleet_load/connections.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "tests/bench/fleet_load/simulated_device.hpp"

namespace argosy::fleet_load {

namespace {

constexpr std::size_t own_buffer = 2048;
constexpr std::size_t shared_buffer = 65'536;
constexpr std::int64_t connect_within_us = 15'000'000;
constexpr double all_connected_within_s = 180;
constexpr double shortest_wait_s = 0.1;  // before a connection is tried again, as the agent has it
constexpr double pubacks_wait_s = 0.5;   // the next window is often there by then, and takes them along

}  // namespace

Connections::Connections(boost::asio::io_context& io, const Options& options, const Layout& layout,
                         std::optional<Identities> identities, Owner& owner, Tally& tally)
    : io_(io),
      options_(options),
      layout_(layout),
      identities_(std::move(identities)),
      owner_(owner),
      tally_(tally),
      broker_(boost::asio::ip::make_address(options.host), options.port),
      chance_(options.seed),
      waits_(options.seed + 2),
      clock_(io, [this](const auto& timer) { run(timer.kind, timer.index); }),
      links_(layout.connections()) {
  for (std::size_t i = 0; i < links_.size(); ++i)
    links_[i].link = std::make_unique<BrokerLink>(io_, static_cast<BrokerLink::Owner&>(*this), i);
}

void Connections::start() {
  const double all_tried_s = static_cast<double>(links_.size()) / options_.connects_per_s;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const double opened_s = static_cast<double>(i) / options_.connects_per_s;
    clock_.after(opened_s, Due::open, i);
    clock_.after(opened_s + options_.keep_alive_s / 2, Due::check, i);
  }
  clock_.after(all_connected_within_s + all_tried_s, Due::all_up);
}

void Connections::end() {
  is_over_ = true;
  clock_.stop();
  for (Link& link : links_) link.link->leave();
}

void Connections::run(Due what, std::size_t number) {
  switch (what) {
    case Due::open:
      return open(number);
    case Due::check:
      return check(number);
    case Due::pubacks:
      return flush_pubacks();
    case Due::all_up:
      if (all_were_up_) return;
      tally_.last_error = "only " + std::to_string(up_) + " of " + std::to_string(links_.size()) +
                          " connections came up: " + tally_.last_error;
      return give_up_at_the_beginning();
  }
}

std::shared_ptr<ByteStream> Connections::stream_for(std::size_t number) {
  const std::size_t buffer = layout_.is_shared(number) ? shared_buffer : own_buffer;
  if (!identities_) return make_tcp_stream(io_, buffer);
  const auto certificate = identities_->certificate_of(layout_.user_of(number));
  if (!certificate) tally_.last_error = certificate.error().message;
  return make_tls_stream(io_, buffer,
                         {identities_->context(), certificate ? *certificate : "", identities_->private_key()});
}

void Connections::open(std::size_t number) {
  Link& link = links_[number];
  if (link.link->is_open()) return;
  link.opened_at_us = steady_us();
  link.nonce = std::max(link.nonce + 1, to_ms(wall_clock_now()) / 1000);
  Connect connect;
  connect.client_id = layout_.user_of(number);
  if (!identities_) connect.user = connect.client_id;
  connect.keep_alive_s = static_cast<std::uint16_t>(options_.keep_alive_s);
  if (options_.state_s > 0 && !layout_.is_shared(number)) {
    connect.will_topic = up_topic(connect.client_id, "event");
    connect.will = will_document(connect.client_id, link.nonce);
  }
  link.link->open(stream_for(number), broker_, connect, layout_.topics_of(number));
}

void Connections::check(std::size_t number) {
  Link& link = links_[number];
  clock_.after(options_.keep_alive_s / 2, Due::check, number);
  const bool is_late =
      link.link->is_open() && !link.link->is_up() && steady_us() - link.opened_at_us > connect_within_us;
  if (is_late) return link.link->tear();
  link.link->keep_alive();
}

void Connections::publish(std::size_t connection, std::string_view topic, ByteView payload, bool retain) {
  links_[connection].link->publish(topic, payload, retain);
}

void Connections::send(std::size_t connection, std::string_view topic, ByteView payload) {
  links_[connection].link->send(topic, payload);
}

std::size_t Connections::tear(double share) {
  std::size_t torn = 0;
  torn_left_ = 0;
  ++storms_;
  for (std::size_t number = 0; number < links_.size(); ++number) {
    Link& link = links_[number];
    link.is_torn = link.is_up && chance_.happens(share, Question::is_torn, number, storms_);
    if (!link.is_torn) continue;
    ++torn;
    ++torn_left_;
    link.link->tear();
  }
  return torn;
}

// What links tell -----------------------------------------------------------------------------------------------------

void Connections::link_up(std::size_t number) {
  Link& link = links_[number];
  ++tally_.connects;
  if (std::exchange(link.was_up, true)) ++tally_.reconnects;
  if (std::exchange(link.is_torn, false)) --torn_left_;
  link.is_up = true;
  link.failures = 0;
  ++up_;
  owner_.connection_up(number);
  if (!all_were_up_ && up_ == links_.size()) {
    all_were_up_ = true;
    owner_.all_came_up();
  }
}

void Connections::link_down(std::size_t number, const std::string& why) {
  if (is_over_) return;
  Link& link = links_[number];
  const bool was_up = std::exchange(link.is_up, false);
  if (was_up) --up_;
  ++(was_up ? tally_.disconnections : tally_.failed_connects);
  if (!link.is_torn || !was_up) tally_.last_error = why;
  const Duration wait =
      full_jitter(Duration{static_cast<Duration::rep>(options_.retry_s * 1e3)},
                  Duration{static_cast<Duration::rep>(options_.retry_cap_s * 1e3)}, link.failures++, waits_);
  clock_.after(shortest_wait_s + static_cast<double>(wait.count()) / 1e3, Due::open, number);
  if (was_up) owner_.connection_down(number);
}

void Connections::link_refused(std::size_t number, const std::string& why) {
  ++tally_.refused_connections;
  tally_.last_error = layout_.user_of(number) + ": " + why;
  give_up_at_the_beginning();
}

void Connections::subscriptions_refused(std::size_t count) {
  tally_.refused_subscriptions += count;
  tally_.last_error = "the broker refuses subscriptions: whoever connects must be known to its ACL";
  give_up_at_the_beginning();
}

// Whom the broker does not want from the first, it will not want later.
void Connections::give_up_at_the_beginning() {
  if (all_were_up_ || is_over_) return;
  std::fprintf(stderr, "argosy-fleet-load: %s\n", tally_.last_error.c_str());
  owner_.none_is_let_in();
}

void Connections::message_came(std::size_t, std::string_view topic, std::string_view payload) {
  if (!is_over_) owner_.message_came(topic, payload);
}

// A shared connection's do not wait: the broker sends so many messages on it, and no more, before they are
// acknowledged.
void Connections::puback_waits(std::size_t number) {
  if (layout_.is_shared(number)) return links_[number].link->flush_pubacks();
  if (pubacks_wait_.empty()) clock_.after(pubacks_wait_s, Due::pubacks);
  pubacks_wait_.push_back(number);
}

void Connections::flush_pubacks() {
  for (const std::size_t number : std::exchange(pubacks_wait_, {})) links_[number].link->flush_pubacks();
}

}  // namespace argosy::fleet_load
