#include "common/delta/patch_apply.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/disk.hpp"
#include "common/base/file.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/patch_decoder.hpp"
#include "common/delta/patch_info.hpp"

namespace argosy {

namespace fs = std::filesystem;

namespace {

Result<UniqueFd> open_for_reading(std::string_view what, const fs::path& path) {
  UniqueFd fd(disk().open(path, O_RDONLY));
  if (!fd) return errno_error("cannot open the " + std::string(what) + " " + path.string(), errno);
  return fd;
}

Result<void> check_base(const ApplyRequest& request, const PatchInfo& info, std::uint64_t old_size) {
  const auto& wanted = request.expected_old ? request.expected_old : info.old_file;
  if (!wanted) return {};
  const FileDigest& expected = *wanted;
  if (old_size != expected.size_bytes)
    return make_error(Errc::base_mismatch, "the patch is for a file of " + std::to_string(expected.size_bytes) +
                                               " bytes, and " + request.old_path.string() + " has " +
                                               std::to_string(old_size));
  ARGOSY_TRY(const Digest found, sha256_file(request.old_path));
  if (found != expected.digest)
    return make_error(Errc::base_mismatch, "the patch is for the file with digest " + expected.digest.to_hex() +
                                               ", and " + request.old_path.string() + " has " + found.to_hex());
  return {};
}

Result<void> check_announced_size(const ApplyRequest& request, const PatchInfo& info) {
  const auto announced = std::to_string(info.new_bytes);
  if (request.expected_new && info.new_bytes != request.expected_new->size_bytes)
    return make_error(Errc::malformed_patch, "the patch makes a file of " + announced + " bytes, and " +
                                                 std::to_string(request.expected_new->size_bytes) + " are expected");
  if (info.new_bytes > request.max_result_bytes)
    return make_error(Errc::too_large, "the patch makes a file of " + announced + " bytes, over the limit of " +
                                           std::to_string(request.max_result_bytes));
  return {};
}

Result<void> check_result(const ApplyRequest& request, const FileDigest& result) {
  if (!request.expected_new || result.digest == request.expected_new->digest) return {};
  return make_error(Errc::digest_mismatch, "the patched file has digest " + result.digest.to_hex() + ", and " +
                                               request.expected_new->digest.to_hex() + " is expected");
}

Result<ApplyReport> write_part(const ApplyRequest& request, const fs::path& part, const PatchProgress& progress) {
  const UniqueFd fd(disk().open(part, O_WRONLY | O_CREAT | O_TRUNC));
  if (!fd) return errno_error("cannot create " + part.string(), errno);
  EarlyWriteBack early(fd.get());
  const PatchSink sink = [&](ByteView data) -> Result<void> {
    auto written = write_all(fd.get(), as_text(data));
    if (!written) return std::move(written).error().within(part.string());
    early.wrote(data.size());
    return {};
  };
  ARGOSY_TRY(auto report, apply_patch(request, sink, progress));
  if (disk().sync(fd.get()) != 0) return errno_error("cannot sync " + part.string(), errno);
  return report;
}

}  // namespace

Result<ApplyReport> apply_patch(const ApplyRequest& request, const PatchSink& sink, const PatchProgress& progress) {
  ARGOSY_TRY(const auto old_fd, open_for_reading("old file", request.old_path));
  ARGOSY_TRY(const auto patch_fd, open_for_reading("patch", request.patch_path));
  ARGOSY_TRY(const auto info, inspect_patch(patch_fd.get()));
  ARGOSY_CHECK(check_announced_size(request, info));
  ARGOSY_TRY(const auto old_size, file_size_of(old_fd.get()));
  ARGOSY_CHECK(check_base(request, info, old_size));

  ResultWriter writer(info.new_bytes, sink, progress);
  ARGOSY_CHECK(decoder_of(info.codec).apply(patch_fd.get(), info, old_fd.get(), old_size, writer));
  ARGOSY_TRY(const auto result, writer.finish());
  ARGOSY_CHECK(check_result(request, result));
  return ApplyReport{info.codec, info.patch_bytes, result};
}

Result<ApplyReport> apply_patch_to_file(const ApplyRequest& request, const fs::path& new_path,
                                        const PatchProgress& progress) {
  const fs::path part = new_path.string() + ".part";
  auto report = write_part(request, part, progress);
  if (report && disk().rename(part, new_path) != 0) report = errno_error("cannot rename " + part.string(), errno);
  if (!report) {
    disk().remove(part);
    return report;
  }
  ARGOSY_CHECK(sync_path(new_path.has_parent_path() ? new_path.parent_path() : fs::path(".")));
  return report;
}

}  // namespace argosy
