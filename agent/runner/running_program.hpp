// A program of somebody else's that has been started: told lines, read line by line, and ended when this object goes.
// It lives in this process's box, with nothing of its environment. Blocking; one thread. Limits: a line of 16 MiB.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/base/error.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

class RunningProgram {
 public:
  // Errc::unavailable when it cannot be run.
  static Result<RunningProgram> start(const std::filesystem::path& program, int threads);
  RunningProgram(RunningProgram&& other) noexcept;
  RunningProgram& operator=(RunningProgram&&) = delete;
  ~RunningProgram();

  // A program that does not read has it its way. What it prints meanwhile is kept.
  Result<void> tell(std::string_view text);
  void close_input() { input_.reset(); }
  // Nothing at the end of its output.
  Result<std::optional<std::string>> line();

  struct End {
    std::optional<Error> fault;  // how it ended, where that was not well
    double peak_memory_mb = 0;
  };
  End wait();

 private:
  static constexpr std::size_t max_line_bytes = 16 << 20;

  RunningProgram(pid_t pid, UniqueFd input, UniqueFd output)
      : pid_(pid), input_(std::move(input)), output_(std::move(output)) {}
  Result<bool> read_some();  // false at the end

  pid_t pid_;
  UniqueFd input_, output_;
  std::string buffer_;
  std::size_t searched_ = 0;
};

}  // namespace argosy::agent
