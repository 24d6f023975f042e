// The SQL of models, releases and variants: functors for DbPool::transact, run on the DB threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/models/model_service.hpp"

namespace argosy::server {

struct ListModels {
  std::string after;
  std::size_t limit = 0;
  ModelPage operator()(pqxx::work& transaction) const;
};

struct GetModel {
  std::string name;
  Result<Model> operator()(pqxx::work& transaction) const;
};

struct CreateModel {
  std::string name;
  std::optional<std::string> description;
  std::string actor;
  Result<bool> operator()(pqxx::work& transaction) const;
};

// The draft's sizes are filled in. `drafted`: the document of the draft that it is made of, which must be there still.
struct PublishRelease {
  std::string model;
  ReleaseDraft draft;
  std::string actor;
  Instant now;
  std::optional<std::string> drafted = {};
  Result<Published> operator()(pqxx::work& transaction) const;

 private:
  pqxx::result find(pqxx::work& transaction) const;
  Result<void> end_draft(pqxx::work& transaction) const;
  void insert(pqxx::work& transaction) const;
  void insert_variant(pqxx::work& transaction, std::int64_t release, const Variant& variant) const;
};

// A release never changes, but who stands for it may: a new key, a later expiry, the leave to go back to it.
struct ReplaceSignature {
  std::string model;
  std::string version;
  wire::ReleaseSignature signature;
  std::string actor;
  Result<Release> operator()(pqxx::work& transaction) const;

 private:
  static std::vector<std::string> told_of(pqxx::work& transaction, std::int64_t release);
};

struct ListReleases {
  std::string model;
  std::int64_t before = 0;
  std::size_t limit = 0;
  Result<ReleasePage> operator()(pqxx::work& transaction) const;
};

struct GetRelease {
  std::string model;
  std::string version;
  Result<Release> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
