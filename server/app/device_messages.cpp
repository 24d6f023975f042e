#include "server/app/device_messages.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/wire/state.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t batch_limit = 500;
constexpr std::uint64_t state_limit = 256 * 1024;

struct UpTopic {
  std::string_view device, kind;
};

// "argosy/v1/{device}/up/{kind}"
std::optional<UpTopic> parse_topic(std::string_view topic) {
  constexpr std::string_view prefix = "argosy/v1/";
  if (!topic.starts_with(prefix)) return std::nullopt;
  topic.remove_prefix(prefix.size());
  const std::size_t slash = topic.find("/up/");
  if (slash == std::string_view::npos) return std::nullopt;
  return UpTopic{topic.substr(0, slash), topic.substr(slash + 4)};
}

Result<wire::DeviceState> decode_own_state(std::string_view device, std::string_view document) {
  ARGOSY_TRY(wire::DeviceState state, wire::decode_device_state(document));
  if (state.device != device) {
    return make_error(Errc::forbidden,
                      "'" + std::string(device) + "' sent a state in the name of '" + state.device + "'");
  }
  return state;
}

}  // namespace

void DeviceMessages::take(std::vector<MqttMessage> messages) {
  const Instant now = wall_clock_now();
  for (const MqttMessage& message : messages) {
    const auto taken = take_one(message, now);
    if (taken) continue;
    ++counters_.refused;
    message_errors_.report(Error(taken.error()).within(message.topic));
  }
  if (waiting_.empty() || std::exchange(working_, true)) return;
  boost::asio::co_spawn(io_, work_off_states(), boost::asio::detached);
}

Result<void> DeviceMessages::take_one(const MqttMessage& message, Instant now) {
  const auto topic = parse_topic(message.topic);
  if (!topic) return make_error(Errc::invalid_argument, "no topic of a device");
  if (topic->kind == "telemetry") return parts_.telemetry.take(topic->device, message.payload);
  if (topic->kind == "state") {
    if (message.payload.empty()) return {};  // the retained state was cleared
    ARGOSY_TRY(wire::DeviceState state, decode_own_state(topic->device, message.payload));
    std::string device = state.device;
    waiting_.insert_or_assign(std::move(device), ReceivedState{std::move(state), message.retained});
    return {};
  }
  if (topic->kind == "event") {
    ARGOSY_TRY(const wire::LastWill will, wire::decode_last_will(message.payload));
    if (will.device != topic->device) return make_error(Errc::forbidden, "a will in the name of '" + will.device + "'");
    parts_.presence.take_will(will, now);
    return {};
  }
  return make_error(Errc::invalid_argument, "no kind of message that is known");
}

Task<void> DeviceMessages::work_off_states() {
  while (!waiting_.empty()) {
    std::vector<ReceivedState> batch;
    while (!waiting_.empty() && batch.size() < batch_limit) {
      batch.push_back(std::move(waiting_.extract(waiting_.begin()).mapped()));
    }
    auto storing = store(std::move(batch), wall_clock_now());
    const auto stored = co_await std::move(storing);
    if (stored) state_errors_.clear();
    if (!stored) state_errors_.report(stored.error());  // the devices' next states say the same again
  }
  working_ = false;
}

Task<Result<void>> DeviceMessages::store(std::vector<ReceivedState> states, Instant now) {
  counters_.states += states.size();
  std::vector<wire::DeviceState> documents;
  for (const ReceivedState& received : states) documents.push_back(received.state);
  auto taking = parts_.devices.take_states(std::move(states), now);
  ARGOSY_CO_TRY(const auto outcomes, co_await std::move(taking));
  std::vector<wire::DeviceState> reports;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (outcomes.at(i) == StateOutcome::taken) reports.push_back(std::move(documents[i]));
  }
  if (reports.empty()) co_return Result<void>{};
  auto reporting = parts_.rollouts.take_reports(std::move(reports), now);
  const auto moved = co_await std::move(reporting);
  if (!moved) co_return moved.error();
  co_return Result<void>{};
}

Task<Result<void>> DeviceMessages::take_state(std::string device, std::string document, Instant now) {
  ARGOSY_CO_TRY(wire::DeviceState state, decode_own_state(device, document));
  std::vector<ReceivedState> one;
  one.push_back({std::move(state), false});
  auto storing = store(std::move(one), now);
  auto outcome = co_await std::move(storing);
  co_return outcome;
}

namespace {

Task<Result<Response>> post_state(DeviceMessages& messages, Request& request) {
  auto taking = messages.take_state(request.principal.name, request.body, request.now);
  ARGOSY_CO_CHECK(co_await std::move(taking));
  co_return Response::no_content();
}

}  // namespace

void add_device_state_routes(Router& router, DeviceMessages& messages) {
  router.add({.method = Method::post,
              .path = "/device/v1/state",
              .access = Access::device,
              .handler = [&messages](Request& request) { return post_state(messages, request); },
              .body_limit = state_limit});
}

}  // namespace argosy::server
