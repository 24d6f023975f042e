// A wire to PostgreSQL that a test cuts at one statement: a relay on a loopback port, in a thread of its own, which
// reads the protocol as far as it must to count. A step is one message that PostgreSQL answers with "ready": a simple
// query (begin and commit too), or a prepared one up to its Sync. Backends outlive their clients: a client that
// connects gets one that is warm, rolled back and reset, so that a thousand cuts take seconds.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace argosy::test {

class PostgresWire {
 public:
  // To the database of this libpq connection string.
  explicit PostgresWire(const std::string& conninfo);
  ~PostgresWire();
  PostgresWire(const PostgresWire&) = delete;
  PostgresWire& operator=(const PostgresWire&) = delete;

  // The same database, through the wire.
  const std::string& conninfo() const { return conninfo_; }

  enum class Cut {
    backend_ends,  // before the step: the client reads what pg_terminate_backend leaves it; it may connect anew
    answer_lost,   // the step is done, and the connection breaks before its answer; the client may connect anew
    client_dies,   // the step is done, then no connection lasts, and none can be made until heal()
  };
  enum class Steps { all, commits };
  // At the step of this number, the first being 1, of those that come from now on over all connections.
  void cut_at(Steps of, int number, Cut how);
  bool has_cut() const { return has_cut_; }
  // Connections can be made, and last.
  void heal();

 private:
  struct Session {
    int client = -1;
    int backend = -1;            // none before the client's first message, which has no type
    bool loses_answers = false;  // what the backend says is not passed on; at "ready" the connection breaks
    std::string from_client{};   // not a whole message yet
    std::string from_backend{};
  };

  void run();
  void accept_one();
  void greet(Session& session, const std::string& first_message);
  // False: the session is over.
  bool pass_on_from_client(Session& session);
  bool pass_on_from_backend(Session& session);
  bool take_from_client(Session& session, const std::string& message);
  bool is_the_one(const std::string& message);
  void end(const Session& session);

  std::string server_host_;
  std::string server_port_;
  std::string conninfo_;
  int listener_ = -1;
  std::list<Session> sessions_;     // these three: of the thread
  std::vector<int> idle_backends_;  // reset
  std::string greeting_;            // of the first backend, from where it lets the client in up to "ready"
  bool is_greeting_whole_ = false;

  std::mutex mutex_;    // guards the plan
  int steps_left_ = 0;  // the last is cut; 0: none
  Steps of_ = Steps::all;
  Cut how_ = Cut::backend_ends;
  std::atomic<bool> has_cut_ = false;
  std::atomic<bool> refuses_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace argosy::test
