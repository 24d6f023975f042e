#include "common/delta/patch_make.hpp"

#include <algorithm>
#include <array>
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

Result<void> encode_tensor_files(const MakeRequest& request, const fs::path& patch_path,
                                 const PatchProgress& progress) {
  return encode_tensor(request.old_path, request.new_path, patch_path, request.limits, progress);
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

Result<void> encode_zstd_from_files(const MakeRequest& request, const fs::path& patch_path, const PatchProgress&) {
  ARGOSY_TRY(const Bytes old, read_whole("old file", request.old_path));
  ARGOSY_TRY(const Bytes fresh, read_whole("new file", request.new_path));
  ARGOSY_TRY(const Bytes patch, encode_zstd_from(old, fresh));
  return write_file_atomically(patch_path, as_text(patch));
}

Result<void> encode_zstd_file(const MakeRequest& request, const fs::path& patch_path, const PatchProgress& progress) {
  return encode_zstd(request.new_path, patch_path, progress);
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

// Whether an encoder has a chance beside the others, whose smallest patch so far has `best_bytes`.
struct Contest {
  const MakeRequest& request;
  const MakeReport& report;
  std::optional<std::uint64_t> best_bytes;

  bool has_others() const { return request.candidates.size() > 1; }
};

Result<bool> always(const Contest&) {
  return true;
}

Result<bool> bsdiff_could_win(const Contest& contest) {
  const std::uint64_t larger = std::max(contest.report.old_file.size_bytes, contest.report.new_file.size_bytes);
  return !contest.has_others() || larger <= contest.request.bsdiff_up_to_bytes;
}

Result<bool> zstd_from_could_win(const Contest& contest) {
  return !contest.has_others() ||
         fits_zstd_from(contest.report.old_file.size_bytes, contest.report.new_file.size_bytes);
}

// By what zstd would make of the file by its sample, with room for what only shows in long stretches.
Result<bool> zstd_could_win(const Contest& contest) {
  constexpr double long_range_gain = 0.9;
  const std::uint64_t new_bytes = contest.report.new_file.size_bytes;
  if (!contest.best_bytes || new_bytes <= contest.request.zstd_unsampled_bytes) return true;
  ARGOSY_TRY(const double ratio, sample_zstd_ratio(contest.request.new_path));
  return long_range_gain * ratio * static_cast<double>(new_bytes) < static_cast<double>(*contest.best_bytes);
}

struct Encoder {
  PatchCodec codec;
  Result<void> (*encode)(const MakeRequest& request, const fs::path& patch_path, const PatchProgress& progress);
  Result<bool> (*could_win)(const Contest& contest);
};

constexpr std::array<Encoder, patch_codecs.size()> encoders = {{
    {PatchCodec::tensor, encode_tensor_files, always},
    {PatchCodec::bsdiff, encode_bsdiff_files, bsdiff_could_win},
    {PatchCodec::zstd_from, encode_zstd_from_files, zstd_from_could_win},
    {PatchCodec::zstd, encode_zstd_file, zstd_could_win},
}};
static_assert(one_for_each_codec(encoders));

const Encoder& encoder_of(PatchCodec codec) {
  return encoders[static_cast<std::size_t>(codec)];
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
  return encoder_of(codec).encode(request, patch_path, progress);
}

Result<MakeReport> make_patch(const MakeRequest& request, const PatchProgress& progress) {
  MakeReport report;
  ARGOSY_TRY(report.old_file, measure_file(request.old_path));
  ARGOSY_TRY(report.new_file, measure_file(request.new_path));
  const double largest = request.largest_ratio * static_cast<double>(report.new_file.size_bytes);
  std::optional<TrialFile> best;
  std::optional<std::uint64_t> best_bytes;
  for (const PatchCodec codec : request.candidates) {
    ARGOSY_TRY(const bool could_win, encoder_of(codec).could_win({request, report, best_bytes}));
    if (!could_win) continue;
    TrialFile file(request.patch_path, codec);
    ARGOSY_TRY(const auto trial, try_codec(codec, request, report, file, progress));
    report.trials.push_back(trial);
    if (!trial.failure.empty() || static_cast<double>(trial.bytes) > largest) continue;
    if (best_bytes && trial.bytes >= *best_bytes) continue;
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
