// A listener on a free loopback port with its own I/O thread, and a client that speaks bytes to it.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "server/http/http_server.hpp"

namespace argosy::server {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names as sent
  std::string body;
};

// Splits a whole response; the body is what follows the head.
inline Reply parse_reply(const std::string& text) {
  Reply reply;
  const std::size_t head_end = text.find("\r\n\r\n");
  if (text.size() < 12 || head_end == std::string::npos) return reply;
  reply.status = std::stoi(text.substr(9, 3));
  reply.body = text.substr(head_end + 4);
  std::size_t at = text.find("\r\n") + 2;
  while (at < head_end + 2) {
    const std::size_t end = text.find("\r\n", at);
    const std::size_t colon = text.find(": ", at);
    reply.headers[text.substr(at, colon - at)] = text.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  return reply;
}

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  }
  // False when the server has closed the connection.
  bool send(const std::string& data) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(data), error);
    return !error;
  }
  void end_writing() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  std::string read_to_end() {
    std::string text;
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(text), error);
    return text;
  }
  std::string read_until(const std::string& mark) {
    boost::system::error_code error;
    while (buffer_.find(mark) == std::string::npos && !error) read_more(error);
    const std::size_t end = std::min(buffer_.find(mark), buffer_.size() - mark.size()) + mark.size();
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end);
    return text;
  }
  // One response with a Content-Length.
  Reply read_reply() {
    std::string text = read_until("\r\n\r\n");
    Reply reply = parse_reply(text);
    const std::size_t size = reply.headers.count("Content-Length") ? std::stoul(reply.headers["Content-Length"]) : 0;
    boost::system::error_code error;
    while (buffer_.size() < size && !error) read_more(error);
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, reply.body.size());
    return reply;
  }
  void close() { socket_.close(); }

 private:
  void read_more(boost::system::error_code& error) {
    char piece[4096];
    const std::size_t count = socket_.read_some(boost::asio::buffer(piece), error);
    buffer_.append(piece, count);
  }
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / ("argosy-http-" + to_hex(secure_random(6)))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

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

  void get(const std::string& path, Handler handler, Access access = Access::open) {
    router.add({.method = Method::get, .path = path, .access = access, .handler = std::move(handler)});
  }
  void start() {
    workers = std::make_unique<WorkerPool>(io.get_executor(), WorkerPool::Options{});
    Dispatcher dispatcher({.listener = "operator",
                           .router = &router,
                           .files = files,
                           .metrics = &metrics,
                           .authenticate = authenticate,
                           .around = {}});
    server = std::make_unique<HttpServer>(io.get_executor(), options, std::move(dispatcher), *workers);
    server->start().value();
    thread = std::jthread([this] { io.run(); });
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
