#include "server/models/draft_store.hpp"

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/models/blob_store.hpp"

namespace argosy::server {

namespace {

Error no_such_draft(const std::string& model, const std::string& version) {
  return make_error(Errc::not_found,
                    "there is no draft of version " + shortened(version) + " of a model '" + shortened(model) + "'");
}

std::vector<wire::BlobRef> files_of_drafts(pqxx::work& transaction, const std::string& model) {
  std::vector<wire::BlobRef> files;
  const pqxx::result rows = transaction.exec_params(
      "select digest, size from blobs where digest in (select digest from release_draft_files where model = $1)",
      model);
  for (const pqxx::row& row : rows) files.push_back({row[0].as<std::string>(), row[1].as<std::uint64_t>()});
  return files;
}

const std::string select_draft = R"sql(
  select model, version, document, created_by, created_at, updated_by, updated_at
  from release_drafts
)sql";

KeptDraft bare_draft_of(const pqxx::row& row) {
  KeptDraft draft;
  draft.model = row["model"].as<std::string>();
  draft.content.version = row["version"].as<std::string>();
  draft.document = row["document"].as<std::string>();
  draft.created_by = row["created_by"].as<std::string>();
  draft.created_at = row["created_at"].as<Instant>();
  draft.updated_by = row["updated_by"].as<std::string>();
  draft.updated_at = row["updated_at"].as<Instant>();
  return draft;
}

Result<KeptDraft> draft_of(const pqxx::row& row, const std::vector<wire::BlobRef>& files) {
  KeptDraft draft = bare_draft_of(row);
  ARGOSY_TRY(draft.content, parse_release(draft.document));
  ARGOSY_CHECK(fill_sizes(draft.content, files));
  return draft;
}

}  // namespace

Result<void> KeepDraft::check_place(pqxx::work& transaction) const {
  // Locked, so that of a draft and a release of the same version at once the second sees the first.
  if (transaction.exec_params("select 1 from models where name = $1 for update", model).empty())
    return make_error(Errc::not_found,
                      "there is no model '" + shortened(model) + "'; make it with POST /api/v1/models");
  const std::string& version = content.version;
  if (!transaction.exec_params("select 1 from releases where model = $1 and version = $2", model, version).empty())
    return make_error(Errc::conflict, "release " + version + " of '" + model +
                                          "' was published, and a release never changes; choose another version");
  const auto others = transaction.exec_params1("select count(*) from release_drafts where model = $1 and version <> $2",
                                               model, version)[0];
  if (others.as<std::int64_t>() < most_drafts) return {};
  return make_error(Errc::conflict, "the model '" + model + "' has " + std::to_string(most_drafts) +
                                        " drafts already; publish or discard one of them");
}

Result<Kept> KeepDraft::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_place(transaction));
  const std::vector<std::string> files = referenced_blobs(content);
  ARGOSY_CHECK(hold_files(transaction, files));
  const auto made = transaction.exec_params1(
      R"sql(
        insert into release_drafts (model, version, document, created_by, created_at, updated_by, updated_at)
        values ($1, $2, $3, $4, $5::timestamptz, $4, $5::timestamptz)
        on conflict (model, version) do update
        set document = excluded.document, updated_by = excluded.updated_by, updated_at = excluded.updated_at
        returning xmax = 0
      )sql",
      model, content.version, document, actor, now);
  transaction.exec_params0("delete from release_draft_files where model = $1 and version = $2", model, content.version);
  transaction.exec_params0("insert into release_draft_files (model, version, digest) select $1, $2, unnest($3::text[])",
                           model, content.version, pg_array(files));
  append_audit(transaction, actor, "release.draft", "release/" + model + "/" + content.version);
  ARGOSY_TRY(KeptDraft draft, (GetDraft{model, content.version})(transaction));
  return Kept{std::move(draft), made[0].as<bool>()};
}

Result<std::vector<KeptDraft>> ListDrafts::operator()(pqxx::work& transaction) const {
  if (transaction.exec_params("select 1 from models where name = $1", model).empty())
    return make_error(Errc::not_found, "there is no model '" + shortened(model) + "'");
  const std::vector<wire::BlobRef> files = files_of_drafts(transaction, model);
  std::vector<KeptDraft> drafts;
  for (const pqxx::row& row :
       transaction.exec_params(select_draft + "where model = $1 order by version collate \"C\"", model)) {
    auto draft = draft_of(row, files);
    drafts.push_back(draft ? std::move(*draft) : bare_draft_of(row));
  }
  return drafts;
}

Result<KeptDraft> GetDraft::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(select_draft + "where model = $1 and version = $2", model, version);
  if (rows.empty()) return no_such_draft(model, version);
  return draft_of(rows[0], files_of_drafts(transaction, model));
}

Result<void> DiscardDraft::operator()(pqxx::work& transaction) const {
  const pqxx::result gone = transaction.exec_params(
      "delete from release_drafts where model = $1 and version = $2 returning 1", model, version);
  if (gone.empty()) return no_such_draft(model, version);
  append_audit(transaction, actor, "release.discard", "release/" + model + "/" + version);
  return {};
}

}  // namespace argosy::server
