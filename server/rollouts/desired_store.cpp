#include "server/rollouts/desired_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"
#include "server/models/patch_choice.hpp"
#include "server/models/release.hpp"
#include "server/rollouts/policy.hpp"
#include "server/rollouts/ready_patches_store.hpp"
#include "server/rollouts/release_rows_store.hpp"
#include "server/rollouts/variant_plan.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct ReleaseContent {
  std::string version;
  std::vector<Variant> variants;
  wire::ValidationSpec validation;
  std::vector<wire::FeatureReference> features;
  std::optional<wire::ReleaseSignature> signature;
};

// Builds documents inside one transaction; a release that many devices want is read once.
class Builder {
 public:
  explicit Builder(pqxx::work& transaction) : transaction_(transaction), patches_(transaction) {}

  // Of a row of `device_columns`, read before the targets are: a change in between is published again under its own
  // rev.
  Result<wire::Desired> build(const pqxx::row& device) {
    wire::Desired desired;
    desired.device = device[0].as<std::string>();
    desired.rev = device[3].as<std::int64_t>();
    const auto hardware_class = device[1].as<std::string>();
    const auto capabilities = capabilities_of(device[2].as<std::string>());
    PatchTaker taker;
    taker.architecture = capabilities.architecture;
    if (!device[4].is_null()) taker.download_bytes_per_s = device[4].as<std::uint64_t>();
    const auto targets = transaction_.exec_params(
        "select t.model, t.release_id, coalesce(t.rollout_id, 0), t.attempt, coalesce(m.digest, ''), "
        "coalesce(m.previous_digest, '') from device_targets t left join device_models m "
        "on m.device_id = t.device_id and m.model = t.model where t.device_id = $1 order by t.model",
        desired.device);
    for (const auto& target : targets) {
      ARGOSY_TRY(const auto* release, release_of(target[1].as<std::int64_t>()));
      const auto choice = choose_variant(release->variants, capabilities, hardware_class);
      const auto* index = std::get_if<std::size_t>(&choice);
      if (index == nullptr) continue;  // it no longer suits: its capabilities have changed
      const auto& variant = release->variants[*index];
      wire::DesiredModel model;
      model.model = target[0].as<std::string>();
      model.version = release->version;
      model.rollout = target[2].as<std::int64_t>();
      model.attempt = target[3].as<int>();
      model.format = variant.format;
      model.artifact = {variant.digest, variant.size};
      taker.bases = {target[4].as<std::string>(), target[5].as<std::string>()};
      model.patches = choose_patches(patches_.towards(variant.digest), model.artifact, taker);
      model.validation = release->validation;
      ARGOSY_TRY(model.probation, probation_of(model.rollout));
      model.features = release->features;
      model.signature = release->signature;
      desired.models.push_back(std::move(model));
    }
    return desired;
  }

 private:
  Result<const ReleaseContent*> release_of(std::int64_t id) {
    const auto found = releases_.find(id);
    if (found != releases_.end()) return &found->second;
    const auto row = transaction_.exec_params1(
        "select version, validation::text, reference::text, signature_statement, signature_bundle, "
        "signature_key_sets::text from releases "
        "where id = $1",
        id);
    ReleaseContent content;
    content.version = row[0].as<std::string>();
    ARGOSY_TRY(auto validation, validation_from_json(row[1].as<std::string>()));
    content.validation = validation.value_or(wire::ValidationSpec{});
    ARGOSY_TRY(content.features, reference_from_json(row[2].as<std::string>()));
    ARGOSY_TRY(content.variants, load_variants(transaction_, id));
    if (!row[3].is_null()) {
      ARGOSY_TRY(auto key_sets, key_sets_from_json(row[5].as<std::string>()));
      content.signature =
          wire::ReleaseSignature{row[3].as<std::string>(), row[4].as<std::string>(), std::move(key_sets)};
    }
    return &releases_.emplace(id, std::move(content)).first->second;
  }

  Result<wire::ProbationSpec> probation_of(std::int64_t rollout) {
    const auto found = probations_.find(rollout);
    if (found != probations_.end()) return found->second;
    auto probation = Policy{}.probation;
    const auto rows = transaction_.exec_params("select policy::text from rollouts where id = $1", rollout);
    if (!rows.empty()) {
      ARGOSY_TRY(const auto policy, decode_policy(json_or_null(rows[0][0].as<std::string>())));
      probation = policy.probation;
    }
    probations_.emplace(rollout, probation);
    return probation;
  }

  pqxx::work& transaction_;
  std::map<std::int64_t, ReleaseContent> releases_;
  std::map<std::int64_t, wire::ProbationSpec> probations_;
  ReadyPatches patches_;
};

constexpr const char* device_columns =
    "select id, hardware_class, capabilities::text, desired_rev, (select s.download_bytes_per_s from device_state s "
    "where s.device_id = devices.id) from devices ";

struct GetDesired {
  std::string device;

  Result<wire::Desired> operator()(pqxx::work& transaction) const {
    const auto rows =
        transaction.exec_params(std::string(device_columns) + "where id = $1 and revoked_at is null", device);
    if (rows.empty()) return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
    return Builder(transaction).build(rows[0]);
  }
};

struct Due {
  std::size_t limit;

  Result<std::vector<wire::Desired>> operator()(pqxx::work& transaction) const {
    const auto rows = transaction.exec_params(
        std::string(device_columns) + "where desired_rev > published_rev and revoked_at is null order by id limit $1",
        static_cast<std::int64_t>(limit));
    Builder builder(transaction);
    std::vector<wire::Desired> documents;
    for (const auto& row : rows) {
      ARGOSY_TRY(auto desired, builder.build(row));
      documents.push_back(std::move(desired));
    }
    return documents;
  }
};

struct MarkPublished {
  std::vector<PublishedRev> published;

  void operator()(pqxx::work& transaction) const {
    Json rows = Json::array();
    for (const auto& one : published) rows.push_back({{"device", one.device}, {"rev", one.rev}});
    transaction.exec_params0(
        "update devices d set published_rev = greatest(d.published_rev, i.rev) from (select o.id, r.rev from devices o "
        "join jsonb_to_recordset($1::jsonb) as r(device text, rev bigint) on r.device = o.id order by o.id "
        "for update of o) as i where d.id = i.id",
        rows.dump());
  }
};

struct NewPatch {
  std::string from;
  std::string to;
  std::string digest;
  std::string offered_to;  // the last device that was looked at
};

constexpr std::int64_t max_new_patches = 100;

// Who was told and has not begun, has the patch's old file or can have it by one more patch, and wants its new file or
// one that one more patch makes of it.
constexpr const char* may_use_new_patch =
    "where revoked_at is null and id > $3 and id in (select q.device_id from rollout_devices q "
    "join device_targets t on t.device_id = q.device_id and t.rollout_id = q.rollout_id "
    "join device_models m on m.device_id = q.device_id and m.model = t.model where q.state = 'notified' "
    "and (m.digest = $1 or m.previous_digest = $1 or exists (select from patches f where f.to_digest = $1 "
    "and f.state = 'ready' and f.from_digest in (m.digest, m.previous_digest))) "
    "and exists (select from variants v where v.release_id = t.release_id and (v.digest = $2 or exists "
    "(select from patches l where l.from_digest = $2 and l.to_digest = v.digest and l.state = 'ready')))) "
    "order by id limit $4";

class OfferNewPatches {
 public:
  explicit OfferNewPatches(std::size_t limit) : limit_(limit) {}

  Result<std::size_t> operator()(pqxx::work& transaction) const {
    Builder builder(transaction);
    std::set<std::string> told_again;
    std::size_t left = limit_;
    for (const NewPatch& patch : lock_new(transaction)) {
      if (left == 0) break;
      ARGOSY_TRY(const auto looked_at, offer(transaction, builder, patch, left, told_again));
      left -= looked_at;
    }
    touch_desired(transaction, {told_again.begin(), told_again.end()});
    return told_again.size();
  }

 private:
  static std::vector<NewPatch> lock_new(pqxx::work& transaction) {
    std::vector<NewPatch> patches;
    const auto rows = transaction.exec_params(
        "select from_digest, to_digest, digest, offered_to from patches where offered_to is not null "
        "and state = 'ready' order by finished_at, from_digest, to_digest limit $1 for update skip locked",
        max_new_patches);
    for (const auto& row : rows) {
      patches.push_back(
          {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>()});
    }
    return patches;
  }

  // Adds those to whom it is of use to `told_again`; answers how many it looked at.
  static Result<std::size_t> offer(pqxx::work& transaction, Builder& builder, const NewPatch& patch, std::size_t limit,
                                   std::set<std::string>& told_again) {
    const auto devices = transaction.exec_params(std::string(device_columns) + may_use_new_patch, patch.from, patch.to,
                                                 patch.offered_to, static_cast<std::int64_t>(limit));
    std::string last;
    for (const auto& device : devices) {
      ARGOSY_TRY(const auto desired, builder.build(device));
      const bool is_of_use = std::any_of(desired.models.begin(), desired.models.end(),
                                         [&](const auto& model) { return leads_over(model.patches, patch.digest); });
      last = desired.device;
      if (is_of_use) told_again.insert(last);
    }
    const bool all_done = devices.size() < limit;
    transaction.exec_params0("update patches set offered_to = $3 where from_digest = $1 and to_digest = $2", patch.from,
                             patch.to, all_done ? std::optional<std::string>() : std::optional(last));
    return devices.size();
  }

  std::size_t limit_;
};

struct MarkAllDue {
  std::size_t operator()(pqxx::work& transaction) const {
    return transaction
        .exec(
            "update devices set published_rev = 0 where id in (select id from devices where published_rev > 0 "
            "and revoked_at is null order by id for update)")
        .affected_rows();
  }
};

}  // namespace

Task<Result<wire::Desired>> DesiredStore::get(std::string device) {
  auto work = db_.transact(GetDesired{std::move(device)});
  co_return co_await std::move(work);
}

Task<Result<std::vector<wire::Desired>>> DesiredStore::due(std::size_t limit) {
  auto work = db_.transact(Due{limit});
  co_return co_await std::move(work);
}

Task<Result<void>> DesiredStore::mark_published(std::vector<PublishedRev> published) {
  auto work = db_.transact(MarkPublished{std::move(published)});
  co_return co_await std::move(work);
}

Task<Result<std::size_t>> DesiredStore::offer_new_patches(std::size_t limit) {
  auto work = db_.transact(OfferNewPatches{limit});
  co_return co_await std::move(work);
}

Task<Result<std::size_t>> DesiredStore::mark_all_due() {
  auto work = db_.transact(MarkAllDue{});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
