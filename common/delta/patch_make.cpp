#include "common/delta/patch_make.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/patch_apply.hpp"
#include "common/delta/tensor_encode.hpp"
#include "common/delta/zstd_encode.hpp"
#include "common/delta/zstd_from_apply.hpp"
#include "common/delta/zstd_from_encode.hpp"

namespace argosy {

namespace fs = std::filesystem;

namespace {

// A candidate's file, removed unless it is kept.
class TrialFile {
 public:
  TrialFile(const fs::path& patch_path, PatchCodec codec)
      : path_(patch_path.string() + "." + std::string(name_of(codec)) + ".part") {}
  TrialFile(TrialFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TrialFile& operator=(TrialFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TrialFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const fs::path& path() const { return path_; }
  Result<void> keep_as(const fs::path& final_path) {
    ARGOSY_CHECK(sync_path(path_));
    if (::rename(path_.c_str(), final_path.c_str()) != 0)
      return errno_error("cannot rename to " + final_path.string(), errno);
    path_.clear();
    return sync_path(final_path.has_parent_path() ? final_path.parent_path() : fs::path("."));
  }

 private:
  fs::path path_;
};

Result<Bytes> read_whole(std::string_view what, const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("cannot open the " + std::string(what) + " " + path.string(), errno);
  ARGOSY_TRY(const std::uint64_t size, file_size_of(fd.get()));
  Bytes content(size);
  ARGOSY_CHECK(read_exactly_at(fd.get(), 0, content));
  return content;
}

Result<void> encode_bsdiff_files(const MakeRequest& request, const fs::path& patch_path,
                                 const PatchProgress& progress) {
  std::error_code unreadable;  // then reading says why
  const auto old_size = fs::file_size(request.old_path, unreadable);
  const auto new_size = fs::file_size(request.new_path, unreadable);
  if (!unreadable) ARGOSY_CHECK(check_bsdiff_fits(old_size, new_size, request.limits));
  ARGOSY_TRY(const Bytes old, read_whole("old file", request.old_path));
  ARGOSY_TRY(const Bytes fresh, read_whole("new file", request.new_path));
  ARGOSY_TRY(const Bytes patch, encode_bsdiff(old, fresh, request.limits, progress));
  return write_file_atomically(patch_path, as_text(patch));
}

// Applies the patch to nowhere: a patch that does not rebuild the new file must never leave this house.
Result<void> prove(const MakeReport& report, const MakeRequest& request, const fs::path& patch_path) {
  const PatchSink nowhere = [](ByteView) -> Result<void> { return {}; };
  const auto applied = apply_patch({.old_path = request.old_path,
                                    .patch_path = patch_path,
                                    .expected_old = std::nullopt,
                                    .expected_new = report.new_file},
                                   nowhere);
  if (applied) return {};
  return make_error(Errc::internal, "the patch made does not rebuild the new file: " + applied.error().message);
}

Result<void> encode_zstd_from_files(const MakeRequest& request, const fs::path& patch_path) {
  ARGOSY_TRY(const Bytes old, read_whole("old file", request.old_path));
  ARGOSY_TRY(const Bytes fresh, read_whole("new file", request.new_path));
  ARGOSY_TRY(const Bytes patch, encode_zstd_from(old, fresh));
  return write_file_atomically(patch_path, as_text(patch));
}

bool ends_all_trials(Errc code) {
  return code == Errc::cancelled || code == Errc::out_of_space || code == Errc::io || code == Errc::not_found;
}

Result<PatchTrial> try_codec(PatchCodec codec, const MakeRequest& request, const MakeReport& report,
                             const TrialFile& file, const PatchProgress& progress) {
  PatchTrial trial{.codec = codec, .bytes = 0, .seconds = 0, .failure = {}};
  const auto start = std::chrono::steady_clock::now();
  auto encoded = encode_patch(codec, request, file.path(), progress);
  trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!encoded) {
    if (ends_all_trials(encoded.error().code)) return std::move(encoded).error();
    trial.failure = encoded.error().message;
    return trial;
  }
  ARGOSY_CHECK(prove(report, request, file.path()));
  std::error_code failed;
  trial.bytes = fs::file_size(file.path(), failed);
  if (failed) return errno_error("cannot look at " + file.path().string(), failed.value());
  return trial;
}

bool is_long_for_bsdiff(const MakeReport& report, const MakeRequest& request) {
  return std::max(report.old_file.size_bytes, report.new_file.size_bytes) > request.bsdiff_up_to_bytes;
}

bool is_large_for_zstd_from(const MakeReport& report) {
  return !fits_zstd_from(report.old_file.size_bytes, report.new_file.size_bytes);
}

// What zstd would make of the file by its sample, with room for what only shows in long stretches.
Result<bool> could_win_with_zstd(const MakeReport& report, const MakeRequest& request, std::uint64_t best_bytes) {
  constexpr double long_range_gain = 0.9;
  if (report.new_file.size_bytes <= request.zstd_unsampled_bytes) return true;
  ARGOSY_TRY(const double ratio, sample_zstd_ratio(request.new_path));
  return long_range_gain * ratio * static_cast<double>(report.new_file.size_bytes) < static_cast<double>(best_bytes);
}

std::string why_declined(const MakeReport& report) {
  std::string text = "not smaller: the full file has " + std::to_string(report.new_file.size_bytes) + " bytes";
  for (const auto& trial : report.trials)
    text += ", " + std::string(name_of(trial.codec)) + " " +
            (trial.failure.empty() ? std::to_string(trial.bytes) : "failed (" + trial.failure + ")");
  return text;
}

}  // namespace

Result<void> encode_patch(PatchCodec codec, const MakeRequest& request, const fs::path& patch_path,
                          const PatchProgress& progress) {
  switch (codec) {
    case PatchCodec::bsdiff:
      return encode_bsdiff_files(request, patch_path, progress);
    case PatchCodec::tensor:
      return encode_tensor(request.old_path, request.new_path, patch_path, request.limits, progress);
    case PatchCodec::zstd_from:
      return encode_zstd_from_files(request, patch_path);
    case PatchCodec::zstd:
      return encode_zstd(request.new_path, patch_path, progress);
  }
  return make_error(Errc::internal, "no encoder for this patch codec");
}

Result<MakeReport> make_patch(const MakeRequest& request, const PatchProgress& progress) {
  MakeReport report;
  ARGOSY_TRY(report.old_file, measure_file(request.old_path));
  ARGOSY_TRY(report.new_file, measure_file(request.new_path));
  const double largest = request.largest_ratio * static_cast<double>(report.new_file.size_bytes);
  std::optional<TrialFile> best;
  std::uint64_t best_bytes = 0;
  for (const PatchCodec codec : request.candidates) {
    if (codec == PatchCodec::bsdiff && request.candidates.size() > 1 && is_long_for_bsdiff(report, request)) continue;
    if (codec == PatchCodec::zstd_from && request.candidates.size() > 1 && is_large_for_zstd_from(report)) continue;
    if (codec == PatchCodec::zstd && best) {
      ARGOSY_TRY(const bool worth_it, could_win_with_zstd(report, request, best_bytes));
      if (!worth_it) continue;
    }
    TrialFile file(request.patch_path, codec);
    ARGOSY_TRY(const auto trial, try_codec(codec, request, report, file, progress));
    report.trials.push_back(trial);
    if (!trial.failure.empty() || static_cast<double>(trial.bytes) > largest) continue;
    if (best && trial.bytes >= best_bytes) continue;
    best = std::move(file);
    best_bytes = trial.bytes;
    report.codec = codec;
  }
  if (!best) {
    report.declined = why_declined(report);
    return report;
  }
  ARGOSY_TRY(report.patch, measure_file(best->path()));
  ARGOSY_CHECK(best->keep_as(request.patch_path));
  return report;
}

}  // namespace argosy
