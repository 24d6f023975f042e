#include "server/models/blob_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/db_pool.hpp"

namespace argosy::server {

namespace {

struct InsertBlob {
  wire::BlobRef blob;
  bool operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec_params(
        "insert into blobs (digest, size) values ($1, $2) on conflict (digest) do nothing returning 1", blob.digest,
        static_cast<std::int64_t>(blob.size));
    return !rows.empty();
  }
};

struct FindBlobs {
  std::vector<std::string> digests;
  std::vector<wire::BlobRef> operator()(pqxx::work& transaction) const {
    std::vector<wire::BlobRef> blobs;
    const pqxx::result rows = transaction.exec_params(
        "select digest, size from blobs where digest in (select jsonb_array_elements_text($1::jsonb)) order by digest",
        nlohmann::json(digests).dump());
    for (const pqxx::row& row : rows) blobs.push_back({row[0].as<std::string>(), row[1].as<std::uint64_t>()});
    return blobs;
  }
};

}  // namespace

Task<Result<bool>> BlobStore::insert(wire::BlobRef blob) {
  auto work = db_.transact(InsertBlob{std::move(blob)});
  co_return co_await std::move(work);
}

Task<Result<std::vector<wire::BlobRef>>> BlobStore::find(std::vector<std::string> digests) {
  auto work = db_.transact(FindBlobs{std::move(digests)});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
