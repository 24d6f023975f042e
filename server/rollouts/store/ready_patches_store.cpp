#include "server/rollouts/store/ready_patches_store.hpp"

#include "server/db/statement.hpp"

namespace argosy::server {
namespace {

constexpr int max_patches_weighed = 500;

}  // namespace

const std::vector<ReadyPatch>& ReadyPatches::towards(const std::string& target) {
  const auto found = read_.find(target);
  if (found != read_.end()) return found->second;
  static const Statement find_ready_patches{"find_ready_patches", R"sql(
    select p.from_digest, p.codec, p.digest, p.size, p.to_digest, t.size as to_size
    from patches p
    join blobs t on t.digest = p.to_digest
    where p.state = 'ready' and (
        p.to_digest = $1
        or p.to_digest in (select l.from_digest from patches l where l.to_digest = $1 and l.state = 'ready')
      )
    order by p.to_digest = $1 desc, p.size, p.from_digest
    limit $2
  )sql"};
  const auto rows = exec_prepared(transaction_, find_ready_patches, target, max_patches_weighed);
  std::vector<ReadyPatch> patches;
  for (const auto& row : rows) {
    patches.push_back({row["from_digest"].as<std::string>(),
                       row["codec"].as<std::string>(),
                       {row["digest"].as<std::string>(), row["size"].as<std::uint64_t>()},
                       {row["to_digest"].as<std::string>(), row["to_size"].as<std::uint64_t>()}});
  }
  return read_.emplace(target, std::move(patches)).first->second;
}

}  // namespace argosy::server
