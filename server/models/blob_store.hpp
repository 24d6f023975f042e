// The SQL of blobs. Each call is one transaction on the pool's threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/wire/desired.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

class BlobStore {
 public:
  explicit BlobStore(DbPool& db) : db_(db) {}

  // False when it was there.
  Task<Result<bool>> insert(wire::BlobRef blob);
  Task<Result<std::vector<wire::BlobRef>>> find(std::vector<std::string> digests);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
