#include "server/rollouts/evidence/evidence_service.hpp"

#include <system_error>
#include <utility>

#include "common/base/encoding.hpp"
#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/signing/signed_evidence.hpp"
#include "server/db/db_pool.hpp"
#include "server/rollouts/evidence/evidence_store.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_evidence_key_bytes = 4096;

struct SignRolloutEvidence {
  fs::path key_file;
  RolloutEvidence evidence;
  EvidenceMaker maker;
  Result<std::string> operator()() const {
    ARGOSY_TRY(const SigningKey key, open_evidence_key(key_file));
    return signing::sign_evidence(write_evidence(evidence, maker), key);
  }
};

struct ReadEvidencePublicKey {
  fs::path key_file;
  Result<std::string> operator()() const {
    ARGOSY_TRY(const SigningKey key, open_evidence_key(key_file));
    return public_half(key);
  }
};

Result<SigningKey> read_evidence_key(const fs::path& file) {
  SigningKey key;
  ARGOSY_TRY(key.private_key_pem, read_file(file, max_evidence_key_bytes));
  return key;
}

// A link is made only where nothing is yet: of two keys that are made at once, the first stays.
Result<void> make_evidence_key(const fs::path& file) {
  const fs::path made = file.string() + "." + to_hex(secure_random(8));
  ARGOSY_TRY(const std::string pem, make_signing_key(""));
  ARGOSY_CHECK(write_file_atomically(made, pem, 0600));
  std::error_code failed, ignored;
  fs::create_hard_link(made, file, failed);
  fs::remove(made, ignored);
  if (failed && failed != std::errc::file_exists) return errno_error("making " + file.string(), failed.value());
  return sync_path(file.parent_path());
}

}  // namespace

Result<SigningKey> open_evidence_key(const fs::path& file) {
  auto key = read_evidence_key(file);
  if (key || key.error().code != Errc::not_found) return key;
  ARGOSY_CHECK(make_evidence_key(file));
  return read_evidence_key(file);
}

Task<Result<std::string>> EvidenceService::make(std::int64_t rollout, std::string asked_by, Instant now) {
  ARGOSY_CO_TRY(auto evidence, co_await db_.transact<ReadEvidence>(rollout, options_.limits, now));
  EvidenceMaker maker{options_.program, std::move(asked_by), now};
  co_return co_await worker_.run<SignRolloutEvidence>(options_.key_file, std::move(evidence), std::move(maker));
}

Task<Result<std::string>> EvidenceService::public_key() {
  co_return co_await worker_.run<ReadEvidencePublicKey>(options_.key_file);
}

}  // namespace argosy::server
