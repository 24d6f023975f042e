#include "tests/support/postgres_wire.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace argosy::test {
namespace {

std::string option_of(const std::string& conninfo, const std::string& keyword) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(conninfo.c_str(), nullptr),
                                                                            &PQconninfoFree);
  for (const PQconninfoOption* option = parsed.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) return option->val;
  }
  throw std::runtime_error("the tests' connection string has no " + keyword);
}

std::uint32_t number_at(const std::string& text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(text[at + i]);
  return value;
}

// The next whole message, taken off the front; `type_bytes` come before its length.
std::optional<std::string> take_message(std::string& buffer, std::size_t type_bytes) {
  if (buffer.size() < type_bytes + 4) return std::nullopt;
  const std::size_t size = type_bytes + number_at(buffer, type_bytes);
  if (buffer.size() < size) return std::nullopt;
  std::string message = buffer.substr(0, size);
  buffer.erase(0, size);
  return message;
}

bool read_into(int socket, std::string& buffer) {
  char piece[16384];
  const ssize_t got = ::recv(socket, piece, sizeof piece, 0);
  if (got <= 0) return false;
  buffer.append(piece, static_cast<std::size_t>(got));
  return true;
}

void write_all(int socket, const std::string& text) {  // what a closed peer misses, its closing tells
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t put = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (put <= 0) return;
    sent += static_cast<std::size_t>(put);
  }
}

void at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connect_to(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, found->ai_addr, found->ai_addrlen) == 0) {
    at_once(socket);
    return socket;
  }
  ::close(socket);
  return -1;
}

constexpr char ready_for_query = 'Z';
constexpr char authentication = 'R';
constexpr char query = 'Q';
constexpr char sync = 'S';
constexpr char terminate = 'X';

std::string message_of(char type, const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size() + 4);
  std::string message(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(size >> shift & 0xff);
  return message + body;
}

// What a backend that is terminated says last.
std::string last_words() {
  std::string body;
  for (const std::string field : {"SFATAL", "VFATAL", "C57P01", "Mterminating connection due to administrator command"})
    body += field + '\0';
  return message_of('E', body + '\0');
}

bool is_let_in(const std::string& message) {
  return message.front() == authentication && number_at(message, 5) == 0;
}

// Runs the statement on an idle backend; false when that is gone.
bool run_on(int backend, const std::string& statement) {
  write_all(backend, message_of(query, statement + '\0'));
  std::string answer;
  for (;;) {
    if (!read_into(backend, answer)) return false;
    while (const auto message = take_message(answer, 1)) {
      if (message->front() == ready_for_query) return true;
    }
  }
}

}  // namespace

PostgresWire::PostgresWire(const std::string& conninfo)
    : server_host_(option_of(conninfo, "host")), server_port_(option_of(conninfo, "port")) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("no loopback port for the wire to PostgreSQL");
  }
  // What comes later in a connection string wins.
  conninfo_ = conninfo + " host=127.0.0.1 port=" + std::to_string(ntohs(address.sin_port)) +
              " sslmode=disable gssencmode=disable";
  thread_ = std::thread([this] { run(); });
}

PostgresWire::~PostgresWire() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

void PostgresWire::cut_at(Steps of, int number, Cut how) {
  const std::lock_guard lock(mutex_);
  steps_left_ = number;
  of_ = of;
  how_ = how;
  has_cut_ = false;
}

void PostgresWire::heal() {
  const std::lock_guard lock(mutex_);
  steps_left_ = 0;
  refuses_ = false;
}

void PostgresWire::run() {
  while (!stopping_) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
    for (const auto& session : sessions_) {
      waiting.push_back({session.client, POLLIN, 0});
      waiting.push_back({session.backend, POLLIN, 0});  // -1 is passed over
    }
    if (::poll(waiting.data(), waiting.size(), 20) <= 0) continue;
    std::size_t at = 1;
    for (auto session = sessions_.begin(); session != sessions_.end(); at += 2) {
      bool lasts = waiting[at + 1].revents == 0 || pass_on_from_backend(*session);
      if (lasts && waiting[at].revents != 0) lasts = pass_on_from_client(*session);
      if (lasts && !refuses_) {
        ++session;
        continue;
      }
      end(*session);
      session = sessions_.erase(session);
    }
    if (waiting[0].revents != 0) accept_one();
  }
  for (const auto& session : sessions_) end(session);
  for (const int backend : idle_backends_) ::close(backend);
}

void PostgresWire::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  at_once(client);
  if (refuses_) {
    ::close(client);
  } else {
    sessions_.push_back({.client = client});
  }
}

void PostgresWire::greet(Session& session, const std::string& first_message) {
  if (!idle_backends_.empty()) {
    session.backend = idle_backends_.back();
    idle_backends_.pop_back();
    return write_all(session.client, greeting_);
  }
  session.backend = connect_to(server_host_, server_port_);
  write_all(session.backend, first_message);
}

bool PostgresWire::pass_on_from_client(Session& session) {
  if (!read_into(session.client, session.from_client)) return false;
  while (const auto message = take_message(session.from_client, session.backend < 0 ? 0 : 1)) {
    if (session.backend < 0) {
      greet(session, *message);
    } else if (!take_from_client(session, *message)) {
      return false;
    }
  }
  return true;
}

bool PostgresWire::take_from_client(Session& session, const std::string& message) {
  if (message.front() == terminate) return false;
  const std::lock_guard lock(mutex_);
  if (is_the_one(message)) {
    has_cut_ = true;
    if (how_ == Cut::backend_ends) {
      write_all(session.client, last_words());
      return false;
    }
    session.loses_answers = true;
  }
  write_all(session.backend, message);
  return true;
}

// Under the lock.
bool PostgresWire::is_the_one(const std::string& message) {
  const bool is_commit = message.front() == query && message.find("COMMIT") != std::string::npos;
  const bool is_any = message.front() == query || message.front() == sync;
  return (of_ == Steps::commits ? is_commit : is_any) && steps_left_ > 0 && --steps_left_ == 0;
}

bool PostgresWire::pass_on_from_backend(Session& session) {
  if (!read_into(session.backend, session.from_backend)) return false;
  while (const auto message = take_message(session.from_backend, 1)) {
    if (!is_greeting_whole_ && (is_let_in(*message) || !greeting_.empty())) greeting_ += *message;
    if (message->front() == ready_for_query) is_greeting_whole_ = true;
    if (!session.loses_answers) {
      write_all(session.client, *message);
    } else if (message->front() == ready_for_query) {
      refuses_ = how_ == Cut::client_dies;
      return false;
    }
  }
  return true;
}

// The backend waits for its client: what that had begun is rolled back, as if it had gone.
void PostgresWire::end(const Session& session) {
  ::close(session.client);
  if (session.backend < 0) return;
  if (is_greeting_whole_ && run_on(session.backend, "rollback") && run_on(session.backend, "discard all")) {
    idle_backends_.push_back(session.backend);
  } else {
    ::close(session.backend);
  }
}

}  // namespace argosy::test
