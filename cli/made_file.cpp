#include "cli/made_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace argosy::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

bool are_one_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

fs::path behind_links(const fs::path& path) {
  std::error_code unknown;
  const fs::path target = fs::weakly_canonical(path, unknown);
  if (unknown || !fs::is_symlink(fs::symlink_status(path, unknown))) return path;
  return target;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

mode_t usual_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// A new file of nobody else's name.
Result<std::pair<fs::path, UniqueFd>> create_unique(const fs::path& folder) {
  std::string name = (folder / ".argosy-XXXXXX.part").string();
  UniqueFd fd(::mkostemps(name.data(), 5, O_CLOEXEC));
  if (!fd) return errno_error("cannot create a file in " + folder.string(), errno);
  return std::pair(fs::path(name), std::move(fd));
}

Result<fs::path> temporary_folder() {
  std::error_code missing;
  fs::path folder = fs::temp_directory_path(missing);
  if (missing) return make_error(Errc::not_found, "there is no temporary folder: set TMPDIR to one");
  return folder;
}

Result<void> copy_to(int fd, const fs::path& from, const std::string& name) {
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return errno_error("cannot open " + from.string(), errno);
  std::string piece(piece_bytes, '\0');
  for (;;) {
    const ssize_t count = ::read(source.get(), piece.data(), piece.size());
    if (count < 0) return errno_error("cannot read " + from.string(), errno);
    if (count == 0) return {};
    auto written = write_all(fd, std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
    if (!written) return std::move(written).error().within(name);
  }
}

Error is_an_input(const std::string& path, const std::string& input) {
  return make_error(Errc::invalid_argument,
                    path + " is the input " + input + ": write to another name, and move it afterwards");
}

}  // namespace

MadeFile::Part::~Part() {
  if (!path.empty()) ::unlink(path.c_str());
}

MadeFile::~MadeFile() = default;

Result<MadeFile> MadeFile::create(const std::string& path, const std::vector<std::string>& inputs) {
  const bool to_stdout = path == standard_stream;
  const fs::path target = to_stdout ? fs::path("/dev/stdout") : behind_links(path);
  const auto there = look_at(target);
  if (there && S_ISDIR(there->st_mode))
    return make_error(Errc::invalid_argument, path + " is a folder: name the file that is to be made");
  for (const std::string& input : inputs) {
    const auto source = input == standard_stream ? std::nullopt : look_at(input);
    if (there && source && are_one_file(*there, *source)) return is_an_input(path, input);
  }
  const bool replaces = !to_stdout && (!there || S_ISREG(there->st_mode));
  fs::path folder = folder_of(target);
  if (!replaces) {
    ARGOSY_TRY(folder, temporary_folder());
  }
  ARGOSY_TRY(auto unique, create_unique(folder));
  auto& [part_path, fd] = unique;
  Part part(std::move(part_path));
  if (!replaces) {
    fd.reset(to_stdout ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : ::open(target.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return errno_error("cannot open " + path, errno);
  }
  const mode_t mode = there ? there->st_mode & 07777 : usual_mode();
  return MadeFile(path, target, std::move(part), std::move(fd), replaces, mode);
}

Result<void> MadeFile::write(ByteView data) {
  auto written = write_all(fd_.get(), as_text(data));
  if (!written) return std::move(written).error().within(path_);
  if (replaces_) early_.wrote(data.size());
  return {};
}

Result<void> MadeFile::keep() {
  return replaces_ ? take_name() : copy_to(fd_.get(), part_.path, path_);
}

Result<void> MadeFile::take_name() {
  if (::chmod(part_.path.c_str(), mode_) != 0) return errno_error("cannot set the mode of " + path_, errno);
  ARGOSY_CHECK(sync_path(part_.path));
  if (::rename(part_.path.c_str(), target_.c_str()) != 0) return errno_error("cannot rename to " + path_, errno);
  part_.path.clear();
  return sync_path(folder_of(target_));
}

namespace {

// Reads a pipe to its end. At its opening a pipe that nobody writes into is at its end already.
Result<void> spool(int from, int to, std::string_view what, std::uint64_t limit) {
  std::string piece(piece_bytes, '\0');
  for (std::uint64_t total = 0;;) {
    const ssize_t count = ::read(from, piece.data(), piece.size());
    if (count < 0 && errno == EAGAIN) {
      pollfd waiting{from, POLLIN, 0};
      if (::poll(&waiting, 1, -1) < 0) return errno_error("cannot read " + std::string(what), errno);
      continue;
    }
    if (count < 0) return errno_error("cannot read " + std::string(what), errno);
    if (count == 0 && total == 0)
      return make_error(Errc::invalid_argument,
                        std::string(what) + " is a pipe that says nothing: nobody writes into it");
    if (count == 0) return {};
    total += static_cast<std::uint64_t>(count);
    if (total > limit)
      return make_error(Errc::too_large, std::string(what) + " comes through a pipe and has over " +
                                             std::to_string(limit) + " bytes: give it as a file");
    ARGOSY_CHECK(write_all(to, std::string_view(piece).substr(0, static_cast<std::size_t>(count))));
  }
}

}  // namespace

Result<GivenFile> GivenFile::open(std::string_view what, const std::string& path, std::uint64_t limit) {
  const std::string name = std::string(what) + " " + path;
  const bool is_stdin = path == standard_stream;
  struct stat found {};
  if ((is_stdin ? ::fstat(STDIN_FILENO, &found) : ::stat(path.c_str(), &found)) != 0)
    return errno_error("cannot open " + name, errno);
  if (S_ISDIR(found.st_mode)) return make_error(Errc::invalid_argument, name + " is a folder: name a file");
  if (S_ISREG(found.st_mode)) return GivenFile(is_stdin ? fs::path("/dev/stdin") : fs::path(path), false);
  if (!S_ISFIFO(found.st_mode) && !S_ISSOCK(found.st_mode))
    return make_error(Errc::invalid_argument, name + " is a device: give a file or a pipe");
  const UniqueFd from(is_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                               : ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!from) return errno_error("cannot open " + name, errno);
  ARGOSY_TRY(const fs::path folder, temporary_folder());
  ARGOSY_TRY(auto unique, create_unique(folder));
  auto& [spooled, fd] = unique;
  GivenFile given(std::move(spooled), true);
  ARGOSY_CHECK(spool(from.get(), fd.get(), name, limit));
  return given;
}

GivenFile::~GivenFile() {
  if (is_temporary_) ::unlink(path_.c_str());
}

}  // namespace argosy::cli
