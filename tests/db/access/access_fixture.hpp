// Access control on a real database, with a hand on the clock.
#pragma once

#include <gtest/gtest.h>

#include "server/access/access_service.hpp"
#include "server/access/role.hpp"
#include "server/db/db_pool.hpp"
#include "server/work/worker_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {

class AccessFixture : public ::testing::Test {
 protected:
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool db{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  WorkerPool worker{io.get_executor(), {}};
  AccessService access{db, worker, AccessOptions{}};
  Instant now = wall_clock_now();
  Duration retry_after{};

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return test::run_task(io, std::move(task));
  }
  // Signs in and gives the session.
  Result<SignedIn> login(const std::string& name, const std::string& password,
                         const std::string& address = "192.0.2.1") {
    return run(access.login(name, password, Door{address}, now, retry_after));
  }
  Result<SignedIn> enter(const std::string& link, std::optional<std::string> password = std::nullopt) {
    return run(access.login_by_link({link, std::move(password)}, Door{"192.0.2.1"}, now, retry_after));
  }
  static Maker maker(const NewUser& user) { return {"user:" + user.user.name, user.user.id}; }
  bool lives(const SignedIn& signed_in) {
    return run(access.find_session(signed_in.cookie_token, now)).value().has_value();
  }
  bool lives(const NewToken& token) { return run(access.find_token(token.secret, now)).value().has_value(); }
  NewUser make_user(const std::string& name, Role role, const std::string& password = "correct horse") {
    return run(access.create_user(name, role, password, Maker{"test"}, now)).value();
  }
};

}  // namespace argosy::server
