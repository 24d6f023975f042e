#include "server/rollouts/desired_service.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "server/rollouts/desired_store.hpp"

namespace argosy::server {
namespace {

class DesiredDocuments final : public DesiredService {
 public:
  explicit DesiredDocuments(DbPool& db) : store_(db) {}

  Task<Result<wire::Desired>> get(DeviceId device) override { return store_.get(device.value()); }

  Task<Result<std::size_t>> publish_due(Publish publish, std::size_t limit) override {
    auto asked = store_.due(limit);
    auto documents = co_await std::move(asked);
    if (!documents) co_return documents.error();
    std::vector<PublishedRev> published;
    std::optional<Error> refused;
    for (const auto& document : *documents) {
      auto publishing = publish(desired_topic(document.device), wire::encode(document));
      auto taken = co_await std::move(publishing);
      if (!taken) {
        refused = std::move(taken).error();
        break;
      }
      published.push_back({document.device, document.rev});
    }
    const auto count = published.size();
    if (count > 0) {
      auto marking = store_.mark_published(std::move(published));
      auto marked = co_await std::move(marking);
      if (!marked) co_return marked.error();
    }
    if (count == 0 && refused) co_return std::move(*refused);
    co_return count;
  }

  Task<Result<std::size_t>> republish_all() override { return store_.mark_all_due(); }

  Task<Result<std::size_t>> offer_new_patches(std::size_t limit) override { return store_.offer_new_patches(limit); }

 private:
  DesiredStore store_;
};

}  // namespace

std::unique_ptr<DesiredService> create_desired_service(DbPool& db) {
  return std::make_unique<DesiredDocuments>(db);
}

std::string desired_topic(const std::string& device) {
  return "argosy/v1/" + device + "/down/desired";
}

}  // namespace argosy::server
