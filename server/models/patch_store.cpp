#include "server/models/patch_store.hpp"

#include <map>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::string_view patch_columns =
    "p.from_digest, p.to_digest, p.state, coalesce(p.codec, ''), coalesce(p.digest, ''), p.size, p.encode_ms, "
    "coalesce(p.reason, '')";

PatchRow patch_of(const pqxx::row& row) {
  PatchRow patch;
  patch.from_digest = row[0].as<std::string>();
  patch.to_digest = row[1].as<std::string>();
  patch.state = parse_patch_state(row[2].as<std::string>()).value();
  patch.codec = row[3].as<std::string>();
  patch.digest = row[4].as<std::string>();
  if (!row[5].is_null()) patch.size = row[5].as<std::uint64_t>();
  if (!row[6].is_null()) patch.encode_ms = row[6].as<std::int64_t>();
  patch.reason = row[7].as<std::string>();
  return patch;
}

PatchRow declined(const PatchPair& pair, std::string reason) {
  PatchRow row;
  row.from_digest = pair.from_digest;
  row.to_digest = pair.to_digest;
  row.state = PatchState::declined;
  row.reason = std::move(reason);
  return row;
}

struct WantPatches {
  std::vector<PatchPair> pairs;
  std::chrono::minutes retry_failed_after;

  std::vector<PatchRow> operator()(pqxx::work& transaction) const {
    Json asked = Json::array();
    for (const PatchPair& pair : pairs)
      asked.push_back({{"from", pair.from_digest}, {"to", pair.to_digest}, {"demand", pair.demand}});
    const std::string asked_json = asked.dump();
    insert(transaction, asked_json);
    const auto known = select(transaction, asked_json);
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

 private:
  using Key = std::pair<std::string, std::string>;

  void insert(pqxx::work& transaction, const std::string& asked) const {
    transaction.exec_params0(
        "insert into patches as p (from_digest, to_digest, state, demand) "
        "select i.\"from\", i.\"to\", 'pending', max(i.demand) "
        "from jsonb_to_recordset($1::jsonb) as i(\"from\" text, \"to\" text, demand int) "
        "join blobs f on f.digest = i.\"from\" join blobs t on t.digest = i.\"to\" "
        "where i.\"from\" <> i.\"to\" group by 1, 2 order by 1, 2 "
        "on conflict (from_digest, to_digest) do update set state = 'pending', "
        "demand = greatest(p.demand, excluded.demand) "
        "where (p.state = 'pending' and p.demand < excluded.demand) or "
        "(p.state = 'failed' and p.claimed_at < now() - make_interval(mins => $2))",
        asked, static_cast<int>(retry_failed_after.count()));
  }

  static std::map<Key, PatchRow> select(pqxx::work& transaction, const std::string& asked) {
    std::map<Key, PatchRow> known;
    const pqxx::result rows = transaction.exec_params(
        "select " + std::string(patch_columns) +
            " from patches p where (p.from_digest, p.to_digest) in (select i.\"from\", i.\"to\" "
            "from jsonb_to_recordset($1::jsonb) as i(\"from\" text, \"to\" text))",
        asked);
    for (const pqxx::row& row : rows) {
      PatchRow patch = patch_of(row);
      known.emplace(Key{patch.from_digest, patch.to_digest}, std::move(patch));
    }
    return known;
  }
};

struct PatchMatrix {
  std::string model;

  Result<std::vector<PatchMatrixRow>> operator()(pqxx::work& transaction) const {
    if (transaction.exec_params("select 1 from models where name = $1", model).empty())
      return make_error(Errc::not_found, "there is no model '" + model + "'");
    const pqxx::result rows = transaction.exec_params(
        "select " + std::string(patch_columns) +
            ", rf.version, rt.version, vt.name, vt.size from patches p "
            "join variants vf on vf.digest = p.from_digest join releases rf on rf.id = vf.release_id "
            "join variants vt on vt.digest = p.to_digest join releases rt on rt.id = vt.release_id "
            "where rf.model = $1 and rt.model = $1 order by rt.id desc, rf.id desc, vt.name limit 1000",
        model);
    std::vector<PatchMatrixRow> matrix;
    for (const pqxx::row& row : rows)
      matrix.push_back({row[8].as<std::string>(), row[9].as<std::string>(), row[10].as<std::string>(), patch_of(row),
                        row[11].as<std::uint64_t>()});
    return matrix;
  }
};

struct ClaimPatch {
  std::chrono::milliseconds lease;

  std::optional<PatchPair> operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec_params(
        "update patches set state = 'making', claimed_at = now() where (from_digest, to_digest) = ("
        "select from_digest, to_digest from patches where state = 'pending' or "
        "(state = 'making' and claimed_at < now() - make_interval(secs => $1)) "
        "order by demand desc, requested_at limit 1 for update skip locked) "
        "returning from_digest, to_digest, demand",
        static_cast<double>(lease.count()) / 1000);
    if (rows.empty()) return std::nullopt;
    return PatchPair{rows[0][0].as<std::string>(), rows[0][1].as<std::string>(), rows[0][2].as<int>()};
  }
};

struct RenewClaim {
  PatchPair pair;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0(
        "update patches set claimed_at = now() where from_digest = $1 and to_digest = $2 and state = 'making'",
        pair.from_digest, pair.to_digest);
  }
};

struct GiveBack {
  PatchPair pair;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0(
        "update patches set state = 'pending' where from_digest = $1 and to_digest = $2 and state = 'making'",
        pair.from_digest, pair.to_digest);
  }
};

struct FinishPatch {
  PatchRow row;

  void operator()(pqxx::work& transaction) const {
    const auto size = row.size ? std::optional(static_cast<std::int64_t>(*row.size)) : std::nullopt;
    const pqxx::result changed = transaction.exec_params(
        "update patches set state = $3, codec = nullif($4, ''), digest = nullif($5, ''), size = $6, encode_ms = $7, "
        "reason = nullif($8, '') where from_digest = $1 and to_digest = $2 and state = 'making' returning 1",
        row.from_digest, row.to_digest, std::string(to_string(row.state)), row.codec, row.digest, size, row.encode_ms,
        row.reason);
    if (!changed.empty()) append_patch_event(transaction);
  }

 private:
  void append_patch_event(pqxx::work& transaction) const {
    const pqxx::result names = transaction.exec_params(
        "select rt.model, rf.version, rt.version, vt.size from variants vt join releases rt on rt.id = vt.release_id "
        "join releases rf on rf.model = rt.model join variants vf on vf.release_id = rf.id "
        "where vf.digest = $1 and vt.digest = $2 order by rt.id desc, rf.id desc limit 1",
        row.from_digest, row.to_digest);
    NewEvent event;
    event.kind = "patch." + std::string(to_string(row.state));
    event.severity = row.state == PatchState::failed ? "warning" : "info";
    Json details = {{"from_digest", row.from_digest}, {"to_digest", row.to_digest}, {"codec", row.codec}};
    std::string what = "patch to " + row.to_digest.substr(0, 12);
    if (!names.empty()) {
      event.model = names[0][0].as<std::string>();
      what = "patch for " + *event.model + " " + names[0][1].as<std::string>() + " to " + names[0][2].as<std::string>();
      details["full_size"] = names[0][3].as<std::int64_t>();
    }
    if (row.size) details["size"] = *row.size;
    event.message = what + ": " + (row.state == PatchState::ready ? std::to_string(*row.size) + " bytes" : row.reason);
    event.details_json = details.dump();
    append_event(transaction, event);
  }
};

}  // namespace

Task<Result<std::vector<PatchRow>>> PatchStore::want(std::vector<PatchPair> pairs,
                                                     std::chrono::minutes retry_failed_after) {
  auto work = db_.transact(WantPatches{std::move(pairs), retry_failed_after});
  co_return co_await std::move(work);
}

Task<Result<std::vector<PatchMatrixRow>>> PatchStore::matrix(std::string model) {
  auto work = db_.transact(PatchMatrix{std::move(model)});
  co_return co_await std::move(work);
}

Task<Result<std::optional<PatchPair>>> PatchStore::claim(std::chrono::milliseconds lease) {
  auto work = db_.transact(ClaimPatch{lease});
  co_return co_await std::move(work);
}

Task<Result<void>> PatchStore::renew(PatchPair pair) {
  auto work = db_.transact(RenewClaim{std::move(pair)});
  co_return co_await std::move(work);
}

Task<Result<void>> PatchStore::give_back(PatchPair pair) {
  auto work = db_.transact(GiveBack{std::move(pair)});
  co_return co_await std::move(work);
}

Task<Result<void>> PatchStore::finish(PatchRow row) {
  auto work = db_.transact(FinishPatch{std::move(row)});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
