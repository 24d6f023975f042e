#include "server/models/model_store.hpp"

#include <map>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/input_contract.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/models/blob_store.hpp"

namespace argosy::server {

namespace {

Error no_such_model(const std::string& name) {
  return make_error(Errc::not_found, "there is no model '" + shortened(name) + "'; make it with POST /api/v1/models");
}

Error no_such_release(const std::string& model, const std::string& version) {
  return make_error(Errc::not_found,
                    "there is no release " + shortened(version) + " of a model '" + shortened(model) + "'");
}

bool model_exists(pqxx::work& transaction, const std::string& name) {
  return !transaction.exec_params("select 1 from models where name = $1", name).empty();
}

const std::string select_model = R"sql(
  select m.name, m.description, m.created_at, (select count(*) from releases r where r.model = m.name) as releases,
    coalesce((
      select r.version from releases r where r.model = m.name order by r.id desc limit 1
    ), '') as latest_version
  from models m
)sql";

constexpr int most_files = 500;  // of a model, those that most devices run; devices tell whatever digest they like

using RunningByModel = std::map<std::string, std::vector<WhereItRuns>>;

RunningByModel where_they_run(pqxx::work& transaction, const std::vector<std::string>& models) {
  RunningByModel running;
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select f.name, split_part(f.value, ' ', 1) as version, split_part(f.value, ' ', 2) as digest, f.devices
        from unnest($1::text[]) as m(name)
        cross join lateral (
          select name, value, devices
          from fleet_totals
          where kind = 'file' and name = m.name and value not like ' %'
          order by devices desc, split_part(value, ' ', 1), split_part(value, ' ', 2)
          limit $2
        ) f
        order by 1, 4 desc, 2, 3
      )sql",
      pg_array(models), most_files);
  for (const pqxx::row& row : rows)
    running[row["name"].as<std::string>()].push_back(
        {row["version"].as<std::string>(), row["digest"].as<std::string>(), row["devices"].as<std::int64_t>()});
  return running;
}

std::vector<WhereItRuns> where_it_runs(pqxx::work& transaction, const std::string& model) {
  return where_they_run(transaction, {model})[model];
}

Model model_of(const pqxx::row& row) {
  Model model;
  model.name = row["name"].as<std::string>();
  model.description = row["description"].as<std::string>();
  model.created_at = row["created_at"].as<Instant>();
  model.releases = row["releases"].as<std::int64_t>();
  model.latest_version = row["latest_version"].as<std::string>();
  return model;
}

const std::string select_release = R"sql(
  select r.id, r.model, r.version, r.notes, r.validation, r.reference, r.contract, r.published_at, r.created_by, r.created_at,
    r.signature_statement, r.signature_bundle, r.signature_key_sets, w.at as withdrawn_at, w.actor as withdrawn_by,
    w.reason as withdrawn_because
  from releases r
  left join release_withdrawals w on w.release_id = r.id
)sql";

// PostgreSQL writes jsonb with spaces and in an order of its own; a draft's is as nlohmann writes it.
std::string plain_json(const pqxx::field& json) {
  const auto text = json.as<std::string>();
  return text.empty() ? text : write_json(parse_json(text).value());
}

// Nobody reads a file that was published before it was looked at for this.
std::vector<Variant> as_it_was_read(std::vector<Variant> variants, const std::vector<Variant>& stored) {
  for (std::size_t i = 0; i < std::min(variants.size(), stored.size()); ++i) variants[i].onnx = stored[i].onnx;
  return variants;
}

using VariantsByRelease = std::map<std::int64_t, std::vector<Variant>>;

Result<VariantsByRelease> variants_of(pqxx::work& transaction, const std::vector<std::int64_t>& releases) {
  VariantsByRelease variants;
  static const std::string sql = R"sql(
    select v.release_id, v.name, v.digest, v.size, v.format, v.selector, v.priority,
      coalesce(v.compact::text, '') as compact, v.onnx_opset, v.onnx_ir,
  )sql" + std::string(select_parts) +
                                 R"sql(
    from variants v
    where v.release_id = any($1::bigint[])
    order by v.id
  )sql";
  const pqxx::result rows = transaction.exec_params(sql, pg_array(releases));
  for (const pqxx::row& row : rows) {
    ARGOSY_TRY(Selector selector, selector_from_json(row["selector"].as<std::string>()));
    ARGOSY_TRY(std::vector<wire::Part> parts, parts_from_json(row["parts"].as<std::string>()));
    variants[row["release_id"].as<std::int64_t>()].push_back(
        {row["name"].as<std::string>(), row["digest"].as<std::string>(), row["size"].as<std::uint64_t>(),
         row["format"].as<std::string>(), std::move(selector), row["priority"].as<int>(), plain_json(row["compact"]),
         onnx_of(optional_of<std::uint32_t>(row["onnx_opset"]), optional_of<std::uint32_t>(row["onnx_ir"])),
         std::move(parts)});
  }
  return variants;
}

// But for its variants.
Result<Release> bare_release_of(const pqxx::row& row) {
  Release release;
  release.id = row["id"].as<std::int64_t>();
  release.model = row["model"].as<std::string>();
  release.content.version = row["version"].as<std::string>();
  release.content.notes = row["notes"].as<std::string>();
  ARGOSY_TRY(release.content.validation, validation_from_json(row["validation"].as<std::string>()));
  ARGOSY_TRY(release.content.features, reference_from_json(row["reference"].as<std::string>()));
  ARGOSY_TRY(release.content.contract, wire::contract_from_json(row["contract"].as<std::string>()));
  release.published_at = optional_of<Instant>(row["published_at"]).value_or(Instant{});
  release.created_by = row["created_by"].as<std::string>();
  release.created_at = row["created_at"].as<Instant>();
  if (const auto at = optional_of<Instant>(row["withdrawn_at"]))
    release.withdrawn = {*at, row["withdrawn_by"].as<std::string>(), row["withdrawn_because"].as<std::string>()};
  if (row["signature_statement"].is_null()) return release;
  wire::ReleaseSignature& signature = release.content.signature.emplace();
  signature.statement = row["signature_statement"].as<std::string>();
  signature.bundle = row["signature_bundle"].as<std::string>();
  ARGOSY_TRY(signature.key_sets, key_sets_from_json(row["signature_key_sets"].as<std::string>()));
  return release;
}

Result<std::vector<Release>> releases_of(pqxx::work& transaction, const pqxx::result& rows) {
  std::vector<std::int64_t> ids;
  for (const pqxx::row& row : rows) ids.push_back(row["id"].as<std::int64_t>());
  ARGOSY_TRY(VariantsByRelease variants, variants_of(transaction, ids));
  std::vector<Release> releases;
  for (const pqxx::row& row : rows) {
    ARGOSY_TRY(Release release, bare_release_of(row));
    release.content.variants = std::move(variants[release.id]);
    releases.push_back(std::move(release));
  }
  return releases;
}

// Of the one row.
Result<Release> release_of(pqxx::work& transaction, const pqxx::result& rows) {
  ARGOSY_TRY(std::vector<Release> releases, releases_of(transaction, rows));
  return std::move(releases.front());
}

void keep_those_of(std::vector<WhereItRuns>& running, const std::string& version) {
  std::erase_if(running, [&](const WhereItRuns& where) { return where.version != version; });
}

}  // namespace

ModelPage ListModels::operator()(pqxx::work& transaction) const {
  ModelPage page;
  page.total = transaction.exec1("select count(*) from models")[0].as<std::int64_t>();
  const pqxx::result rows =
      transaction.exec_params(select_model + "where m.name > $1 order by m.name limit $2", after, limit + 1);
  std::vector<std::string> names;
  for (const pqxx::row& row : rows) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(model_of(row));
    names.push_back(page.items.back().name);
  }
  RunningByModel running = where_they_run(transaction, names);
  for (Model& model : page.items) model.running = std::move(running[model.name]);
  return page;
}

Result<Model> GetModel::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(select_model + "where m.name = $1", name);
  if (rows.empty()) return no_such_model(name);
  Model model = model_of(rows[0]);
  model.running = where_it_runs(transaction, name);
  return model;
}

Result<bool> CreateModel::operator()(pqxx::work& transaction) const {
  const pqxx::result made = transaction.exec_params(
      "insert into models (name, description) values ($1, $2) on conflict (name) do nothing returning 1", name,
      description.value_or(""));
  if (!made.empty()) {
    append_audit(transaction, actor, "model.create", "model/" + name);
    return true;
  }
  const auto existing =
      transaction.exec_params1("select description from models where name = $1", name)[0].as<std::string>();
  if (!description || existing == *description) return false;
  return make_error(Errc::conflict, "the model '" + name + "' exists already, with another description");
}

Result<Published> PublishRelease::operator()(pqxx::work& transaction) const {
  // Locked, so that of two that publish the same version at once the second sees the first.
  if (transaction.exec_params("select 1 from models where name = $1 for update", model).empty())
    return no_such_model(model);
  const pqxx::result existing = find(transaction);
  if (!existing.empty()) {
    ARGOSY_TRY(Release release, release_of(transaction, existing));
    ReleaseDraft again = draft;
    again.variants = as_it_was_read(std::move(again.variants), release.content.variants);
    if (release.content == again) return Published{std::move(release), false};
    return make_error(Errc::conflict, "release " + draft.version + " of '" + model +
                                          "' was published before with other content, and a release never changes; "
                                          "choose another version");
  }
  ARGOSY_CHECK(end_draft(transaction));
  ARGOSY_CHECK(hold_files(transaction, referenced_blobs(draft)));
  insert(transaction);
  ARGOSY_TRY(Release release, release_of(transaction, find(transaction)));
  return Published{std::move(release), true};
}

pqxx::result PublishRelease::find(pqxx::work& transaction) const {
  return transaction.exec_params(select_release + "where r.model = $1 and r.version = $2", model, draft.version);
}

void PublishRelease::insert_variant(pqxx::work& transaction, std::int64_t release, const Variant& variant) const {
  const auto made = transaction.exec_params1(
      R"sql(
        insert into variants (release_id, name, digest, size, format, selector, priority, compact, onnx_opset, onnx_ir)
        values ($1, $2, $3, $4, $5, $6::jsonb, $7, nullif($8, '')::jsonb, $9, $10)
        returning id
      )sql",
      release, variant.name, variant.digest, static_cast<std::int64_t>(variant.size), variant.format,
      wire::encode(variant.selector), variant.priority, variant.compact_json,
      variant.onnx ? std::optional(variant.onnx->opset) : std::nullopt,
      variant.onnx ? std::optional(variant.onnx->ir) : std::nullopt);
  const auto id = made[0].as<std::int64_t>();
  for (const wire::Part& part : variant.parts)
    transaction.exec_params0("insert into variant_parts (variant_id, name, digest, size) values ($1, $2, $3, $4)", id,
                             part.name, part.blob.digest, static_cast<std::int64_t>(part.blob.size));
}

// With the version spent, no draft of it can become anything.
Result<void> PublishRelease::end_draft(pqxx::work& transaction) const {
  const pqxx::result gone = transaction.exec_params(
      "delete from release_drafts where model = $1 and version = $2 returning document", model, draft.version);
  if (!drafted || (!gone.empty() && gone[0][0].as<std::string>() == *drafted)) return {};
  return make_error(Errc::conflict, "the draft of " + draft.version + " of '" + model +
                                        "' was changed or discarded meanwhile; look at it again");
}

void PublishRelease::insert(pqxx::work& transaction) const {
  std::optional<std::string> statement;
  std::optional<std::string> bundle;
  std::string key_sets = "[]";
  if (draft.signature) {
    statement = draft.signature->statement;
    bundle = draft.signature->bundle;
    key_sets = key_sets_to_json(draft.signature->key_sets);
  }
  const auto made = transaction.exec_params1(
      R"sql(
        insert into releases (model, version, notes, validation, reference, published_at, created_by, created_at,
          signature_statement, signature_bundle, signature_key_sets, contract)
        values ($1, $2, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7, $6::timestamptz, $8, $9, $10::jsonb, $11::jsonb)
        returning id
      )sql",
      model, draft.version, draft.notes, validation_to_json(draft.validation), reference_to_json(draft.features), now,
      actor, statement, bundle, key_sets, wire::contract_to_json(draft.contract).dump());
  const auto id = made[0].as<std::int64_t>();
  for (const Variant& variant : draft.variants) insert_variant(transaction, id, variant);
  const std::string object = "release/" + model + "/" + draft.version;
  append_audit(transaction, actor, "release.publish", object);
  append_event(transaction, {.kind = "release.published",
                             .severity = "info",
                             .device_id = std::nullopt,
                             .rollout_id = std::nullopt,
                             .model = model,
                             .message = model + " " + draft.version + " was published by " + actor,
                             .details_json = nlohmann::json{{"version", draft.version}}.dump()});
}

Result<Release> ReplaceSignature::operator()(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec_params(select_release + "where r.model = $1 and r.version = $2 for update of r", model, version);
  if (rows.empty()) return no_such_release(model, version);
  ARGOSY_TRY(Release release, release_of(transaction, rows));
  release.content.signature = signature;
  ARGOSY_CHECK(check_signature(release.content, model));
  transaction.exec_params0(
      R"sql(
        update releases
        set signature_statement = $2, signature_bundle = $3, signature_key_sets = $4::jsonb
        where id = $1
      )sql",
      release.id, signature.statement, signature.bundle, key_sets_to_json(signature.key_sets));
  append_audit(transaction, actor, "release.sign", "release/" + model + "/" + version);
  touch_desired(transaction, told_of(transaction, release.id));
  return release;
}

std::vector<std::string> ReplaceSignature::told_of(pqxx::work& transaction, std::int64_t release) {
  std::vector<std::string> devices;
  const pqxx::result rows =
      transaction.exec_params("select device_id from device_targets where release_id = $1 order by device_id", release);
  for (const pqxx::row& row : rows) devices.push_back(row[0].as<std::string>());
  return devices;
}

Result<ReleasePage> ListReleases::operator()(pqxx::work& transaction) const {
  if (!model_exists(transaction, model)) return no_such_model(model);
  ReleasePage page;
  page.total = transaction.exec_params1("select count(*) from releases where model = $1", model)[0].as<std::int64_t>();
  const std::vector<WhereItRuns> running = where_it_runs(transaction, model);
  const pqxx::result rows = transaction.exec_params(
      select_release + "where r.model = $1 and r.id < $2 order by r.id desc limit $3", model, before, limit + 1);
  ARGOSY_TRY(page.items, releases_of(transaction, rows));
  page.more = page.items.size() > limit;
  if (page.more) page.items.pop_back();
  for (Release& release : page.items) {
    release.running = running;
    keep_those_of(release.running, release.content.version);
  }
  return page;
}

Result<Release> GetRelease::operator()(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec_params(select_release + "where r.model = $1 and r.version = $2", model, version);
  if (rows.empty()) return no_such_release(model, version);
  ARGOSY_TRY(Release release, release_of(transaction, rows));
  release.running = where_it_runs(transaction, model);
  keep_those_of(release.running, version);
  return release;
}

}  // namespace argosy::server
