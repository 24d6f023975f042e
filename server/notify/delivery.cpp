#include "server/notify/delivery.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::array delivery_states{
    std::pair{DeliveryState::waiting, "waiting"sv},
    std::pair{DeliveryState::delivered, "delivered"sv},
    std::pair{DeliveryState::given_up, "given_up"sv},
};
constexpr std::size_t most_title_bytes = 200;
constexpr std::int64_t most_doublings = 30;  // of the wait

json time_or_null_of(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json();
}
json text_or_null_of(const std::string& text) {
  return text.empty() ? json() : json(text);
}

int rank_of_severity(std::string_view severity) {
  return severity == "critical" ? 2 : severity == "warning" ? 1 : 0;
}

bool has_room(std::int64_t events, std::int64_t bytes, std::int64_t more) {
  return events < most_events_of_one && bytes + more <= most_bytes_of_one;
}

}  // namespace

std::string_view to_string(DeliveryState state) {
  for (const auto& [known, word] : delivery_states)
    if (known == state) return word;
  return "unknown";
}

Result<DeliveryState> parse_delivery_state(std::string_view text) {
  for (const auto& [known, word] : delivery_states)
    if (word == text) return known;
  return make_error(Errc::invalid_argument,
                    "state is \"" + shortened(text) + "\", but must be one of waiting, delivered, given_up");
}

json delivery_to_json(const Delivery& delivery) {
  const bool waits = delivery.state == DeliveryState::waiting;
  json document{{"id", delivery.id},
                {"key", delivery.key},
                {"route_id", delivery.route},
                {"route", delivery.route_name},
                {"group", delivery.line},
                {"state", to_string(delivery.state)},
                {"severity", delivery.severity},
                {"title", delivery.title},
                {"event_count", delivery.events},
                {"bytes", delivery.bytes},
                {"test", delivery.is_test},
                {"attempts", delivery.attempts},
                {"created_at", to_rfc3339(delivery.created_at)},
                {"due_at", waits ? json(to_rfc3339(delivery.due_at)) : json()},
                {"ended_at", time_or_null_of(delivery.ended_at)},
                {"last_error", text_or_null_of(delivery.last_error)}};
  if (!delivery.kinds.empty()) document["kinds"] = delivery.kinds;
  return document;
}

json attempt_to_json(const DeliveryAttempt& attempt) {
  return {{"at", to_rfc3339(attempt.at)},
          {"took_ms", attempt.took_ms},
          {"delivered", attempt.delivered},
          {"status", attempt.status ? json(*attempt.status) : json()},
          {"answer", text_or_null_of(attempt.answer)},
          {"error", text_or_null_of(attempt.error)}};
}

AfterAttempt after_attempt(const Delivery& delivery, std::int64_t failures, const SendOutcome& outcome,
                           const RetryPlan& plan, Instant now, Rng& rng) {
  if (outcome.delivered) return {DeliveryState::delivered, {}, {}};
  if (outcome.is_final || delivery.is_test) return {DeliveryState::given_up, {}, {}};
  const Duration asked = std::min(outcome.not_before.value_or(Duration{0}), plan.most);
  const auto after = [&](std::int64_t tried) {
    return now +
           std::max(full_jitter(plan.first, plan.most, static_cast<int>(std::min(tried, most_doublings)), rng), asked);
  };
  const Instant next = after(delivery.attempts);
  const Instant rests_until = after(failures);
  const bool is_over = next - delivery.waits_since >= plan.give_up_after || delivery.attempts + 1 >= most_attempts;
  if (is_over) return {DeliveryState::given_up, {}, rests_until};
  return {DeliveryState::waiting, next, rests_until};
}

std::vector<PlannedDelivery> plan_deliveries(const std::vector<WantedEvent>& wanted,
                                             const std::map<GroupKey, OpenGroup>& open, Instant now) {
  std::vector<PlannedDelivery> planned;
  struct Gathering {
    std::size_t place;  // in `planned`
    std::int64_t events;
    std::int64_t bytes;
  };
  std::map<GroupKey, Gathering> gathering;
  for (const auto& [route, told] : wanted) {
    json event = told->to_json();
    const auto bytes = static_cast<std::int64_t>(event.dump().size());
    const bool gathers = route->settings.group_wait_s > 0;
    GroupKey key{route->id, line_of(route->settings, *told)};
    const auto known = open.find(key);
    auto at = gathering.find(key);
    if (at == gathering.end() || !gathers || !has_room(at->second.events, at->second.bytes, bytes)) {
      PlannedDelivery fresh;
      fresh.route = route->id;
      fresh.line = key.second;
      fresh.due_at = now + std::chrono::seconds(route->settings.group_wait_s);
      fresh.title = shortened(told->event.message, most_title_bytes);
      Gathering begun{planned.size(), 0, 0};
      const bool joins = at == gathering.end() && gathers && known != open.end() &&
                         has_room(known->second.events, known->second.bytes, bytes);
      if (joins) {
        fresh.joins = known->second.delivery;
        begun.events = known->second.events;
        begun.bytes = known->second.bytes;
      }
      planned.push_back(std::move(fresh));
      at = gathering.insert_or_assign(std::move(key), begun).first;
    }
    PlannedDelivery& into = planned[at->second.place];
    if (rank_of_severity(told->severity()) > rank_of_severity(into.severity)) into.severity = told->severity();
    into.bytes += bytes;
    into.events.push_back(std::move(event));
    ++at->second.events;
    at->second.bytes += bytes;
  }
  return planned;
}

ToldEvent test_event(const std::string& route, const std::string& actor, Instant now) {
  ToldEvent told;
  told.event.at = now;
  told.event.kind = std::string(test_kind);
  told.event.severity = "info";
  told.event.message = "This is a test of the route " + route + ", sent by " + actor + ". Nothing has happened.";
  return told;
}

}  // namespace argosy::server
