// A Python server as a child of the test; it prints its port when it is ready, and ends with the test.
#pragma once

#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace argosy::agent::test {

class ChildServer {
 public:
  explicit ChildServer(const std::vector<std::string>& arguments) {
    int out[2];
    int in[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC) + ::pipe2(in, O_CLOEXEC), 0);
    std::vector<char*> words = {const_cast<char*>("python3")};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(in[0], STDIN_FILENO);
      ::execvp("python3", words.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(in[0]);
    stdin_ = in[1];
    char c = 0;
    while (::read(out[0], &c, 1) == 1 && c != '\n') port_.push_back(c);
    EXPECT_FALSE(port_.empty()) << "the server did not start";
    ::close(out[0]);
  }
  ~ChildServer() {
    ::close(stdin_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  const std::string& port() const { return port_; }

 private:
  pid_t pid_ = -1;
  int stdin_ = -1;
  std::string port_;
};

}  // namespace argosy::agent::test
