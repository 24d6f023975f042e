// The SQL of models, releases and variants. Each call is one transaction on the pool's threads.
#pragma once

#include <string>

#include "server/base/task.hpp"
#include "server/models/model_service.hpp"

namespace argosy::server {

class ModelStore {
 public:
  explicit ModelStore(DbPool& db) : db_(db) {}

  Task<Result<ModelPage>> list_models(std::string after, std::size_t limit);
  Task<Result<Model>> get_model(std::string name);
  Task<Result<bool>> create_model(std::string name, std::optional<std::string> description, std::string actor);
  // The draft's sizes are filled in.
  Task<Result<Published>> publish(std::string model, ReleaseDraft draft, std::string actor, Instant now);
  Task<Result<Release>> replace_signature(std::string model, std::string version, wire::ReleaseSignature signature,
                                          std::string actor);
  Task<Result<ReleasePage>> list_releases(std::string model, std::int64_t before, std::size_t limit);
  Task<Result<Release>> get_release(std::string model, std::string version);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
