// Makes and signs the evidence of rollouts. On the I/O thread; rows are read on a DB thread, the file is made and
// signed on a worker's. The key is a file that instances share, made when it is first asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/signing_key.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/evidence/evidence.hpp"

namespace argosy::server {

class DbPool;
class WorkerPool;

struct EvidenceOptions {
  std::filesystem::path key_file;  // readable by its owner alone
  std::string program = "argosyd";
  EvidenceLimits limits{};
};

class EvidenceService {
 public:
  EvidenceService(DbPool& db, WorkerPool& worker, EvidenceOptions options)
      : db_(db), worker_(worker), options_(std::move(options)) {}

  // A file for common/signing/signed_evidence. Errc::not_found, too_large.
  Task<Result<std::string>> make(std::int64_t rollout, std::string asked_by, Instant now);
  // The public half that the files are checked with (PEM).
  Task<Result<std::string>> public_key();

 private:
  DbPool& db_;
  WorkerPool& worker_;
  EvidenceOptions options_;
};

// The key in this file; made when there is none, once, whoever of several asks first. Blocking.
Result<SigningKey> open_evidence_key(const std::filesystem::path& file);

}  // namespace argosy::server
