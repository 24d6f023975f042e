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

struct Kept {
  KeptDraft draft;
  bool created = false;  // false: it is in place of another
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
  // The same checks, and a draft that `document` says: nothing but the three calls below knows it. Errc::conflict when
  // the version is published, or the model has too many drafts.
  Task<Result<Kept>> keep_draft(std::string model, ReleaseDraft content, std::string document, std::string actor,
                                Instant now);
  // By version.
  Task<Result<std::vector<KeptDraft>>> list_drafts(std::string model);
  Task<Result<KeptDraft>> get_draft(std::string model, std::string version);
  Task<Result<void>> discard_draft(std::string model, std::string version, std::string actor);
  // Publishes what the draft says, and the draft is no more.
  Task<Result<Published>> publish_draft(std::string model, std::string version, std::string actor, Instant now);
  // Another signature for a release that is there; devices that are to run it are told. Errc::not_found, signature_*.
  Task<Result<Release>> replace_signature(std::string model, std::string version, wire::ReleaseSignature signature,
                                          std::string actor);
  // Newest first, older than the release with the id `before`.
  Task<Result<ReleasePage>> list_releases(std::string model, std::int64_t before, std::size_t limit);
  Task<Result<Release>> get_release(std::string model, std::string version);

 private:
  // With what only a look at its files tells.
  Task<Result<ReleaseDraft>> looked_at(std::string model, ReleaseDraft draft);

  DbPool& db_;
  BlobService& blobs_;
};

}  // namespace argosy::server
