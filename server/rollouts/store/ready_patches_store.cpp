#include "server/rollouts/store/ready_patches_store.hpp"

namespace argosy::server {
namespace {

constexpr int max_patches_weighed = 500;

}  // namespace

const std::vector<ReadyPatch>& ReadyPatches::towards(const std::string& target) {
  const auto found = read_.find(target);
  if (found != read_.end()) return found->second;
  const auto rows = transaction_.exec_params(
      "select p.from_digest, p.codec, p.digest, p.size, p.to_digest, t.size from patches p "
      "join blobs t on t.digest = p.to_digest where p.state = 'ready' and (p.to_digest = $1 or p.to_digest in "
      "(select l.from_digest from patches l where l.to_digest = $1 and l.state = 'ready')) "
      "order by p.to_digest = $1 desc, p.size, p.from_digest limit $2",
      target, max_patches_weighed);
  std::vector<ReadyPatch> patches;
  for (const auto& row : rows) {
    patches.push_back({row[0].as<std::string>(),
                       row[1].as<std::string>(),
                       {row[2].as<std::string>(), row[3].as<std::uint64_t>()},
                       {row[4].as<std::string>(), row[5].as<std::uint64_t>()}});
  }
  return read_.emplace(target, std::move(patches)).first->second;
}

}  // namespace argosy::server
