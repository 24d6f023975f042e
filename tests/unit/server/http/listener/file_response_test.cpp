#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

class FileResponseTest : public ServerTest {
 protected:
  TemporaryFolder folder;
  std::string content;

  void SetUp() override {
    for (int i = 0; i < 200'000; ++i) content += static_cast<char>('a' + i % 26);
    const auto path = folder.write("model.onnx", content);
    get("/blob", [path](Request&) { return answer(path); });
    get("/gone", [path = folder.path() / "gone"](Request&) { return answer(path); });
    start();
  }
  static Task<Result<Response>> answer(std::filesystem::path path) {
    Response response;
    response.content_type = "application/octet-stream";
    response.body = FileBody{path, "d1"};
    co_return response;
  }
};

TEST_F(FileResponseTest, WholeFile) {
  const Reply reply = ask_get("/blob");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("ETag"), "\"d1\"");
  EXPECT_EQ(reply.headers.at("Accept-Ranges"), "bytes");
  EXPECT_TRUE(reply.body == content);
}

TEST_F(FileResponseTest, ARange) {
  const Reply reply = ask_get("/blob", "Range: bytes=100000-199998\r\n");
  EXPECT_EQ(reply.status, 206);
  EXPECT_EQ(reply.headers.at("Content-Range"), "bytes 100000-199998/200000");
  EXPECT_TRUE(reply.body == content.substr(100000, 99999));
}

TEST_F(FileResponseTest, IfRangeOfAnotherVersionGivesTheWholeFile) {
  EXPECT_EQ(ask_get("/blob", "Range: bytes=5-\r\nIf-Range: \"d1\"\r\n").status, 206);
  const Reply reply = ask_get("/blob", "Range: bytes=5-\r\nIf-Range: \"d0\"\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), content.size());
}

TEST_F(FileResponseTest, ARangeOutsideIs416) {
  const Reply reply = ask_get("/blob", "Range: bytes=200000-\r\n");
  EXPECT_EQ(reply.status, 416);
  EXPECT_EQ(reply.headers.at("Content-Range"), "bytes */200000");
}

TEST_F(FileResponseTest, WhatTheClientHasIsNotSentAgain) {
  const Reply reply = ask_get("/blob", "If-None-Match: \"d1\"\r\n");
  EXPECT_EQ(reply.status, 304);
  EXPECT_EQ(reply.body, "");
}

TEST_F(FileResponseTest, HeadTellsTheSize) {
  const Reply reply = ask("HEAD /blob HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(reply.headers.at("Content-Length"), "200000");
  EXPECT_EQ(reply.body, "");
}

TEST_F(FileResponseTest, AMissingFileIsNotFound) {
  EXPECT_EQ(ask_get("/gone").status, 404);
}

}  // namespace
}  // namespace argosy::server
