// A file that a command makes, as people who script expect of one: what was at its name stays until the new one is
// whole, two commands that write one name at once leave one of their files and no mixture, a device or a pipe is
// written into and never replaced, `-` is standard output, and no input is overwritten. Blocking; one thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "common/base/encoding.hpp"
#include "common/base/file.hpp"

namespace argosy::cli {

inline constexpr std::string_view standard_stream = "-";

class MadeFile {
 public:
  // At `path`, or where it points to as a symbolic link. Errc::invalid_argument when it is a folder or one of `inputs`.
  static Result<MadeFile> create(const std::string& path, const std::vector<std::string>& inputs);
  MadeFile(MadeFile&&) = default;
  MadeFile& operator=(MadeFile&&) = delete;
  ~MadeFile();  // what was not kept is gone, as if nothing had been begun

  bool is_standard_output() const { return path_ == standard_stream; }
  // The file that is to take the name: its own alone, beside it where it replaces one, else in the temporary folder. To
  // be written by its path, as often as needed.
  const std::filesystem::path& part() const { return part_.path; }

  // The next bytes. Of a device or a pipe they are gone, whatever comes later.
  Result<void> write(ByteView data);
  // All is there: synced and given its name, or passed on where it does not replace a file.
  Result<void> keep();

 private:
  // Removed with its owner, unless it has its name.
  struct Part {
    explicit Part(std::filesystem::path name) : path(std::move(name)) {}
    Part(Part&& other) noexcept : path(std::exchange(other.path, {})) {}
    Part& operator=(Part&&) = delete;
    ~Part();
    std::filesystem::path path;
  };

  MadeFile(std::string path, std::filesystem::path target, Part part, UniqueFd fd, bool replaces, mode_t mode)
      : path_(std::move(path)),
        target_(std::move(target)),
        part_(std::move(part)),
        fd_(std::move(fd)),
        replaces_(replaces),
        mode_(mode),
        early_(fd_.get()) {}

  Result<void> take_name();

  std::string path_;              // as the caller gave it
  std::filesystem::path target_;  // behind symbolic links
  Part part_;
  UniqueFd fd_;    // of the part; of the device or the pipe where it replaces no file
  bool replaces_;  // what is at the target, if anything is
  mode_t mode_;    // of what it replaces, or as the umask has it
  EarlyWriteBack early_;
};

// What a command reads at any place of it, and so needs as a file. A pipe, `-` among them, is read to its end into a
// temporary file; nobody waits for a pipe into which nobody writes.
class GivenFile {
 public:
  // `what` names it in errors: "the old file". Errc::not_found, Errc::invalid_argument for a folder, a device or a
  // pipe without a writer, Errc::too_large over `limit` bytes from a pipe.
  static Result<GivenFile> open(std::string_view what, const std::string& path, std::uint64_t limit);
  GivenFile(GivenFile&& other) noexcept
      : path_(std::move(other.path_)), is_temporary_(std::exchange(other.is_temporary_, false)) {}
  GivenFile& operator=(GivenFile&&) = delete;
  ~GivenFile();

  const std::filesystem::path& path() const { return path_; }

 private:
  GivenFile(std::filesystem::path path, bool is_temporary) : path_(std::move(path)), is_temporary_(is_temporary) {}

  std::filesystem::path path_;
  bool is_temporary_;
};

}  // namespace argosy::cli
