#include "server/rollouts/store/release_rows_store.hpp"

#include <string>
#include <utility>

#include "server/db/statement.hpp"
#include "server/models/release.hpp"

namespace argosy::server {

Result<std::vector<Variant>> load_variants(pqxx::work& transaction, std::int64_t release) {
  static const Statement find_variants{"find_variants", R"sql(
    select name, digest, size, format, selector, priority
    from variants
    where release_id = $1
    order by id
  )sql"};
  const auto rows = exec_prepared(transaction, find_variants, release);
  std::vector<Variant> variants;
  for (const auto& row : rows) {
    Variant variant;
    variant.name = row["name"].as<std::string>();
    variant.digest = row["digest"].as<std::string>();
    variant.size = row["size"].as<std::uint64_t>();
    variant.format = row["format"].as<std::string>();
    ARGOSY_TRY(variant.selector, selector_from_json(row["selector"].as<std::string>()));
    variant.priority = row["priority"].as<int>();
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace argosy::server
