// Another program that is asked for a few lines: started without a shell, in a process group of its own, at the lowest
// priority, and killed with its children when it takes too long or says too much. Never blocks; the agent's loop
// thread. One run at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

class AskedProgram {
 public:
  struct Options {
    std::vector<std::string> arguments;  // the first is the program's path
    Duration time_limit{10'000};
    std::size_t output_limit = 4096;  // bytes
  };
  // What it printed when it ended with 0. Else Errc::unavailable, Errc::timeout or Errc::too_large.
  using Take = std::function<void(Result<std::string>)>;

  AskedProgram(boost::asio::io_context& io, Options options, Take take);
  ~AskedProgram();

  // One that cannot be killed, as it waits for hardware, stays the only one: each further call is answered with a
  // fault.
  void ask();

 private:
  void read();
  void give_up(Error why);  // kills it; what it said does not count
  void await_end();
  void ended(int status);
  std::string name() const { return options_.arguments.front(); }

  Options options_;
  Take take_;
  boost::asio::posix::stream_descriptor output_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer look_;  // whether it has ended
  pid_t pid_ = 0;                   // 0: no run
  std::string said_;
  std::optional<Error> fault_;
};

}  // namespace argosy::agent
