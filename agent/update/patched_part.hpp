// A new model file made from its patch while the patch comes in: no room is needed for the patch itself. The file grows
// as `<result digest>.part`; a log beside it, `<patch digest>.log`, holds the patch's head and, of each chunk, where it
// ends and its check sum; when a connection breaks, what came of the next chunk is kept behind them. After a crash the
// file is held against the log and gone on with behind the last chunk that is whole on the disk, so nothing depends on
// what was synced when. Blocking; one thread at a time.
#pragma once

#include <filesystem>

#include "agent/update/blob_source.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/delta/patch_stream.hpp"

namespace argosy::agent {

struct PatchedPartPlan {
  std::filesystem::path base;  // checked against base_file when opened
  FileDigest base_file;
  wire::BlobRef patch;
  wire::BlobRef result;
  std::filesystem::path part;
  std::filesystem::path log;
  std::filesystem::path whole;  // the result's name when it is complete; whoever uses it checks its digest
};

class PatchedPart : public BlobIntake {
 public:
  // Null when `whole` is there with the result's size. Errc::base_mismatch when the base is not what it should be.
  static Result<std::unique_ptr<BlobIntake>> open(const PatchedPartPlan& plan);
  ~PatchedPart() override;

  std::uint64_t size() const override { return stream_->pushed_bytes(); }
  Result<void> append(std::string_view data) override;
  Result<void> restart() override;
  Result<void> finish() override;

 private:
  struct Kept {
    Bytes head;
    std::uint64_t log_bytes = 0;
    PatchPosition position;
    Bytes pending;
  };

  PatchedPart(PatchedPartPlan plan, StreamRequest request, UniqueFd base, UniqueFd part, UniqueFd log)
      : plan_(std::move(plan)),
        request_(request),
        base_(std::move(base)),
        part_(std::move(part)),
        log_(std::move(log)),
        write_back_(part_.get()) {}
  Result<void> take_up();
  Result<Kept> read_kept() const;
  Result<void> cut_to(std::uint64_t log_bytes, std::uint64_t result_bytes);
  Result<void> keep_head();
  Result<void> keep_chunk(ByteView made, const PatchPosition& end);
  PatchStream::ChunkSink sink();

  PatchedPartPlan plan_;
  StreamRequest request_;
  UniqueFd base_;
  UniqueFd part_;
  UniqueFd log_;
  std::optional<PatchStream> stream_;
  bool head_kept_ = false;
  EarlyWriteBack write_back_;
};

// How much of the patch has been applied, by its log; 0 without one. For planning: it is not held against the file.
std::uint64_t applied_bytes(const std::filesystem::path& log);

}  // namespace argosy::agent
