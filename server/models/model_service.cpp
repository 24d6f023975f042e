#include "server/models/model_service.hpp"

#include "common/base/id.hpp"
#include "common/json/json_reader.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/model_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_description_bytes = 4096;

class StoredModelService final : public ModelService {
 public:
  StoredModelService(DbPool& db, BlobService& blobs) : store_(db), blobs_(blobs) {}

  Task<Result<ModelPage>> list_models(std::string after, std::size_t limit) override {
    return store_.list_models(std::move(after), limit);
  }
  Task<Result<Model>> get_model(std::string name) override { return store_.get_model(std::move(name)); }

  Task<Result<bool>> create_model(std::string name, std::optional<std::string> description,
                                  std::string actor) override {
    if (!is_name(name)) co_return field_error("name", "must match [A-Za-z0-9_-]{1,64}");
    if (description && description->size() > max_description_bytes)
      co_return field_error("description", "must be at most " + std::to_string(max_description_bytes) + " bytes");
    co_return co_await store_.create_model(std::move(name), std::move(description), std::move(actor));
  }

  Task<Result<Published>> publish(std::string model, ReleaseDraft draft, std::string actor, Instant now) override {
    ARGOSY_CO_TRY(const auto blobs, co_await blobs_.sizes(referenced_blobs(draft)));
    if (auto filled = fill_sizes(draft, blobs); !filled) co_return filled.error();
    if (auto checked = check_signature(draft, model); !checked) co_return checked.error();
    for (const Variant& variant : draft.variants) {
      auto checked = co_await blobs_.check_model(Digest::parse(variant.digest).value(), variant.format);
      if (!checked) co_return std::move(checked).error().within("variant '" + variant.name + "'");
    }
    co_return co_await store_.publish(std::move(model), std::move(draft), std::move(actor), now);
  }

  Task<Result<Release>> replace_signature(std::string model, std::string version, wire::ReleaseSignature signature,
                                          std::string actor) override {
    return store_.replace_signature(std::move(model), std::move(version), std::move(signature), std::move(actor));
  }

  Task<Result<ReleasePage>> list_releases(std::string model, std::int64_t before, std::size_t limit) override {
    return store_.list_releases(std::move(model), before, limit);
  }
  Task<Result<Release>> get_release(std::string model, std::string version) override {
    return store_.get_release(std::move(model), std::move(version));
  }

 private:
  ModelStore store_;
  BlobService& blobs_;
};

}  // namespace

std::unique_ptr<ModelService> create_model_service(DbPool& db, BlobService& blobs) {
  return std::make_unique<StoredModelService>(db, blobs);
}

}  // namespace argosy::server
