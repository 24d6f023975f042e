// Deliveries: a message to one route, until it has arrived or is given up. What may wait, when it is tried again, and
// how the events of one batch become messages. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/notify/notice_route.hpp"

namespace argosy::server {

inline constexpr std::int64_t most_events_of_one = 500;
inline constexpr std::int64_t most_bytes_of_one = 512 << 10;
inline constexpr std::size_t most_answer_bytes = 1024;  // kept of what a receiver said
inline constexpr std::string_view test_kind = "notice.test";
inline constexpr std::string_view given_up_kind = "notice.given_up";

enum class DeliveryState : std::uint8_t { waiting, delivered, given_up };
std::string_view to_string(DeliveryState state);
Result<DeliveryState> parse_delivery_state(std::string_view text);

struct Delivery {
  std::int64_t id = 0;
  std::string key;  // the same in every repeat, whoever repeats it, for ever
  std::int64_t route = 0;
  std::string route_name;
  std::string line;
  DeliveryState state = DeliveryState::waiting;
  std::string severity = "info";
  std::string title;
  std::int64_t events = 0;
  std::int64_t bytes = 0;
  bool is_test = false;
  std::int64_t attempts = 0;  // since it began to wait, at first or once more
  Instant created_at{};
  Instant waits_since{};
  Instant due_at{};  // no earlier
  std::optional<Instant> ended_at;
  std::string last_error;
  std::vector<std::string> kinds{};  // asked for one alert: what it tells of that, in its order
};
nlohmann::json delivery_to_json(const Delivery& delivery);

struct DeliveryAttempt {
  Instant at{};
  std::int64_t took_ms = 0;
  bool delivered = false;
  std::optional<std::int64_t> status;  // of HTTP or SMTP; none: nobody answered
  std::string answer;                  // what the receiver said, cut
  std::string error;
};
nlohmann::json attempt_to_json(const DeliveryAttempt& attempt);

// What came of one attempt.
struct SendOutcome {
  bool delivered = false;
  bool is_final = false;  // it will never be taken: no use in trying again
  std::optional<std::int64_t> status{};
  std::string answer{};
  std::string error{};
  Duration took{};
  std::optional<Duration> not_before{};  // as the receiver asks (Retry-After)
};

struct RetryPlan {
  Duration first{5'000};
  Duration most{900'000};
  Duration give_up_after{std::chrono::hours(48)};  // since it began to wait
};
inline constexpr std::int64_t most_attempts = 1000;

struct AfterAttempt {
  DeliveryState state = DeliveryState::waiting;
  std::optional<Instant> next;         // of a waiting one
  std::optional<Instant> rests_until;  // the route: its receiver does not answer well, and is asked no more meanwhile
};
// Full jitter; a test is tried once. `failures` is how many attempts of the route failed in a row before this one: what
// one message has to wait grows with its own attempts, and what the route rests with all of them.
AfterAttempt after_attempt(const Delivery& delivery, std::int64_t failures, const SendOutcome& outcome,
                           const RetryPlan& plan, Instant now, Rng& rng);

// How many wait of one route.
struct WaitingLimits {
  std::int64_t deliveries = 5'000;
  std::int64_t bytes = 64LL << 20;
};

// A message that still gathers events.
struct OpenGroup {
  std::int64_t delivery = 0;
  std::int64_t events = 0;
  std::int64_t bytes = 0;
};
using GroupKey = std::pair<std::int64_t, std::string>;  // route and line

struct PlannedDelivery {
  std::optional<std::int64_t> joins;  // a message that gathers; none: a new one
  std::int64_t route = 0;
  std::string line;
  std::string severity = "info";  // the highest of its events
  std::string title;
  Instant due_at{};
  std::int64_t bytes = 0;  // of these events
  std::vector<nlohmann::json> events;
};

struct WantedEvent {
  const NoticeRoute* route = nullptr;
  const ToldEvent* event = nullptr;
};
// Puts events of one (route, line) together, with those that wait if there is room; the order is kept.
std::vector<PlannedDelivery> plan_deliveries(const std::vector<WantedEvent>& wanted,
                                             const std::map<GroupKey, OpenGroup>& open, Instant now);

// The one that a person asks for, to see whether anything arrives.
ToldEvent test_event(const std::string& route, const std::string& actor, Instant now);

}  // namespace argosy::server
