#include "common/delta/patch_info.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>

#include "common/base/file.hpp"
#include "common/delta/old_file.hpp"
#include "common/delta/patch_decoder.hpp"

namespace argosy {

Result<PatchInfo> inspect_patch(int patch_fd) {
  PatchInfo info;
  ARGOSY_TRY(info.patch_bytes, file_size_of(patch_fd));
  std::array<std::uint8_t, largest_patch_header> bytes;
  const auto first =
      std::span(bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), info.patch_bytes)));
  ARGOSY_CHECK(read_exactly_at(patch_fd, 0, first));
  ARGOSY_TRY(info.codec, recognise_patch(first.first(std::min(first.size(), patch_magic_bytes))));
  ARGOSY_CHECK(decoder_of(info.codec).describe(info, first));
  return info;
}

Result<PatchInfo> inspect_patch(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("cannot open the patch " + path.string(), errno);
  return inspect_patch(fd.get());
}

}  // namespace argosy
