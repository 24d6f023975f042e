#include "server/devices/suggestion_store.hpp"

#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/db/time_zones.hpp"
#include "server/devices/device_rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr const char* by_rule = "rule:devices.take_suggested";

struct Stored {
  Declaration held;
  std::optional<Declaration> settled;
  std::optional<Suggestion> suggested;
};

std::optional<Stored> lock_stored(pqxx::work& transaction, const std::string& device) {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select hardware_class, labels, declared, suggested
        from devices
        where id = $1 and revoked_at is null
        for update
      )sql",
      device);
  if (rows.empty()) return std::nullopt;
  const pqxx::row& row = rows[0];
  return Stored{{row["hardware_class"].as<std::string>(), labels_of(row["labels"])},
                decode_declaration(row["declared"].as<std::string>("")),
                decode_suggestion(row["suggested"].as<std::string>(""))};
}

void write(pqxx::work& transaction, const std::string& device, const Declaration& settled,
           const Suggestion& suggestion) {
  transaction.exec_params0("update devices set declared = $2::jsonb, suggested = $3::jsonb where id = $1", device,
                           encode(settled), suggestion.empty() ? std::nullopt : std::optional(encode(suggestion)));
}

// Rollouts go by the time zone: one that is none is not taken.
Result<void> check_time_zone(pqxx::work& transaction, const Suggestion& taken) {
  const auto zone = taken.labels.find("time_zone");
  if (zone == taken.labels.end() || !zone->second || is_time_zone(transaction, *zone->second)) return {};
  return field_error("labels.time_zone", no_such_zone(*zone->second));
}

// What the device is to run may hang on its class.
Result<void> give(pqxx::work& transaction, const std::string& device, const Declaration& held, const Suggestion& taken,
                  const std::string& actor) {
  ARGOSY_CHECK(check_time_zone(transaction, taken));
  ARGOSY_TRY(const Declaration after, apply(taken, held));
  transaction.exec_params0("update devices set hardware_class = $2, labels = $3::jsonb where id = $1", device,
                           after.hardware_class, labels_json(after.labels));
  if (after.hardware_class != held.hardware_class) touch_desired(transaction, {device});
  append_audit(transaction, actor, "device.take_suggested", "device/" + device,
               nlohmann::json{{"before", json_or_null(encode(held))}, {"after", json_or_null(encode(after))}}.dump());
  return {};
}

// However many there are: the first and the last of them by their class, and the few that are counted.
std::optional<BoardPeers> read_peers(pqxx::work& transaction, const std::string& device) {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        with self as (
          select kind_of_board(capabilities) as kind, capabilities->>'board' as board from devices where id = $1
        )
        select board,
          (select count(*) from (select from devices d where d.revoked_at is null and d.id <> $1
            and kind_of_board(d.capabilities) = kind limit $2) as counted) as devices,
          coalesce((select d.hardware_class from devices d where d.revoked_at is null and d.id <> $1
            and kind_of_board(d.capabilities) = kind order by d.hardware_class limit 1), '') as first_class,
          coalesce((select d.hardware_class from devices d where d.revoked_at is null and d.id <> $1
            and kind_of_board(d.capabilities) = kind order by d.hardware_class desc limit 1), '') as last_class
        from self
        where kind is not null
      )sql",
      device, least_peers);
  if (rows.empty()) return std::nullopt;
  return BoardPeers{rows[0]["board"].as<std::string>(), rows[0]["devices"].as<std::int64_t>(),
                    rows[0]["first_class"].as<std::string>(), rows[0]["last_class"].as<std::string>()};
}

void tell(pqxx::work& transaction, const std::string& device, const std::string& message) {
  append_event(transaction, {.kind = "device.suggested",
                             .severity = "info",
                             .device_id = device,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = message});
}

}  // namespace

void note_declaration(pqxx::work& transaction, const std::string& device, const Declaration& file,
                      const SuggestionRule& rule) {
  const auto stored = lock_stored(transaction, device);
  if (!stored) return;
  if (!stored->settled) return write(transaction, device, file, {});
  Settlement told = compare(*stored->settled, file, stored->held);
  told.suggestion = beside(std::move(told.suggestion), stored->suggested.value_or(Suggestion{}), stored->held);
  Suggestion taken = rule.taken(told.suggestion);
  const auto settled = apply(taken, told.settled);
  if (taken.empty() || !settled || !give(transaction, device, stored->held, taken, by_rule)) taken = {};
  const Suggestion left = without(told.suggestion, taken);
  write(transaction, device, taken.empty() ? told.settled : *settled, left);
  if (!taken.empty()) tell(transaction, device, "as its configuration says now: " + describe(taken));
  if (!left.empty() && left != stored->suggested)
    tell(transaction, device, "its configuration suggests: " + describe(left));
}

void note_board(pqxx::work& transaction, const std::string& device) {
  const auto stored = lock_stored(transaction, device);
  if (!stored || !stored->settled) return;
  const auto peers = read_peers(transaction, device);
  if (!peers) return;
  const Suggestion before = stored->suggested.value_or(Suggestion{});
  const Suggestion after = with_class_of(*peers, before, *stored->settled, stored->held);
  if (after == before) return;
  write(transaction, device, *stored->settled, after);
  if (!after.empty())
    tell(transaction, device, "its configuration, or what it is made of, suggests: " + describe(after));
}

Result<void> SettleSuggestion::operator()(pqxx::work& transaction) const {
  const std::string& device = id.value();
  const auto stored = lock_stored(transaction, device);
  if (!stored) return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
  if (!stored->suggested || !stored->settled)
    return make_error(Errc::conflict, "the device '" + shortened(device) + "' suggests nothing");
  ARGOSY_TRY(const Declaration settled, settle(*stored->suggested, *stored->settled));
  if (take) ARGOSY_CHECK(give(transaction, device, stored->held, *stored->suggested, actor));
  write(transaction, device, settled, {});
  if (!take)
    append_audit(transaction, actor, "device.turn_down_suggested", "device/" + device, encode(*stored->suggested));
  return {};
}

}  // namespace argosy::server
