// The content-addressed store: models, data sets and patches by their SHA-256. A file is in place before its row is.
// What no release and no patch names goes after a while. Coroutines on the I/O thread; files are written on the worker,
// 256 KiB at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/desired.hpp"
#include "server/base/task.hpp"
#include "server/models/blob.hpp"
#include "server/models/blob_folder.hpp"

namespace argosy::server {

class BodyStream;
class DbPool;
class WorkerPool;

struct BlobOptions {
  std::filesystem::path folder;
  std::uint64_t max_bytes = 16ULL << 30;
};

struct StoredBlob {
  Digest digest;
  std::uint64_t size = 0;
  std::filesystem::path path;
};

class BlobService {
 public:
  // Makes the folder, and clears what an interrupted upload left in it more than a day ago.
  static Result<BlobService> open(DbPool& db, WorkerPool& worker, BlobOptions options);

  // Reads the body to its end. True: stored now; false: it was there. Errc::digest_mismatch, truncated, too_large,
  // out_of_space; after an error nothing is left.
  Task<Result<bool>> put(Digest digest, BodyStream& body);
  // Errc::not_found when there is no such blob, Errc::corrupt when its file is missing or has another size.
  Task<Result<StoredBlob>> find(Digest digest);
  // A path inside the store for a file that this server makes itself, under a name that nobody else uses; the way to
  // keep that file as a blob; and the way to remove what one that died left under its name, with whatever ending.
  std::filesystem::path temporary_path(const std::string& name) const;
  Task<Result<void>> adopt(std::filesystem::path temporary, FileDigest digest);
  Task<Result<void>> remove_temporary(std::string name);
  // Deletes, row and file, at most `limit` blobs that nothing refers to and that are older than their grace; files that
  // were left under way more than a day ago; and, in one 256th of the store at each call, files older than a day that
  // have no row, because argosyd died between the two.
  Task<Result<ClearedBlobs>> clear_unreferred(BlobGrace grace, std::size_t limit);
  // Those of `digests` that are stored.
  Task<Result<std::vector<wire::BlobRef>>> sizes(std::vector<std::string> digests);
  // Errc::malformed_model with the offset when the file cannot be a model of this format ("onnx", "tflite"); formats
  // it does not know pass. What a model in ONNX asks of its engine.
  Task<Result<std::optional<wire::OnnxReach>>> check_model(Digest digest, std::string format);

 private:
  BlobService(DbPool& db, WorkerPool& worker, BlobFolder folder, std::uint64_t max_bytes);

  // Another instance may have cleared the same blob away between the file and the row.
  Task<Result<void>> expect_file(FileDigest file);
  Task<Result<std::size_t>> clear_strays(std::uint8_t part);
  Error over_limit() const;
  // Whole pieces to the worker, so that a slow sender costs no more hops than a quick one.
  Task<Result<void>> receive(std::shared_ptr<BlobUpload> upload, BodyStream& body);
  Task<Result<void>> drain(BodyStream& body);

  DbPool& db_;
  WorkerPool& worker_;
  BlobFolder folder_;
  std::uint64_t max_bytes_;
  std::uint8_t next_part_ = 0;  // of the store, by the first byte of the digest: to be looked through for strays
};

}  // namespace argosy::server
