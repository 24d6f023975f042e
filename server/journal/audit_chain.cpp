#include "server/journal/audit_chain.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

// Rows are sealed in the order of their transactions, none of which is so old: an older time was written afterwards.
constexpr std::int64_t most_disorder_us = 10LL * 60 * 1'000'000;

void add(Sha256& hash, std::string_view field) {
  hash.update(as_bytes(std::to_string(field.size()) + ":"));
  hash.update(as_bytes(field));
}

ChainFault fault_at(const SealedRow& row, std::string what) {
  return {row.id, row.seal, "row " + std::to_string(row.id) + " (seal " + std::to_string(row.seal) + ") " + what};
}

}  // namespace

ChainHead genesis() {
  return {0, sha256(as_bytes("argosy audit log"))};
}

Digest seal_hash(const Digest& previous, const SealedRow& row) {
  Sha256 hash;
  hash.update(previous.bytes);
  for (const std::int64_t number : {row.seal, row.id, row.at_us, row.sealed_at_us}) add(hash, std::to_string(number));
  for (const std::string* text : {&row.actor, &row.action, &row.object, &row.address, &row.details}) add(hash, *text);
  return hash.finish();
}

std::optional<ChainFault> ChainWalk::take(const SealedRow& row) {
  const std::int64_t wanted = head_.seal + 1;
  if (row.seal > wanted) {
    return ChainFault{0, wanted,
                      "the row with seal " + std::to_string(wanted) + " was removed; the next is row " +
                          std::to_string(row.id) + " (seal " + std::to_string(row.seal) + ")"};
  }
  if (row.seal < wanted) return fault_at(row, "is there twice");
  if (seal_hash(head_.hash, row) != row.hash) {
    return fault_at(row, "was touched, or one was put in or taken out just before it");
  }
  if (row.at_us + most_disorder_us < newest_us_) return fault_at(row, "was put in later with an older time");
  newest_us_ = std::max(newest_us_, row.at_us);
  head_ = {row.seal, row.hash};
  return std::nullopt;
}

std::string to_archive_line(const SealedRow& row) {
  return json{{"seal", row.seal},       {"id", row.id},
              {"at_us", row.at_us},     {"sealed_at_us", row.sealed_at_us},
              {"actor", row.actor},     {"action", row.action},
              {"object", row.object},   {"address", row.address},
              {"details", row.details}, {"hash", row.hash.to_hex()}}
      .dump();
}

Result<SealedRow> from_archive_line(const std::string& line) {
  const json document = json_or_null(line);
  const auto wrong = [] {
    return make_error(Errc::corrupt, "a line of the audit archive is not one that argosyd wrote");
  };
  if (!document.is_object()) return wrong();
  SealedRow row;
  for (const auto& [name, number] : {std::pair{"seal", &row.seal}, std::pair{"id", &row.id},
                                     std::pair{"at_us", &row.at_us}, std::pair{"sealed_at_us", &row.sealed_at_us}}) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_number_integer()) return wrong();
    *number = found->get<std::int64_t>();
  }
  std::string hash;
  for (const auto& [name, text] :
       {std::pair{"actor", &row.actor}, std::pair{"action", &row.action}, std::pair{"object", &row.object},
        std::pair{"address", &row.address}, std::pair{"details", &row.details}, std::pair{"hash", &hash}}) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_string()) return wrong();
    *text = found->get<std::string>();
  }
  ARGOSY_TRY(row.hash, Digest::parse(hash));
  return row;
}

}  // namespace argosy::server
