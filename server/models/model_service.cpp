#include "server/models/model_service.hpp"

#include "common/base/id.hpp"
#include "common/json/json_reader.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/draft_store.hpp"
#include "server/models/model_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_description_bytes = 4096;

}  // namespace

Task<Result<ModelPage>> ModelService::list_models(std::string after, std::size_t limit) {
  return db_.transact<ListModels>(std::move(after), limit);
}

Task<Result<Model>> ModelService::get_model(std::string name) {
  return db_.transact<GetModel>(std::move(name));
}

Task<Result<bool>> ModelService::create_model(std::string name, std::optional<std::string> description,
                                              std::string actor) {
  if (!is_name(name)) co_return field_error("name", "must match [A-Za-z0-9_-]{1,64}");
  if (description && description->size() > max_description_bytes)
    co_return field_error("description", "must be at most " + std::to_string(max_description_bytes) + " bytes");
  co_return co_await db_.transact<CreateModel>(std::move(name), std::move(description), std::move(actor));
}

Task<Result<ReleaseDraft>> ModelService::looked_at(std::string model, ReleaseDraft draft) {
  ARGOSY_CO_TRY(const auto blobs, co_await blobs_.sizes(referenced_blobs(draft)));
  ARGOSY_CO_CHECK(fill_sizes(draft, blobs));
  ARGOSY_CO_CHECK(check_signature(draft, model));
  for (Variant& variant : draft.variants) {
    auto checked = co_await blobs_.check_model(Digest::parse(variant.digest).value(), variant.format);
    if (!checked) co_return std::move(checked).error().within("variant '" + variant.name + "'");
    variant.onnx = *checked;
  }
  co_return draft;
}

Task<Result<Published>> ModelService::publish(std::string model, ReleaseDraft draft, std::string actor, Instant now) {
  ARGOSY_CO_TRY(auto release, co_await looked_at(model, std::move(draft)));
  co_return co_await db_.transact<PublishRelease>(std::move(model), std::move(release), std::move(actor), now);
}

Task<Result<Kept>> ModelService::keep_draft(std::string model, ReleaseDraft content, std::string document,
                                            std::string actor, Instant now) {
  ARGOSY_CO_TRY(auto draft, co_await looked_at(model, std::move(content)));
  co_return co_await db_.transact<KeepDraft>(std::move(model), std::move(draft), std::move(document), std::move(actor),
                                             now);
}

Task<Result<std::vector<KeptDraft>>> ModelService::list_drafts(std::string model) {
  return db_.transact<ListDrafts>(std::move(model));
}

Task<Result<KeptDraft>> ModelService::get_draft(std::string model, std::string version) {
  return db_.transact<GetDraft>(std::move(model), std::move(version));
}

Task<Result<void>> ModelService::discard_draft(std::string model, std::string version, std::string actor) {
  return db_.transact<DiscardDraft>(std::move(model), std::move(version), std::move(actor));
}

Task<Result<Published>> ModelService::publish_draft(std::string model, std::string version, std::string actor,
                                                    Instant now) {
  ARGOSY_CO_TRY(auto draft, co_await get_draft(model, std::move(version)));
  ARGOSY_CO_TRY(auto release, co_await looked_at(model, std::move(draft.content)));
  co_return co_await db_.transact<PublishRelease>(std::move(model), std::move(release), std::move(actor), now,
                                                  std::optional(std::move(draft.document)));
}

Task<Result<Release>> ModelService::replace_signature(std::string model, std::string version,
                                                      wire::ReleaseSignature signature, std::string actor) {
  return db_.transact<ReplaceSignature>(std::move(model), std::move(version), std::move(signature), std::move(actor));
}

Task<Result<ReleasePage>> ModelService::list_releases(std::string model, std::int64_t before, std::size_t limit) {
  return db_.transact<ListReleases>(std::move(model), before, limit);
}

Task<Result<Release>> ModelService::get_release(std::string model, std::string version) {
  return db_.transact<GetRelease>(std::move(model), std::move(version));
}

}  // namespace argosy::server
