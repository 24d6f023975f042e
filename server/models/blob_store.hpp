// The SQL of blobs. Each call is one transaction on the pool's threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/wire/desired.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;

// How long a blob that nothing refers to stays after it was adopted or uploaded last.
struct BlobGrace {
  std::chrono::seconds patches{3600};
  std::chrono::seconds uploads{90LL * 24 * 3600};
};

struct ClearedBlobs {
  std::size_t patches = 0;
  std::size_t uploads = 0;
  std::size_t strays = 0;  // files without a row
  std::uint64_t bytes = 0;
};

class BlobStore {
 public:
  explicit BlobStore(DbPool& db) : db_(db) {}

  // Uploaded by somebody. False when it was there.
  Task<Result<bool>> insert(wire::BlobRef blob);
  // A patch made here; from now it is young again.
  Task<Result<void>> adopt(wire::BlobRef blob);
  // The blob was uploaded (again), if it is there: it is young again, and stays whatever becomes of the patches.
  Task<Result<void>> keep(std::string digest);
  // Deletes what nothing refers to and is older than its grace; `remove_file` is called on a DB thread, while no one
  // else can adopt or upload the same digest: that waits for the end of the transaction.
  using RemoveFile = std::function<Result<void>(const std::string& digest)>;
  Task<Result<ClearedBlobs>> delete_unreferred(BlobGrace grace, std::size_t limit, RemoveFile remove_file);
  // Calls `remove_file` if there is no row, and lets nobody insert one meanwhile. True: it was called.
  Task<Result<bool>> remove_stray(std::string digest, RemoveFile remove_file);
  Task<Result<std::vector<wire::BlobRef>>> find(std::vector<std::string> digests);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
