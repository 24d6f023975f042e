#include "common/base/mapped_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/base/file.hpp"

namespace argosy {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, std::uint64_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("cannot open " + path.string(), errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_error("cannot stat " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return make_error(Errc::io, path.string() + " is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > limit)
    return make_error(Errc::too_large,
                      path.string() + " has " + std::to_string(size) + " bytes: at most " + std::to_string(limit));
  MappedFile file;
  if (size == 0) return file;
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (start == MAP_FAILED) return errno_error("cannot map " + path.string(), errno);
  file.bytes_ = {static_cast<const std::uint8_t*>(start), size};
  return file;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace argosy
