#include "server/models/patch_store.hpp"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/models/patch_rows.hpp"

namespace argosy::server {

struct FilePair {
  std::string from_digest;
  std::string to_digest;
  friend auto operator<=>(const FilePair&, const FilePair&) = default;
};

namespace {

using PatchKey = std::pair<std::string, std::string>;  // from, to

PatchRow declined(const PatchPair& pair, std::string reason) {
  PatchRow row;
  row.from_digest = pair.from_digest;
  row.to_digest = pair.to_digest;
  row.state = PatchState::declined;
  row.reason = std::move(reason);
  return row;
}

void insert_wanted(pqxx::work& transaction, const std::string& asked) {
  transaction.exec_params0(
      R"sql(
        insert into patches as p (from_digest, to_digest, state, demand)
        select i."from", i."to", 'pending', max(i.demand)
        from jsonb_to_recordset($1::jsonb) as i("from" text, "to" text, demand int)
        join blobs f on f.digest = i."from"
        join blobs t on t.digest = i."to"
        where i."from" <> i."to"
        group by 1, 2
        order by 1, 2
        on conflict (from_digest, to_digest) do update set demand = excluded.demand
        where p.state in ('pending', 'making', 'failed') and p.demand < excluded.demand
      )sql",
      asked);
}

std::map<PatchKey, PatchRow> select_wanted(pqxx::work& transaction, const std::string& asked) {
  std::map<PatchKey, PatchRow> known;
  static const std::string sql = "select " + std::string(patch_columns) + R"sql(
    from patches p
    where (p.from_digest, p.to_digest) in (
      select i."from", i."to" from jsonb_to_recordset($1::jsonb) as i("from" text, "to" text)
    )
  )sql";
  const pqxx::result rows = transaction.exec_params(sql, asked);
  for (const pqxx::row& row : rows) {
    PatchRow patch = patch_of(row);
    known.emplace(PatchKey{patch.from_digest, patch.to_digest}, std::move(patch));
  }
  return known;
}

Result<void> check_model_known(pqxx::work& transaction, const std::string& model) {
  if (!transaction.exec_params("select 1 from models where name = $1", model).empty()) return {};
  return make_error(Errc::not_found, "there is no model '" + shortened(model) + "'");
}

std::vector<PatchMatrixRow> matrix_rows(pqxx::work& transaction, const std::string& model) {
  static const std::string sql = "select " + std::string(patch_columns) + R"sql(,
      rf.version as from_version, rt.version as to_version, vt.variant, vt.part, vt.size as full_size
    from patches p
    join variant_files vf on vf.digest = p.from_digest
    join releases rf on rf.id = vf.release_id
    join variant_files vt on vt.digest = p.to_digest and vt.part = vf.part
    join releases rt on rt.id = vt.release_id
    where rf.model = $1 and rt.model = $1
    order by rt.id desc, rf.id desc, vt.variant, vt.part
    limit 1000
  )sql";
  std::vector<PatchMatrixRow> matrix;
  for (const pqxx::row& row : transaction.exec_params(sql, model)) {
    matrix.push_back({row["from_version"].as<std::string>(), row["to_version"].as<std::string>(),
                      row["variant"].as<std::string>(), row["part"].as<std::string>(), patch_of(row),
                      row["full_size"].as<std::uint64_t>()});
  }
  return matrix;
}

// The rows of the matrix that are about these files.
std::vector<PatchMatrixRow> matrix_rows_of(pqxx::work& transaction, const std::string& model,
                                           const std::set<FilePair>& files) {
  auto rows = matrix_rows(transaction, model);
  std::erase_if(rows, [&](const PatchMatrixRow& row) {
    return files.count({row.patch.from_digest, row.patch.to_digest}) == 0;
  });
  return rows;
}

Result<void> check_release_known(pqxx::work& transaction, const std::string& model, const std::string& version) {
  if (!transaction.exec_params("select 1 from releases where model = $1 and version = $2", model, version).empty())
    return {};
  return make_error(Errc::not_found,
                    "there is no release " + shortened(version) + " of the model '" + shortened(model) + "'");
}

// The files of the variants, by their names, that both releases have under one name.
Result<std::vector<FilePair>> files_of(pqxx::work& transaction, const std::string& model, const VersionPair& pair) {
  ARGOSY_CHECK(check_release_known(transaction, model, pair.from_version));
  ARGOSY_CHECK(check_release_known(transaction, model, pair.to_version));
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select vf.digest, vt.digest
        from releases rf
        join variant_files vf on vf.release_id = rf.id
        join releases rt on rt.model = rf.model
        join variant_files vt on vt.release_id = rt.id and vt.variant = vf.variant and vt.part = vf.part
        where rf.model = $1
          and rf.version = $2
          and rt.version = $3
          and $4 in ('', vt.variant)
          and vf.digest <> vt.digest
      )sql",
      model, pair.from_version, pair.to_version, pair.variant);
  std::vector<FilePair> files;
  for (const pqxx::row& row : rows) files.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  return files;
}

std::string in_words(const VersionPair& pair) {
  return pair.from_version + " to " + pair.to_version + (pair.variant.empty() ? "" : " (" + pair.variant + ")");
}

}  // namespace

std::vector<PatchRow> WantPatches::operator()(pqxx::work& transaction) const {
  nlohmann::json asked = nlohmann::json::array();
  for (const PatchPair& pair : pairs)
    asked.push_back({{"from", pair.from_digest}, {"to", pair.to_digest}, {"demand", pair.demand}});
  const std::string asked_json = asked.dump();
  insert_wanted(transaction, asked_json);
  const auto known = select_wanted(transaction, asked_json);
  std::vector<PatchRow> rows;
  for (const PatchPair& pair : pairs) {
    const auto found = known.find({pair.from_digest, pair.to_digest});
    if (found != known.end()) {
      rows.push_back(found->second);
    } else if (pair.from_digest == pair.to_digest) {
      rows.push_back(declined(pair, "both are the same file"));
    } else {
      rows.push_back(declined(pair, "the server does not have both files"));
    }
  }
  return rows;
}

Result<std::vector<PatchMatrixRow>> ReadPatchMatrix::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_model_known(transaction, model));
  return matrix_rows(transaction, model);
}

Result<std::vector<PatchMatrixRow>> AskForPatches::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_model_known(transaction, request.model));
  std::set<FilePair> asked;  // in one order, so that two who ask do not deadlock
  for (std::size_t i = 0; i < request.pairs.size(); ++i) {
    ARGOSY_TRY(const auto files, files_of(transaction, request.model, request.pairs[i]));
    if (files.empty())
      return field_error("pairs[" + std::to_string(i) + "]",
                         "the releases " + in_words(request.pairs[i]) +
                             " have no variant of one name with different files, so there is nothing to patch");
    asked.insert(files.begin(), files.end());
  }
  for (const FilePair& pair : asked) ask(transaction, pair);
  for (const VersionPair& pair : request.pairs) audit(transaction, pair);
  return matrix_rows_of(transaction, request.model, asked);
}

void AskForPatches::ask(pqxx::work& transaction, const FilePair& pair) const {
  transaction.exec_params0(
      R"sql(
        insert into patches as p (from_digest, to_digest, state, demand, asked_by, asked_until)
        values ($1, $2, 'pending', 0, $3, now() + make_interval(days => $4))
        on conflict (from_digest, to_digest) do update set asked_by = excluded.asked_by,
          asked_until = greatest(p.asked_until, excluded.asked_until)
      )sql",
      pair.from_digest, pair.to_digest, actor, request.days);
  transaction.exec_params0(
      R"sql(
        update patches
        set state = 'pending', attempts = 0, retry_at = null, reason = null, finished_at = null,
          requested_at = now()
        where from_digest = $1 and to_digest = $2 and state in ('declined', 'failed', 'cancelled')
      )sql",
      pair.from_digest, pair.to_digest);
}

void AskForPatches::audit(pqxx::work& transaction, const VersionPair& pair) const {
  const nlohmann::json details = {{"from_version", pair.from_version},
                                  {"to_version", pair.to_version},
                                  {"variant", pair.variant},
                                  {"days", request.days}};
  append_audit(transaction, actor, "patch.request", "model/" + request.model, details.dump());
}

Result<std::vector<PatchMatrixRow>> CancelPatches::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_model_known(transaction, which.model));
  ARGOSY_TRY(const auto files, files_of(transaction, which.model, which.pair));
  const std::set<FilePair> named(files.begin(), files.end());
  std::set<FilePair> cancelled;
  for (const FilePair& pair : named)
    if (cancel(transaction, pair)) cancelled.insert(pair);
  if (cancelled.empty()) return nothing_to_cancel(transaction, named);
  const nlohmann::json details = {{"from_version", which.pair.from_version},
                                  {"to_version", which.pair.to_version},
                                  {"variant", which.pair.variant}};
  append_audit(transaction, actor, "patch.cancel", "model/" + which.model, details.dump());
  return matrix_rows_of(transaction, which.model, cancelled);
}

bool CancelPatches::cancel(pqxx::work& transaction, const FilePair& pair) const {
  static const std::string sql = R"sql(
    update patches p
    set state = 'cancelled', reason = 'cancelled by ' || $3, claim = null, retry_at = null, asked_until = null,
      finished_at = now()
    where from_digest = $1 and to_digest = $2
      and (state in ('pending', 'making') or (state = 'failed' and retry_at is not null))
    returning
  )sql" + std::string(patch_columns);
  const pqxx::result rows = transaction.exec_params(sql, pair.from_digest, pair.to_digest, actor);
  for (const pqxx::row& row : rows) append_patch_event(transaction, patch_of(row));
  return !rows.empty();
}

Error CancelPatches::nothing_to_cancel(pqxx::work& transaction, const std::set<FilePair>& named) const {
  const std::string patch = "the patch from " + in_words(which.pair);
  const auto rows = matrix_rows_of(transaction, which.model, named);
  if (rows.empty()) return make_error(Errc::not_found, patch + " was never asked for");
  return make_error(Errc::conflict, patch + " is " + std::string(to_string(rows.front().patch.state)) +
                                        "; only one that is pending, being made or to be tried again is cancelled");
}

PatchRow patch_of(const pqxx::row& row) {
  PatchRow patch;
  patch.from_digest = row["from_digest"].as<std::string>();
  patch.to_digest = row["to_digest"].as<std::string>();
  patch.state = enum_of(row["state"], parse_patch_state);
  patch.codec = row["codec"].as<std::string>();
  patch.digest = row["digest"].as<std::string>();
  patch.size = optional_of<std::uint64_t>(row["size"]);
  patch.encode_ms = optional_of<std::int64_t>(row["encode_ms"]);
  patch.reason = row["reason"].as<std::string>();
  patch.demand = row["demand"].as<int>();
  patch.attempts = row["attempts"].as<int>();
  patch.will_retry = row["will_retry"].as<bool>();
  patch.trials = trials_from_json(row["trials"].as<std::string>());
  patch.asked_by = row["asked_by"].as<std::string>();
  return patch;
}

void append_patch_event(pqxx::work& transaction, const PatchRow& row) {
  const pqxx::result names = transaction.exec_params(
      R"sql(
        select rt.model, rf.version as from_version, rt.version as to_version, vt.size, vt.part
        from variant_files vt
        join releases rt on rt.id = vt.release_id
        join releases rf on rf.model = rt.model
        join variant_files vf on vf.release_id = rf.id
        where vf.digest = $1 and vt.digest = $2
        order by rt.id desc, rf.id desc
        limit 1
      )sql",
      row.from_digest, row.to_digest);
  NewEvent event;
  event.kind = "patch." + std::string(to_string(row.state));
  event.severity = row.state == PatchState::failed ? "warning" : "info";
  nlohmann::json details = {{"from_digest", row.from_digest}, {"to_digest", row.to_digest}, {"codec", row.codec}};
  std::string what = "patch to " + row.to_digest.substr(0, 12);
  if (!names.empty()) {
    event.model = names[0]["model"].as<std::string>();
    what = "patch for " + *event.model + " " + names[0]["from_version"].as<std::string>() + " to " +
           names[0]["to_version"].as<std::string>();
    if (const auto part = names[0]["part"].as<std::string>(); !part.empty()) what += " (" + part + ")";
    details["full_size"] = names[0]["size"].as<std::int64_t>();
  }
  if (row.size) details["size"] = *row.size;
  event.message = what + ": " + (row.state == PatchState::ready ? std::to_string(*row.size) + " bytes" : row.reason);
  event.details_json = details.dump();
  append_event(transaction, event);
}

}  // namespace argosy::server
