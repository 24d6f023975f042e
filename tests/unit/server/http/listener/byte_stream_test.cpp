// When an operation on a stream ends, over loopback TCP.
#include "server/http/byte_stream.hpp"

#include <array>
#include <chrono>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = ByteStream::Clock;

class ByteStreamTest : public ::testing::Test {
 protected:
  asio::io_context io;
  tcp::socket peer{io};
  std::shared_ptr<ByteStream> stream;

  void SetUp() override {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    peer.connect(acceptor.local_endpoint());
    stream = make_tcp_stream(acceptor.accept());
  }
  Result<std::size_t> read() {
    std::array<std::uint8_t, 4> buffer;
    auto reading = asio::co_spawn(io, stream->read_some(buffer.data(), buffer.size()), asio::use_future);
    io.restart();
    io.run();
    return reading.get();
  }
  Result<void> write(std::string_view data) {
    auto writing = asio::co_spawn(io, stream->write(data), asio::use_future);
    io.restart();
    io.run();
    return writing.get();
  }
};

TEST_F(ByteStreamTest, BytesThatAreThereAlreadyDoNotOutliveTheDeadline) {
  asio::write(peer, asio::buffer("0123456789", 10));
  stream->expires_after(std::chrono::hours(1));
  EXPECT_EQ(read().value(), 4U);
  stream->expires_at(Clock::now());
  EXPECT_EQ(read().error().code, Errc::timeout);
  EXPECT_EQ(write("answer").error().code, Errc::timeout);
}

TEST_F(ByteStreamTest, TheEndOfAllHoldsForEachLaterDeadline) {
  asio::write(peer, asio::buffer("0123456789", 10));
  stream->end_all_by(Clock::now());
  stream->expires_after(std::chrono::hours(1));
  EXPECT_EQ(read().error().code, Errc::timeout);
}

TEST_F(ByteStreamTest, ThatEndMayBeTakenBack) {
  asio::write(peer, asio::buffer("0123456789", 10));
  stream->end_all_by(Clock::now());
  stream->end_all_by(Clock::time_point::max());
  stream->expires_after(std::chrono::hours(1));
  EXPECT_EQ(read().value(), 4U);
}

TEST_F(ByteStreamTest, WithoutADeadlineNothingEnds) {
  asio::write(peer, asio::buffer("0123456789", 10));
  stream->expires_at(Clock::now());
  stream->expires_never();
  EXPECT_EQ(read().value(), 4U);
  EXPECT_TRUE(write("answer").has_value());
}

TEST_F(ByteStreamTest, SilenceEndsAtTheDeadline) {
  stream->expires_after(std::chrono::milliseconds(1));
  EXPECT_EQ(read().error().code, Errc::timeout);
}

}  // namespace
}  // namespace argosy::server
