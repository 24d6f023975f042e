#include "server/rollouts/store/release_rows_store.hpp"

#include <string>
#include <utility>

#include "server/models/release.hpp"

namespace argosy::server {

Result<std::vector<Variant>> load_variants(pqxx::work& transaction, std::int64_t release) {
  std::vector<Variant> variants;
  const auto rows = transaction.exec_params(
      "select name, digest, size, format, selector::text, priority from variants where release_id = $1 order by id",
      release);
  for (const auto& row : rows) {
    Variant variant;
    variant.name = row[0].as<std::string>();
    variant.digest = row[1].as<std::string>();
    variant.size = row[2].as<std::uint64_t>();
    variant.format = row[3].as<std::string>();
    ARGOSY_TRY(variant.selector, selector_from_json(row[4].as<std::string>()));
    variant.priority = row[5].as<int>();
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace argosy::server
