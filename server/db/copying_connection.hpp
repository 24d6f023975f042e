// A connection of libpqxx over which rows may be copied in PostgreSQL's binary form, too. libpqxx 6 copies text alone
// and keeps libpq's handle to itself, but it tells the handle to the policy by which it connects: here is one that
// notes it. Used on one thread, as every connection is.
#pragma once

#include <string>

#include <pqxx/pqxx>

struct pg_conn;

namespace argosy::server {

namespace detail {

struct NotedHandle {
  NotedHandle();
  pg_conn* handle = nullptr;
};

class NotingPolicy : public pqxx::connect_direct {
 public:
  explicit NotingPolicy(const std::string& options);
  handle do_startconnect(handle before) override;
  handle do_disconnect(handle before) noexcept override;

 private:
  NotedHandle& noted_;  // of the connection that this is the policy of
};

}  // namespace detail

// Connected when made; throws pqxx::broken_connection.
class CopyingConnection : private detail::NotedHandle, public pqxx::basic_connection_base<detail::NotingPolicy> {
 public:
  explicit CopyingConnection(const std::string& conninfo);
  ~CopyingConnection();
  CopyingConnection(const CopyingConnection&) = delete;
  CopyingConnection& operator=(const CopyingConnection&) = delete;

  // The one that a transaction is on, which every transaction of a DbPool is. Throws std::logic_error for another.
  static CopyingConnection& of(const pqxx::transaction_base& transaction);

  // libpq's own, for use between two statements of libpqxx.
  pg_conn* handle() const { return NotedHandle::handle; }
};

}  // namespace argosy::server
