// The SQL of blobs: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/wire/desired.hpp"
#include "server/models/blob.hpp"

namespace argosy::server {

// Uploaded by somebody. False when it was there.
struct InsertBlob {
  wire::BlobRef blob;
  bool operator()(pqxx::work& transaction) const;
};

// A patch made here; from now it is young again.
struct AdoptBlob {
  wire::BlobRef blob;
  void operator()(pqxx::work& transaction) const;
};

// The blob was uploaded (again), if it is there: it is young again, and stays whatever becomes of the patches.
struct KeepBlob {
  std::string digest;
  void operator()(pqxx::work& transaction) const;
};

// Called on a DB thread, while no one else can adopt or upload the same digest: that waits for the end of the
// transaction.
using RemoveBlobFile = std::function<Result<void>(const std::string& digest)>;

// What nothing refers to and is older than its grace.
struct DeleteUnreferred {
  BlobGrace grace;
  std::size_t limit = 0;
  RemoveBlobFile remove_file;
  Result<ClearedBlobs> operator()(pqxx::work& transaction) const;
};

// Calls `remove_file` if there is no row, and lets nobody insert one meanwhile. True: it was called.
struct RemoveStray {
  std::string digest;
  RemoveBlobFile remove_file;
  Result<bool> operator()(pqxx::work& transaction) const;
};

// They were there a moment ago, and stay from now until the transaction ends: what nothing refers to may be cleared
// away.
Result<void> hold_files(pqxx::work& transaction, const std::vector<std::string>& digests);

struct FindBlobs {
  std::vector<std::string> digests;
  std::vector<wire::BlobRef> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
