// Models and their releases. Coroutines on the I/O thread; SQL on the database threads, files on a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/models/release.hpp"

namespace argosy::server {

class BlobService;
class DbPool;

struct ModelPage {
  std::vector<Model> items;
  std::int64_t total = 0;
  bool more = false;
};

struct ReleasePage {
  std::vector<Release> items;
  std::int64_t total = 0;
  bool more = false;
};

struct Published {
  Release release;
  bool created = false;  // false: the same release was there already
};

class ModelService {
 public:
  ModelService(DbPool& db, BlobService& blobs) : db_(db), blobs_(blobs) {}

  // By name, behind `after`.
  Task<Result<ModelPage>> list_models(std::string after, std::size_t limit);
  Task<Result<Model>> get_model(std::string name);
  // False: the model was there already. Errc::conflict when another description than its own is given.
  Task<Result<bool>> create_model(std::string name, std::optional<std::string> description, std::string actor);

  // Checks every file the draft refers to and publishes it for good. Errc::not_found (model, blob), malformed_model,
  // conflict (the version exists with other content), signature_*.
  Task<Result<Published>> publish(std::string model, ReleaseDraft draft, std::string actor, Instant now);
  // Another signature for a release that is there; devices that are to run it are told. Errc::not_found, signature_*.
  Task<Result<Release>> replace_signature(std::string model, std::string version, wire::ReleaseSignature signature,
                                          std::string actor);
  // Newest first, older than the release with the id `before`.
  Task<Result<ReleasePage>> list_releases(std::string model, std::int64_t before, std::size_t limit);
  Task<Result<Release>> get_release(std::string model, std::string version);

 private:
  DbPool& db_;
  BlobService& blobs_;
};

}  // namespace argosy::server
