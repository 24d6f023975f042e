// The whole server on free ports and a database of its own, with its I/O thread; without a broker.
#pragma once

#include <memory>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "common/crypto/digest.hpp"
#include "server/app/init_pki.hpp"
#include "server/app/server.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {

class RunningServer {
 public:
  RunningServer(const test::TestDatabase& database, const test::TemporaryFolder& folder) {
    init_pki(folder.path() / "pki", {"127.0.0.1"}, wall_clock_now()).value();
    Config config;
    config.operator_port = 0;
    config.device_address = "127.0.0.1";
    config.device_port = 0;
    config.pki_dir = folder.path() / "pki";
    config.store_dir = folder.path() / "store";
    config.database_conninfo = database.conninfo();
    config.database_threads = 2;
    config.mqtt_enabled = false;
    config.leader_check_ms = 100;
    server_ = Server::create(io_, config).value();
    thread_ = std::thread([this] { io_.run(); });
    boost::asio::co_spawn(io_, server_->start(), boost::asio::use_future).get().value();
  }
  ~RunningServer() {
    boost::asio::co_spawn(io_, server_->stop(), boost::asio::use_future).get();
    guard_.reset();
    thread_.join();  // nothing may keep the I/O thread busy after stop()
    server_.reset();
  }
  Server& operator*() { return *server_; }
  Server* operator->() { return server_.get(); }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{io_.get_executor()};
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

class ServerFixture : public ::testing::Test {
 protected:
  test::TestDatabase database{test::TestDatabase::Schema::empty};
  test::TemporaryFolder folder;

  // An API token of this role.
  std::string token(const std::string& role) {
    const std::string secret = "argosy_" + role;
    database.exec("insert into api_tokens (name, role, token_hash, created_by) values ('" + role + "', '" + role +
                  "', decode('" + sha256(as_bytes(secret)).to_hex() + "', 'hex'), 'test')");
    return secret;
  }
  static test::Reply ask(std::uint16_t port, const std::string& method, const std::string& path,
                         const std::string& secret = "", const std::string& body = "") {
    test::Client client(port);
    client.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                (secret.empty() ? "" : "Authorization: Bearer " + secret + "\r\n") +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.read_reply();
  }
};

}  // namespace argosy::server
