#include "server/rollouts/store/release_rows_store.hpp"

#include <string>
#include <utility>

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/models/release.hpp"

namespace argosy::server {

Result<std::vector<Variant>> load_variants(pqxx::work& transaction, std::int64_t release) {
  static const Statement find_variants{
      "find_variants", "select v.name, v.digest, v.size, v.format, v.selector, v.priority, v.onnx_opset, v.onnx_ir, " +
                           std::string(select_parts) + "from variants v where v.release_id = $1 order by v.id"};
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
    variant.onnx = onnx_of(optional_of<std::uint32_t>(row["onnx_opset"]), optional_of<std::uint32_t>(row["onnx_ir"]));
    ARGOSY_TRY(variant.parts, parts_from_json(row["parts"].as<std::string>()));
    variants.push_back(std::move(variant));
  }
  return variants;
}

PartsOf held_parts(pqxx::work& transaction, const std::string& model) {
  static const Statement find_held_parts{"find_held_parts", select_held_parts};
  return remembered([&transaction, model](const HeldVersion& held) {
    const auto rows = exec_prepared(transaction, find_held_parts, model, held.version, held.digest);
    return parts_from_json(rows.at(0)[0].as<std::string>()).value();
  });
}

Result<std::int64_t> find_release(pqxx::work& transaction, const std::string& model, const std::string& version) {
  const auto rows = transaction.exec_params(
      R"sql(
        select l.id
        from models m
        left join releases l on l.model = m.name and l.version = $2 and l.published_at is not null
        where m.name = $1
      )sql",
      model, version);
  if (rows.empty()) return make_error(Errc::not_found, "there is no model '" + shortened(model) + "'");
  if (rows[0][0].is_null()) {
    return make_error(Errc::not_found, "model '" + model + "' has no published release '" + version + "'");
  }
  return rows[0][0].as<std::int64_t>();
}

std::optional<Withdrawal> load_withdrawal(pqxx::work& transaction, std::int64_t release) {
  const auto rows =
      transaction.exec_params("select at, actor, reason from release_withdrawals where release_id = $1", release);
  if (rows.empty()) return std::nullopt;
  return Withdrawal{rows[0]["at"].as<Instant>(), rows[0]["actor"].as<std::string>(),
                    rows[0]["reason"].as<std::string>()};
}

}  // namespace argosy::server
