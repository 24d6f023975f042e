#include "server/devices/replacement_store.hpp"

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/devices/replacement_rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

nlohmann::json details_of(const Replacement& one) {
  return {{"key", one.key_sha256},
          {"claim", one.claim},
          {"hardware_class", one.hardware_class},
          {"board", one.board},
          {"address", one.address}};
}

std::string describe(const Replacement& one) {
  const std::string board = one.board.empty() ? "another board" : "another board (" + shortened(one.board) + ")";
  return board + " asks to be " + one.device.value() + ", from " + one.address + " with claim " +
         std::to_string(one.claim) + ": argosy device replace " + one.device.value() + " lets it in";
}

void save(pqxx::work& transaction, const Replacement& one) {
  transaction.exec_params0(
      R"sql(
        insert into replacements (device_id, state, key_sha256, hardware_class, board, address, claim_id, asked_at,
          last_asked_at, expires_at, settled_at, settled_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $9::timestamptz, $10::timestamptz, $11::timestamptz, $12)
        on conflict (device_id) do update set state = excluded.state, key_sha256 = excluded.key_sha256,
          hardware_class = excluded.hardware_class, board = excluded.board, address = excluded.address,
          claim_id = excluded.claim_id, asked_at = excluded.asked_at, last_asked_at = excluded.last_asked_at,
          expires_at = excluded.expires_at, settled_at = excluded.settled_at, settled_by = excluded.settled_by
      )sql",
      one.device.value(), std::string(to_string(one.state)), one.key_sha256, one.hardware_class, one.board, one.address,
      one.claim, one.asked_at, one.last_asked_at, expires_at(one), one.settled_at, one.settled_by);
}

}  // namespace

std::optional<Replacement> read_replacement(pqxx::work& transaction, const DeviceId& device) {
  const pqxx::result rows = transaction.exec_params(select_replacement + "where r.device_id = $1", device.value());
  if (rows.empty()) return std::nullopt;
  return replacement_of(rows[0]);
}

int count_asked_by(pqxx::work& transaction, std::int64_t claim, const DeviceId& but, Instant now) {
  return transaction
      .exec_params1(
          "select count(*) from replacements where claim_id = $1 and device_id <> $2 and expires_at > $3::timestamptz",
          claim, but.value(), now)[0]
      .as<int>();
}

void note_first_asking(pqxx::work& transaction, const Replacement& replacement) {
  save(transaction, replacement);
  append_event(transaction, {.kind = "device.replacement_asked",
                             .severity = "warning",
                             .device_id = replacement.device.value(),
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = describe(replacement),
                             .details_json = details_of(replacement).dump()});
}

void note_asking_again(pqxx::work& transaction, const DeviceId& device, Instant now) {
  transaction.exec_params0(
      R"sql(
        update replacements
        set last_asked_at = $2::timestamptz, expires_at = $3::timestamptz
        where device_id = $1 and last_asked_at < $4::timestamptz
      )sql",
      device.value(), now, now + replacement_life, now - std::chrono::minutes(1));
}

void forget_replacement(pqxx::work& transaction, const DeviceId& device) {
  transaction.exec_params0("delete from replacements where device_id = $1", device.value());
}

std::vector<Replacement> ListReplacements::operator()(pqxx::work& transaction) const {
  std::vector<Replacement> found;
  for (const pqxx::row& row : transaction.exec_params(
           select_replacement +
               "where r.state <> 'turned_down' and r.expires_at > $1::timestamptz order by r.asked_at desc limit $2",
           now, most_replacements_listed))
    found.push_back(replacement_of(row));
  return found;
}

Result<void> SettleReplacement::operator()(pqxx::work& transaction) const {
  const pqxx::result devices =
      transaction.exec_params("select 1 from devices where id = $1 and revoked_at is null for update", id.value());
  if (devices.empty()) return make_error(Errc::not_found, "there is no device '" + shortened(id.value()) + "'");
  std::optional<Replacement> standing = read_replacement(transaction, id);
  ARGOSY_CHECK(check_choice(standing, choice, id, now));
  standing->state = choice.take ? ReplacementState::accepted : ReplacementState::turned_down;
  standing->settled_at = now;
  standing->settled_by = actor;
  save(transaction, *standing);
  append_audit(transaction, actor, choice.take ? "device.replace" : "device.turn_down_replacement",
               "device/" + id.value(), details_of(*standing).dump());
  return {};
}

}  // namespace argosy::server
