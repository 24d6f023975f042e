#include "agent/telemetry/observation_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace argosy::agent {

namespace {

constexpr int receive_buffer_bytes = 256 << 10;
constexpr std::size_t senders_queue = 200;   // datagrams in a sender's buffer of the usual 208 KiB
constexpr std::size_t kernels_default = 10;  // where the setting cannot be read

std::size_t queue_of_new_sockets() {
  const auto setting = read_file("/proc/sys/net/unix/max_dgram_qlen", 64);
  std::size_t queue = kernels_default;
  if (setting) std::from_chars(setting->data(), setting->data() + setting->size(), queue);
  return std::min(queue, senders_queue);
}

Result<void> give_to_group(const std::string& path, const std::string& name) {
  const ::group* found = ::getgrnam(name.c_str());
  if (found == nullptr)
    return make_error(Errc::invalid_argument, "there is no group '" + name +
                                                  "' for observe.sock: make it (addgroup --system " + name +
                                                  "), or change observe.group");
  if (::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0)
    return make_error(Errc::invalid_argument,
                      "cannot give " + path + " to the group '" + name + "' (" + std::strerror(errno) +
                          "): the agent's user must belong to it (adduser argosy " + name + ")");
  return {};
}

// The folder itself is what is locked: that asks for no room on any disk, and leaves nothing behind.
Result<UniqueFd> take_folder(const std::filesystem::path& folder) {
  UniqueFd lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return errno_error("cannot open " + folder.string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return errno_error("cannot lock " + folder.string(), errno);
  return make_error(Errc::conflict,
                    "another agent has " + folder.string() +
                        ", where programs report to it; stop it, or give this agent a run_dir of its own");
}

}  // namespace

Result<ObservationSocket> ObservationSocket::open(const std::filesystem::path& path, const std::string& group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof address.sun_path)
    return make_error(Errc::invalid_argument, "the socket's path '" + text + "' is longer than " +
                                                  std::to_string(sizeof address.sun_path - 1) +
                                                  " bytes: choose a shorter run_dir");
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  ARGOSY_TRY(UniqueFd folder, take_folder(path.parent_path()));
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("cannot make a socket", errno);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  ::unlink(text.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_error("cannot bind " + text, errno);
  if (!group.empty()) ARGOSY_CHECK(give_to_group(text, group));
  if (::chmod(text.c_str(), 0660) != 0) return errno_error("cannot open " + text + " to its group", errno);
  return ObservationSocket(std::move(folder), std::move(fd), queue_of_new_sockets());
}

std::size_t ObservationSocket::drain(std::size_t limit, const std::function<void(const Observation&)>& take) {
  std::uint8_t buffer[max_observation_bytes + 1];
  for (std::size_t taken = 0; taken < limit; ++taken) {
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got < 0) return taken;
    ++counters_.received;
    const auto observation = decode_observation({buffer, static_cast<std::size_t>(got)});
    if (observation) {
      take(*observation);
    } else {
      ++counters_.malformed;
      counters_.newest_fault = observation.error().message;
    }
  }
  return limit;
}

}  // namespace argosy::agent
