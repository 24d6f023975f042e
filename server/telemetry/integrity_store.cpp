#include "server/telemetry/integrity_store.hpp"

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/stored/window_records_store.hpp"

namespace argosy::server {

namespace {

// Epochs and sequences of windows, beside each other, as parameters.
struct WindowSequences {
  std::vector<std::int64_t> epochs, seqs;
};

WindowSequences read_sequences(pqxx::work& transaction, const std::string& device) {
  WindowSequences windows;
  visit_window_records(transaction, {device}, [&windows](const WindowRecord& record) {
    windows.epochs.push_back(record.epoch);
    windows.seqs.push_back(static_cast<std::int64_t>(record.seq));
  });
  return windows;
}

}  // namespace

Result<std::vector<EpochIntegrity>> ReadIntegrity::operator()(pqxx::work& transaction) const {
  const auto windows = read_sequences(transaction, device);
  const auto rows = transaction.exec_params(
      R"sql(
        with stored as (
          select lpad(to_hex(epoch), 16, '0') as epoch, seq
          from unnest($2::bigint[], $3::bigint[]) as w(epoch, seq)
          union all
          select epoch, seq
          from health_samples
          where device_id = $1
        ),
        figures as (
          select epoch, count(*) as rows, count(distinct seq) as sequences, min(seq) as first, max(seq) as last
          from stored
          group by epoch
        )
        select c.epoch, coalesce(f.rows, 0) as stored, coalesce(f.sequences, 0) as sequences,
          coalesce(f.first, 0) as first_seq, coalesce(f.last, 0) as last_seq, c.lost, c.refused, c.unread, c.forks, c.forked_at, c.received_at
        from telemetry_cursors c
        left join figures f using (epoch)
        where c.device_id = $1
        order by c.received_at nulls first, c.epoch
      )sql",
      device, pg_array(windows.epochs), pg_array(windows.seqs));
  std::vector<EpochIntegrity> epochs;
  for (const auto& row : rows) {
    EpochIntegrity epoch;
    epoch.epoch = row["epoch"].as<std::string>();
    epoch.stored = row["stored"].as<std::uint64_t>();
    const auto sequences = row["sequences"].as<std::uint64_t>();
    epoch.first_seq = row["first_seq"].as<std::uint64_t>();
    epoch.last_seq = row["last_seq"].as<std::uint64_t>();
    epoch.lost = row["lost"].as<std::uint64_t>();
    epoch.refused = row["refused"].as<std::uint64_t>();
    epoch.unread = row["unread"].as<std::uint64_t>();
    epoch.forks = row["forks"].as<std::uint64_t>();
    epoch.forked_at = optional_of<Instant>(row["forked_at"]);
    epoch.received_at = optional_of<Instant>(row["received_at"]);
    epoch.duplicates = epoch.stored - sequences;
    epoch.gaps = sequences == 0 ? 0 : epoch.last_seq - epoch.first_seq + 1 - sequences;
    epochs.push_back(std::move(epoch));
  }
  if (epochs.empty() && transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(device) + "\"");
  return epochs;
}

}  // namespace argosy::server
