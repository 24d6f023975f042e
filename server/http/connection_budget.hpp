// Who holds the connections of one listener, and who gives one up when they run out. Strangers share what the reserve
// leaves them, some to each address, and make room for each other, the oldest first: who comes to sign in is through
// within milliseconds, who holds a half request open is not. Those who have signed (a client certificate, a session, a
// token) are counted by name. Pure bookkeeping; bounded by the number of connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace argosy::server {

class ConnectionBudget {
 public:
  using Id = std::uint64_t;
  struct Limits {
    std::size_t connections = 1024;
    std::size_t unsigned_per_address = 64;
    std::size_t per_peer = 64;  // of one device, person or token
    std::size_t reserve = 256;  // of `connections`, out of reach for strangers
  };
  struct Counters {
    std::uint64_t turned_away = 0;  // nobody could make room
    std::uint64_t evicted = 0;      // closed to make room for another
  };
  struct Admission {
    Id id = 0;
    std::optional<Id> evicted;  // to be closed; has left already
  };

  explicit ConnectionBudget(Limits limits) : limits_(limits) {}

  // A new connection, a stranger's so far. Nothing: no room, and nobody there who had to make some.
  std::optional<Admission> admit(const std::string& address);
  // The connection now speaks for `peer`; answers the one that has to go for it.
  std::optional<Id> sign(Id id, const std::string& peer);
  // Nobody any more: its credentials were refused. It counts against its address again.
  void unsign(Id id);
  void leave(Id id);

  bool is_signed(Id id) const;
  std::size_t size() const { return admitted_.size(); }
  std::size_t strangers() const { return strangers_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Admitted {
    std::string address;
    std::string peer;  // empty: a stranger
  };
  using ByName = std::map<std::string, std::set<Id>>;  // ids ascend with age

  void join(ByName& names, const std::string& name, Id id);
  void part(ByName& names, const std::string& name, Id id);
  void count_address(const std::string& address, std::size_t before, std::size_t after);
  std::optional<Id> oldest_of_the_greediest() const;
  Id evict(Id id);

  Limits limits_;
  Counters counters_;
  Id next_ = 1;
  std::map<Id, Admitted> admitted_;
  ByName addresses_;                                     // of strangers
  ByName peers_;                                         // of those who signed
  std::set<std::pair<std::size_t, std::string>> greed_;  // strangers' addresses by how many they hold
  std::size_t strangers_ = 0;
};

}  // namespace argosy::server
