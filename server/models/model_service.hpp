// Models and their releases. Coroutines on the I/O thread; SQL on the database threads, files on a worker.
#pragma once

#include <cstdint>
#include <memory>
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
  virtual ~ModelService() = default;

  // By name, behind `after`.
  virtual Task<Result<ModelPage>> list_models(std::string after, std::size_t limit) = 0;
  virtual Task<Result<Model>> get_model(std::string name) = 0;
  // False: the model was there already. Errc::conflict when another description than its own is given.
  virtual Task<Result<bool>> create_model(std::string name, std::optional<std::string> description,
                                          std::string actor) = 0;

  // Checks every file the draft refers to and publishes it for good. Errc::not_found (model, blob), malformed_model,
  // conflict (the version exists with other content), signature_*.
  virtual Task<Result<Published>> publish(std::string model, ReleaseDraft draft, std::string actor, Instant now) = 0;
  // Another signature for a release that is there; devices that are to run it are told. Errc::not_found, signature_*.
  virtual Task<Result<Release>> replace_signature(std::string model, std::string version,
                                                  wire::ReleaseSignature signature, std::string actor) = 0;
  // Newest first, older than the release with the id `before`.
  virtual Task<Result<ReleasePage>> list_releases(std::string model, std::int64_t before, std::size_t limit) = 0;
  virtual Task<Result<Release>> get_release(std::string model, std::string version) = 0;
};

std::unique_ptr<ModelService> create_model_service(DbPool& db, BlobService& blobs);

}  // namespace argosy::server
