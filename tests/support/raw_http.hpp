// A blocking HTTP client that sends exactly the bytes a test writes.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace argosy::test {

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
    std::string text = std::exchange(buffer_, {});
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

}  // namespace argosy::test
