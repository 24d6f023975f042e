// A migrated database with devices in it, for the tests of this folder.
#pragma once

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "server/db/db_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {

class DevicesTest : public ::testing::Test {
 protected:
  const Instant now = instant_from_ms(1'790'000'000'000);
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), pool_options()};

  DbPool::Options pool_options() const {
    DbPool::Options options;
    options.conninfo = database.conninfo();
    options.threads = 2;
    return options;
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return test::run_task(io, std::move(task));
  }

  // As enrolment leaves it.
  void add_device(const std::string& id, const std::string& hardware_class = "cpu", const std::string& labels = "{}") {
    database.exec("insert into devices (id, hardware_class, labels, enrolled_at) values ('" + id + "', '" +
                  hardware_class + "', '" + labels + "', '" + to_rfc3339(now) + "')");
    database.exec("insert into device_state (device_id, presence_since) values ('" + id + "', '" + to_rfc3339(now) +
                  "')");
  }
};

}  // namespace argosy::server
