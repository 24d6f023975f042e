// Builds desired documents for many devices at once: the rows of a batch by two queries, releases kept from one batch
// to the next as long as they are unchanged. For this folder's *_store.cpp, on DB threads, inside one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/wire/desired.hpp"
#include "server/models/variant.hpp"
#include "server/rollouts/store/ready_patches_store.hpp"

namespace argosy::server {

// What of a rollout's policy the device follows.
struct DevicePolicy {
  std::int64_t release = 0;                // that it brings
  std::optional<wire::ShadowSpec> shadow;  // of that release; going back to another asks nobody
  wire::ProbationSpec probation;
};

struct ReleaseContent {
  std::string version;
  std::vector<Variant> variants;
  wire::ValidationSpec validation;
  std::vector<wire::FeatureReference> features;
  std::optional<wire::ReleaseSignature> signature;
};

// Releases as documents need them, the last few, on any thread. One is good as long as its row is what it was.
class ReleaseCache {
 public:
  static constexpr std::size_t kept = 64;
  std::shared_ptr<const ReleaseContent> find(std::int64_t id, const std::string& row_version);
  void keep(std::int64_t id, std::string row_version, std::shared_ptr<const ReleaseContent> content);

 private:
  struct Entry {
    std::string row_version;
    std::shared_ptr<const ReleaseContent> content;
  };
  std::mutex mutex_;
  std::map<std::int64_t, Entry> entries_;
};

struct BuiltDocument {
  std::string device;
  std::int64_t rev = 0;
  Result<wire::Desired> document;  // an error says why this device's cannot be built; the others can
};

class DesiredBuilder {
 public:
  DesiredBuilder(pqxx::work& transaction, ReleaseCache& cache)
      : transaction_(transaction), cache_(cache), patches_(transaction) {}

  // What build() needs to know of devices, from `devices d`; `condition` follows.
  static std::string select_devices(const std::string& condition);
  // Of these devices, in their order. Each has the rev that was read before its targets were: a change in between is
  // published again under its own rev.
  std::vector<BuiltDocument> build(const pqxx::result& devices);

 private:
  using TargetRows = std::map<std::string, std::vector<pqxx::row>, std::less<>>;
  Result<wire::Desired> build_one(const pqxx::row& device, const std::vector<pqxx::row>& targets);
  void offer_patches(wire::DesiredModel& model, const std::vector<FileToGet>& files, PatchTaker& taker);
  wire::DesiredModel build_model(const pqxx::row& target, const ReleaseContent& release, const Variant& variant,
                                 PatchTaker& taker);
  Result<std::shared_ptr<const ReleaseContent>> release_of(std::int64_t id);
  Result<ReleaseContent> load_release(std::int64_t id, std::string& row_version);
  const DevicePolicy& policy_of(std::int64_t rollout);

  pqxx::work& transaction_;
  ReleaseCache& cache_;
  std::map<std::int64_t, Result<std::shared_ptr<const ReleaseContent>>> releases_;  // of this transaction
  std::map<std::int64_t, DevicePolicy> policies_;
  ReadyPatches patches_;
  std::map<std::string, PartsOf> held_;  // by model
};

}  // namespace argosy::server
