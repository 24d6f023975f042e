#include "server/models/model_store.hpp"

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"
#include "server/models/model_rows.hpp"

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

const std::string& select_model() {
  static const std::string sql =
      "select m.name, m.description, " + unix_ms("m.created_at") +
      ", (select count(*) from releases r where r.model = m.name), coalesce((select r.version from releases r "
      "where r.model = m.name order by r.id desc limit 1), '') from models m ";
  return sql;
}

constexpr int most_files = 500;  // of a model, those that most devices run; devices tell whatever digest they like

std::vector<WhereItRuns> where_it_runs(pqxx::work& transaction, const std::string& model) {
  std::vector<WhereItRuns> running;
  const pqxx::result rows = transaction.exec_params(
      "select split_part(value, ' ', 1), split_part(value, ' ', 2), devices from fleet_totals "
      "where kind = 'file' and name = $1 and value not like ' %' order by 3 desc, 1, 2 limit $2",
      model, most_files);
  for (const pqxx::row& row : rows)
    running.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::int64_t>()});
  return running;
}

Model model_of(pqxx::work& transaction, const pqxx::row& row) {
  Model model;
  model.name = row[0].as<std::string>();
  model.description = row[1].as<std::string>();
  model.created_at = time_of(row[2]);
  model.releases = row[3].as<std::int64_t>();
  model.latest_version = row[4].as<std::string>();
  model.running = where_it_runs(transaction, model.name);
  return model;
}

const std::string& select_release() {
  static const std::string sql =
      "select r.id, r.model, r.version, r.notes, r.validation::text, r.reference::text, " + unix_ms("r.published_at") +
      ", r.created_by, " + unix_ms("r.created_at") +
      ", r.signature_statement, r.signature_bundle, r.signature_key_sets::text from releases r ";
  return sql;
}

// PostgreSQL writes jsonb with spaces and in an order of its own; a draft's is as nlohmann writes it.
std::string plain_json(const pqxx::field& json) {
  const auto text = json.as<std::string>();
  return text.empty() ? text : write_json(parse_json(text).value());
}

Result<std::vector<Variant>> variants_of(pqxx::work& transaction, std::int64_t release) {
  std::vector<Variant> variants;
  const pqxx::result rows = transaction.exec_params(
      "select name, digest, size, format, selector::text, priority, coalesce(compact::text, '') from variants "
      "where release_id = $1 order by id",
      release);
  for (const pqxx::row& row : rows) {
    ARGOSY_TRY(Selector selector, selector_from_json(row[4].as<std::string>()));
    variants.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::uint64_t>(),
                        row[3].as<std::string>(), std::move(selector), row[5].as<int>(), plain_json(row[6])});
  }
  return variants;
}

Result<Release> release_of(pqxx::work& transaction, const pqxx::row& row) {
  Release release;
  release.id = row[0].as<std::int64_t>();
  release.model = row[1].as<std::string>();
  release.content.version = row[2].as<std::string>();
  release.content.notes = row[3].as<std::string>();
  ARGOSY_TRY(release.content.validation, validation_from_json(row[4].as<std::string>()));
  ARGOSY_TRY(release.content.features, reference_from_json(row[5].as<std::string>()));
  ARGOSY_TRY(release.content.variants, variants_of(transaction, release.id));
  release.published_at = time_of(row[6]);
  release.created_by = row[7].as<std::string>();
  release.created_at = time_of(row[8]);
  if (row[9].is_null()) return release;
  wire::ReleaseSignature& signature = release.content.signature.emplace();
  signature.statement = row[9].as<std::string>();
  signature.bundle = row[10].as<std::string>();
  ARGOSY_TRY(signature.key_sets, key_sets_from_json(row[11].as<std::string>()));
  return release;
}

void keep_those_of(std::vector<WhereItRuns>& running, const std::string& version) {
  std::erase_if(running, [&](const WhereItRuns& where) { return where.version != version; });
}

struct ListModels {
  std::string after;
  std::size_t limit;

  ModelPage operator()(pqxx::work& transaction) const {
    ModelPage page;
    page.total = transaction.exec1("select count(*) from models")[0].as<std::int64_t>();
    const pqxx::result rows =
        transaction.exec_params(select_model() + "where m.name > $1 order by m.name limit $2", after, limit + 1);
    for (const pqxx::row& row : rows) {
      if (page.items.size() == limit) {
        page.more = true;
        break;
      }
      page.items.push_back(model_of(transaction, row));
    }
    return page;
  }
};

struct GetModel {
  std::string name;

  Result<Model> operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec_params(select_model() + "where m.name = $1", name);
    if (rows.empty()) return no_such_model(name);
    return model_of(transaction, rows[0]);
  }
};

struct CreateModel {
  std::string name;
  std::optional<std::string> description;
  std::string actor;

  Result<bool> operator()(pqxx::work& transaction) const {
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
};

struct PublishRelease {
  std::string model;
  ReleaseDraft draft;
  std::string actor;
  Instant now;

  Result<Published> operator()(pqxx::work& transaction) const {
    // Locked, so that of two that publish the same version at once the second sees the first.
    if (transaction.exec_params("select 1 from models where name = $1 for update", model).empty())
      return no_such_model(model);
    const pqxx::result existing = find(transaction);
    if (!existing.empty()) {
      ARGOSY_TRY(Release release, release_of(transaction, existing[0]));
      if (release.content == draft) return Published{std::move(release), false};
      return make_error(Errc::conflict, "release " + draft.version + " of '" + model +
                                            "' was published before with other content, and a release never changes; "
                                            "choose another version");
    }
    ARGOSY_CHECK(hold_files(transaction));
    insert(transaction);
    ARGOSY_TRY(Release release, release_of(transaction, find(transaction)[0]));
    return Published{std::move(release), true};
  }

 private:
  pqxx::result find(pqxx::work& transaction) const {
    return transaction.exec_params(select_release() + "where r.model = $1 and r.version = $2", model, draft.version);
  }

  // They were there a moment ago, and stay from now: what nothing refers to may be cleared away.
  Result<void> hold_files(pqxx::work& transaction) const {
    const std::vector<std::string> digests = referenced_blobs(draft);
    const auto held = transaction.exec_params(
        "select from blobs where digest in (select jsonb_array_elements_text($1::jsonb)) order by digest for key share",
        nlohmann::json(digests).dump());
    if (static_cast<std::size_t>(held.size()) == digests.size()) return {};
    return make_error(Errc::conflict, "a file of this release was cleared away meanwhile; upload its files again");
  }

  void insert(pqxx::work& transaction) const {
    std::optional<std::string> statement;
    std::optional<std::string> bundle;
    std::string key_sets = "[]";
    if (draft.signature) {
      statement = draft.signature->statement;
      bundle = draft.signature->bundle;
      key_sets = key_sets_to_json(draft.signature->key_sets);
    }
    const auto id = transaction
                        .exec_params1(
                            "insert into releases (model, version, notes, validation, reference, published_at, "
                            "created_by, created_at, signature_statement, signature_bundle, signature_key_sets) values "
                            "($1, $2, $3, $4::jsonb, "
                            "$5::jsonb, $6::timestamptz, $7, $6::timestamptz, $8, $9, $10::jsonb) returning id",
                            model, draft.version, draft.notes, validation_to_json(draft.validation),
                            reference_to_json(draft.features), to_rfc3339(now), actor, statement, bundle, key_sets)[0]
                        .as<std::int64_t>();
    for (const Variant& variant : draft.variants)
      transaction.exec_params0(
          "insert into variants (release_id, name, digest, size, format, selector, priority, compact) "
          "values ($1, $2, $3, $4, $5, $6::jsonb, $7, nullif($8, '')::jsonb)",
          id, variant.name, variant.digest, static_cast<std::int64_t>(variant.size), variant.format,
          wire::encode(variant.selector), variant.priority, variant.compact_json);
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
};

// A release never changes, but who stands for it may: a new key, a later expiry, the leave to go back to it.
struct ReplaceSignature {
  std::string model;
  std::string version;
  wire::ReleaseSignature signature;
  std::string actor;

  Result<Release> operator()(pqxx::work& transaction) const {
    const pqxx::result rows =
        transaction.exec_params(select_release() + "where r.model = $1 and r.version = $2 for update", model, version);
    if (rows.empty()) return no_such_release(model, version);
    ARGOSY_TRY(Release release, release_of(transaction, rows[0]));
    release.content.signature = signature;
    ARGOSY_CHECK(check_signature(release.content, model));
    transaction.exec_params0(
        "update releases set signature_statement = $2, signature_bundle = $3, signature_key_sets = $4::jsonb where id "
        "= $1",
        release.id, signature.statement, signature.bundle, key_sets_to_json(signature.key_sets));
    append_audit(transaction, actor, "release.sign", "release/" + model + "/" + version);
    touch_desired(transaction, told_of(transaction, release.id));
    return release;
  }

 private:
  static std::vector<std::string> told_of(pqxx::work& transaction, std::int64_t release) {
    std::vector<std::string> devices;
    const pqxx::result rows = transaction.exec_params(
        "select device_id from device_targets where release_id = $1 order by device_id", release);
    for (const pqxx::row& row : rows) devices.push_back(row[0].as<std::string>());
    return devices;
  }
};

struct ListReleases {
  std::string model;
  std::int64_t before;
  std::size_t limit;

  Result<ReleasePage> operator()(pqxx::work& transaction) const {
    if (!model_exists(transaction, model)) return no_such_model(model);
    ReleasePage page;
    page.total =
        transaction.exec_params1("select count(*) from releases where model = $1", model)[0].as<std::int64_t>();
    const std::vector<WhereItRuns> running = where_it_runs(transaction, model);
    const pqxx::result rows = transaction.exec_params(
        select_release() + "where r.model = $1 and r.id < $2 order by r.id desc limit $3", model, before, limit + 1);
    for (const pqxx::row& row : rows) {
      if (page.items.size() == limit) {
        page.more = true;
        break;
      }
      ARGOSY_TRY(Release release, release_of(transaction, row));
      release.running = running;
      keep_those_of(release.running, release.content.version);
      page.items.push_back(std::move(release));
    }
    return page;
  }
};

struct GetRelease {
  std::string model;
  std::string version;

  Result<Release> operator()(pqxx::work& transaction) const {
    const pqxx::result rows =
        transaction.exec_params(select_release() + "where r.model = $1 and r.version = $2", model, version);
    if (rows.empty()) return no_such_release(model, version);
    ARGOSY_TRY(Release release, release_of(transaction, rows[0]));
    release.running = where_it_runs(transaction, model);
    keep_those_of(release.running, version);
    return release;
  }
};

}  // namespace

Task<Result<ModelPage>> ModelStore::list_models(std::string after, std::size_t limit) {
  co_return co_await db_.transact<ListModels>(std::move(after), limit);
}

Task<Result<Model>> ModelStore::get_model(std::string name) {
  co_return co_await db_.transact<GetModel>(std::move(name));
}

Task<Result<bool>> ModelStore::create_model(std::string name, std::optional<std::string> description,
                                            std::string actor) {
  co_return co_await db_.transact<CreateModel>(std::move(name), std::move(description), std::move(actor));
}

Task<Result<Published>> ModelStore::publish(std::string model, ReleaseDraft draft, std::string actor, Instant now) {
  co_return co_await db_.transact<PublishRelease>(std::move(model), std::move(draft), std::move(actor), now);
}

Task<Result<Release>> ModelStore::replace_signature(std::string model, std::string version,
                                                    wire::ReleaseSignature signature, std::string actor) {
  co_return co_await db_.transact<ReplaceSignature>(std::move(model), std::move(version), std::move(signature),
                                                    std::move(actor));
}

Task<Result<ReleasePage>> ModelStore::list_releases(std::string model, std::int64_t before, std::size_t limit) {
  co_return co_await db_.transact<ListReleases>(std::move(model), before, limit);
}

Task<Result<Release>> ModelStore::get_release(std::string model, std::string version) {
  co_return co_await db_.transact<GetRelease>(std::move(model), std::move(version));
}

}  // namespace argosy::server
