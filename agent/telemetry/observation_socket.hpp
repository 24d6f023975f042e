// The unix datagram socket that inference programs send observations to. Non-blocking; whoever owns it waits until
// `fd()` is readable and calls drain(). A full socket costs a program its sample and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "agent/telemetry/observation.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

class ObservationSocket {
 public:
  struct Counters {
    std::uint64_t received = 0;
    std::uint64_t malformed = 0;
    std::string newest_fault;  // why the newest of those is
  };

  // Replaces a socket that an earlier run left behind; the folder is this process's own until it ends, however it does:
  // Errc::conflict where another has it. Programs of this user and of `group` may send to it; without a
  // name, of this process's own group. Errc::invalid_argument where there is no such group, or it cannot be given.
  static Result<ObservationSocket> open(const std::filesystem::path& path, const std::string& group = {});
  ObservationSocket(ObservationSocket&&) = default;
  ObservationSocket& operator=(ObservationSocket&&) = default;

  int fd() const { return fd_.get(); }
  // How many datagrams it holds at least: net.unix.max_dgram_qlen when it was made, and what the senders' buffers
  // allow.
  std::size_t queue() const { return queue_; }
  // Takes up to `limit` datagrams; returns how many there were.
  std::size_t drain(std::size_t limit, const std::function<void(const Observation&)>& take);
  const Counters& counters() const { return counters_; }

 private:
  ObservationSocket(UniqueFd folder, UniqueFd fd, std::size_t queue)
      : folder_(std::move(folder)), fd_(std::move(fd)), queue_(queue) {}
  UniqueFd folder_;  // locked
  UniqueFd fd_;
  std::size_t queue_;
  Counters counters_;
};

}  // namespace argosy::agent
