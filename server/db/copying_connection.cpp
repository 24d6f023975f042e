#include "server/db/copying_connection.hpp"

#include <map>
#include <mutex>
#include <stdexcept>

namespace argosy::server {

namespace {

// libpqxx's connections have no virtual function to find ours by.
struct Known {
  std::mutex mutex;
  std::map<const pqxx::connection_base*, CopyingConnection*> connections;
};

Known& known() {
  static Known all;
  return all;
}

}  // namespace

CopyingConnection::CopyingConnection(const std::string& conninfo)
    : pqxx::basic_connection_base<detail::NotingPolicy>(conninfo) {
  const std::lock_guard lock(known().mutex);
  known().connections[this] = this;
}

CopyingConnection::~CopyingConnection() {
  const std::lock_guard lock(known().mutex);
  known().connections.erase(this);
}

CopyingConnection& CopyingConnection::of(const pqxx::transaction_base& transaction) {
  const std::lock_guard lock(known().mutex);
  const auto found = known().connections.find(&transaction.conn());
  if (found == known().connections.end()) throw std::logic_error("rows are copied over a connection of DbPool alone");
  return *found->second;
}

namespace detail {

namespace {
// Where the policy of the connection that is being made on this thread notes its handle: a connection makes its policy
// itself, and hands it nothing but the options.
thread_local NotedHandle* being_made = nullptr;
}  // namespace

NotedHandle::NotedHandle() {
  being_made = this;
}

NotingPolicy::NotingPolicy(const std::string& options) : pqxx::connect_direct(options), noted_(*being_made) {}

NotingPolicy::handle NotingPolicy::do_startconnect(handle before) {
  return noted_.handle = pqxx::connect_direct::do_startconnect(before);
}

NotingPolicy::handle NotingPolicy::do_disconnect(handle before) noexcept {
  noted_.handle = nullptr;
  return pqxx::connect_direct::do_disconnect(before);
}

}  // namespace detail

}  // namespace argosy::server
