#include "server/models/blob_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

bool InsertBlob::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      "insert into blobs (digest, size) values ($1, $2) on conflict (digest) do nothing returning 1", blob.digest,
      static_cast<std::int64_t>(blob.size));
  return !rows.empty();
}

void AdoptBlob::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        insert into blobs (digest, size, patch)
        values ($1, $2, true)
        on conflict (digest) do update set created_at = now()
      )sql",
      blob.digest, static_cast<std::int64_t>(blob.size));
}

void KeepBlob::operator()(pqxx::work& transaction) const {
  transaction.exec_params0("update blobs set patch = false, created_at = now() where digest = $1", digest);
}

Result<ClearedBlobs> DeleteUnreferred::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        delete from blobs d
        using (
          select b.digest
          from blobs b
          where b.created_at <= now() -
              make_interval(secs => case when b.patch then $1::float8 else $2::float8 end)
            and not exists (select 1 from patches p where p.digest = b.digest)
            and not exists (select 1 from patches p where p.from_digest = b.digest)
            and not exists (select 1 from patches p where p.to_digest = b.digest)
            and not exists (select 1 from variants v where v.digest = b.digest)
            and not exists (select 1 from variant_parts v where v.digest = b.digest)
            and not exists (select 1 from release_draft_files d where d.digest = b.digest)
            and not exists (select 1 from releases r where r.validation->'dataset'->>'digest' = b.digest)
          order by b.digest
          limit $3
          for update skip locked
        ) as u
        where d.digest = u.digest
        returning d.digest, d.size, d.patch
      )sql",
      static_cast<double>(grace.patches.count()), static_cast<double>(grace.uploads.count()),
      static_cast<std::int64_t>(limit));
  ClearedBlobs cleared;
  for (const pqxx::row& row : rows) {
    ARGOSY_CHECK(remove_file(row["digest"].as<std::string>()));
    ++(row["patch"].as<bool>() ? cleared.patches : cleared.uploads);
    cleared.bytes += row["size"].as<std::uint64_t>();
  }
  return cleared;
}

// The row stands only within this transaction: whoever inserts the same one waits for its end.
Result<bool> RemoveStray::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      "insert into blobs (digest, size) values ($1, 0) on conflict (digest) do nothing returning 1", digest);
  if (rows.empty()) return Result<bool>(false);
  ARGOSY_CHECK(remove_file(digest));
  transaction.exec_params0("delete from blobs where digest = $1", digest);
  return Result<bool>(true);
}

Result<void> hold_files(pqxx::work& transaction, const std::vector<std::string>& digests) {
  const auto kept = transaction.exec_params(
      "select from blobs where digest = any($1::text[]) order by digest for key share", pg_array(digests));
  if (static_cast<std::size_t>(kept.size()) == digests.size()) return {};
  return make_error(Errc::conflict, "a file of this release was cleared away meanwhile; upload its files again");
}

std::vector<wire::BlobRef> FindBlobs::operator()(pqxx::work& transaction) const {
  std::vector<wire::BlobRef> blobs;
  const pqxx::result rows = transaction.exec_params(
      "select digest, size from blobs where digest = any($1::text[]) order by digest", pg_array(digests));
  for (const pqxx::row& row : rows) blobs.push_back({row[0].as<std::string>(), row[1].as<std::uint64_t>()});
  return blobs;
}

}  // namespace argosy::server
