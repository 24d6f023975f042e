// A release as rows: which it is, its variants, and whether it was withdrawn. For this folder's *_store.cpp, on DB
// threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/models/variant.hpp"
#include "server/models/withdrawal.hpp"

namespace argosy::server {

// The id of a published one; Errc::not_found says whether it is the model that is missing.
Result<std::int64_t> find_release(pqxx::work& transaction, const std::string& model, const std::string& version);
std::optional<Withdrawal> load_withdrawal(pqxx::work& transaction, std::int64_t release);
Result<std::vector<Variant>> load_variants(pqxx::work& transaction, std::int64_t release);
// For files_to_get; as long as the transaction.
PartsOf held_parts(pqxx::work& transaction, const std::string& model);

}  // namespace argosy::server
