// A listener on a free loopback port with its own I/O thread.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "server/http/http_server.hpp"
#include "server/http/router.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::server {

using test::Client;
using test::parse_reply;
using test::Reply;
using test::TemporaryFolder;

class ServerTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{io.get_executor()};
  Router router;
  Metrics metrics;
  HttpServer::Options options;
  Dispatcher::Authenticate authenticate;
  const StaticFiles* files = nullptr;
  std::unique_ptr<WorkerPool> workers;
  std::unique_ptr<HttpServer> server;
  std::jthread thread;

  void get(const std::string& path, Handler handler, Permission permission = open_to_everybody) {
    router.add({.method = Method::get, .path = path, .permission = permission, .handler = std::move(handler)});
  }
  static Result<void> whoever_signed_in(Permission, const Principal& caller) {
    if (caller.kind != Principal::Kind::anonymous) return {};
    return make_error(Errc::unauthenticated, "sign in first");
  }
  void start() {
    workers = std::make_unique<WorkerPool>(io.get_executor(), WorkerPool::Options{});
    Dispatcher dispatcher({.listener = "operator",
                           .router = &router,
                           .files = files,
                           .metrics = &metrics,
                           .authenticate = authenticate,
                           .authorize = whoever_signed_in,
                           .around = {}});
    server = std::make_unique<HttpServer>(io.get_executor(), options, std::move(dispatcher), *workers);
    server->start().value();
    thread = std::jthread([this] { io.run(); });
  }
  // What the server tells on its I/O thread alone.
  std::size_t ask_on_its_thread(std::function<std::size_t()> question) {
    return boost::asio::post(io, boost::asio::use_future(std::move(question))).get();
  }
  Client client() { return Client(server->port()); }
  // One request on a connection of its own.
  Reply ask(const std::string& request) {
    Client one = client();
    one.send(request);
    return parse_reply(one.read_to_end());
  }
  Reply ask_get(const std::string& target, const std::string& headers = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
  }
  void stop(std::chrono::milliseconds grace = std::chrono::seconds(5)) {
    boost::asio::co_spawn(io, server->stop(grace), boost::asio::use_future).get();
  }
  void TearDown() override {
    if (!server) return;
    stop(std::chrono::milliseconds(0));
    guard.reset();
    io.stop();
    thread.join();
    server.reset();
    workers.reset();
  }
};

}  // namespace argosy::server
