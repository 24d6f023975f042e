#include "server/rollouts/desired_store.hpp"

#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/db/db_pool.hpp"
#include "server/models/patch_choice.hpp"
#include "server/models/release.hpp"
#include "server/rollouts/policy.hpp"
#include "server/rollouts/release_rows_store.hpp"
#include "server/rollouts/variant_plan.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

constexpr int max_patches_weighed = 500;

struct ReleaseContent {
  std::string version;
  std::vector<Variant> variants;
  wire::ValidationSpec validation;
  std::vector<wire::FeatureReference> features;
};

// Builds documents inside one transaction; a release that many devices want is read once.
class Builder {
 public:
  explicit Builder(pqxx::work& transaction) : transaction_(transaction) {}

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
      model.patches = choose_patches(patches_towards(variant.digest), model.artifact, taker);
      model.validation = release->validation;
      ARGOSY_TRY(model.probation, probation_of(model.rollout));
      model.features = release->features;
      desired.models.push_back(std::move(model));
    }
    return desired;
  }

 private:
  Result<const ReleaseContent*> release_of(std::int64_t id) {
    const auto found = releases_.find(id);
    if (found != releases_.end()) return &found->second;
    const auto row =
        transaction_.exec_params1("select version, validation::text, reference::text from releases where id = $1", id);
    ReleaseContent content;
    content.version = row[0].as<std::string>();
    ARGOSY_TRY(auto validation, validation_from_json(row[1].as<std::string>()));
    content.validation = validation.value_or(wire::ValidationSpec{});
    ARGOSY_TRY(content.features, reference_from_json(row[2].as<std::string>()));
    ARGOSY_TRY(content.variants, load_variants(transaction_, id));
    return &releases_.emplace(id, std::move(content)).first->second;
  }

  Result<wire::ProbationSpec> probation_of(std::int64_t rollout) {
    const auto found = probations_.find(rollout);
    if (found != probations_.end()) return found->second;
    auto probation = Policy{}.probation;
    const auto rows = transaction_.exec_params("select policy::text from rollouts where id = $1", rollout);
    if (!rows.empty()) {
      ARGOSY_TRY(const auto policy, decode_policy(Json::parse(rows[0][0].as<std::string>())));
      probation = policy.probation;
    }
    probations_.emplace(rollout, probation);
    return probation;
  }

  // That make this file, or the base of one that does.
  const std::vector<ReadyPatch>& patches_towards(const std::string& target) {
    const auto found = patches_.find(target);
    if (found != patches_.end()) return found->second;
    const auto rows = transaction_.exec_params(
        "select p.from_digest, p.codec, p.digest, p.size, p.to_digest, t.size from patches p "
        "join blobs t on t.digest = p.to_digest where p.state = 'ready' and (p.to_digest = $1 or p.to_digest in "
        "(select l.from_digest from patches l where l.to_digest = $1 and l.state = 'ready')) "
        "order by p.to_digest = $1 desc, p.size, p.from_digest limit $2",
        target, max_patches_weighed);
    std::vector<ReadyPatch> patches;
    for (const auto& row : rows) {
      patches.push_back({row[0].as<std::string>(),
                         row[1].as<std::string>(),
                         {row[2].as<std::string>(), row[3].as<std::uint64_t>()},
                         {row[4].as<std::string>(), row[5].as<std::uint64_t>()}});
    }
    return patches_.emplace(target, std::move(patches)).first->second;
  }

  pqxx::work& transaction_;
  std::map<std::int64_t, ReleaseContent> releases_;
  std::map<std::int64_t, wire::ProbationSpec> probations_;
  std::map<std::string, std::vector<ReadyPatch>> patches_;
};

constexpr const char* device_columns =
    "select id, hardware_class, capabilities::text, desired_rev, (select s.download_bytes_per_s from device_state s "
    "where s.device_id = devices.id) from devices ";

struct GetDesired {
  std::string device;

  Result<wire::Desired> operator()(pqxx::work& transaction) const {
    const auto rows =
        transaction.exec_params(std::string(device_columns) + "where id = $1 and revoked_at is null", device);
    if (rows.empty()) return make_error(Errc::not_found, "there is no device '" + device + "'");
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

Task<Result<std::size_t>> DesiredStore::mark_all_due() {
  auto work = db_.transact(MarkAllDue{});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
