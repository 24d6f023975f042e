// Variants of a release as rows. For this folder's *_store.cpp, on DB threads.
#pragma once

#include <cstdint>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/models/variant.hpp"

namespace argosy::server {

Result<std::vector<Variant>> load_variants(pqxx::work& transaction, std::int64_t release);

}  // namespace argosy::server
