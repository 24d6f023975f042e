#include "common/base/spawn.hpp"

#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char** environ;

namespace argosy {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> whole_environment(const ChildProgram& program) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  for (const auto& [name, value] : program.environment) environment.push_back(name + "=" + value);
  return environment;
}

class Files {
 public:
  Files(ChildProgram::Output read, int to) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, to,
                                     read == ChildProgram::Output::errors ? STDERR_FILENO : STDOUT_FILENO);
  }
  ~Files() { posix_spawn_file_actions_destroy(&actions_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// What threads of ours block or ignore is not the child's.
class Attributes {
 public:
  explicit Attributes(ChildProgram::Group group) {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    const int own_group = group == ChildProgram::Group::own ? POSIX_SPAWN_SETPGROUP : 0;
    posix_spawnattr_setflags(&attributes_,
                             static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | own_group));
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<Child> spawn(ChildProgram program) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("cannot make a pipe", errno);
  Child child{-1, UniqueFd(ends[0])};
  const UniqueFd theirs(ends[1]);
  const Files files(program.read, theirs.get());
  const Attributes attributes(program.group);
  std::vector<std::string> environment = whole_environment(program);
  const int failed = ::posix_spawn(&child.pid, program.arguments.front().c_str(), files.get(), attributes.get(),
                                   pointers_to(program.arguments).data(), pointers_to(environment).data());
  if (failed != 0) return errno_error("cannot start " + program.arguments.front(), failed);
  return child;
}

}  // namespace argosy
