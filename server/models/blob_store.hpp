// The SQL of blobs. Each call is one transaction on the pool's threads.
#pragma once

#include <chrono>
#include <functional>
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

  // Uploaded by somebody, for good. False when it was there.
  Task<Result<bool>> insert(wire::BlobRef blob);
  // A patch made here; from now it is young again.
  Task<Result<void>> adopt(wire::BlobRef blob);
  // The blob was uploaded as well, if it is there: it stays, whatever becomes of the patches.
  Task<Result<void>> keep(std::string digest);
  // Deletes patches that nothing refers to; `remove_file` is called on a DB thread, while no one else can adopt the
  // same digest: an adoption waits for the end of the transaction.
  using RemoveFile = std::function<Result<void>(const std::string& digest)>;
  Task<Result<std::vector<wire::BlobRef>>> delete_patches(std::chrono::seconds grace, std::size_t limit,
                                                          RemoveFile remove_file);
  Task<Result<std::vector<wire::BlobRef>>> find(std::vector<std::string> digests);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
