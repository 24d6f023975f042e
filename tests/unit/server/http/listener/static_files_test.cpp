#include "server/http/static_files.hpp"

#include "server/http/response.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

class StaticFilesTest : public ::testing::Test {
 protected:
  TemporaryFolder outside;
  TemporaryFolder folder;
  void SetUp() override {
    folder.write("index.html", "<html>");
    folder.write("assets/app-1a2b.js", "js");
    folder.write("assets/app-1a2b.js.br", "brotli");
    folder.write("assets/app-1a2b.js.gz", "gzip");
    folder.write(".env", "secret");
    outside.write("secret.txt", "secret");
    std::filesystem::create_symlink(outside.path() / "secret.txt", folder.path() / "link.txt");
  }
  static std::string file_of(const std::optional<Response>& response) {
    return response ? std::get<FileBody>(response->body).path.filename().string() : "none";
  }
  static std::string header(const Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
};

TEST_F(StaticFilesTest, ThePagesOfTheDashboardAreItsIndex) {
  const StaticFiles files(folder.path());
  for (const char* path : {"/", "/devices/cam-7", "/models/digits/1.0", "/index.html"}) {
    const auto response = files.find(path, "");
    EXPECT_EQ(file_of(response), "index.html") << path;
    EXPECT_EQ(header(*response, "Cache-Control"), "no-cache");
    EXPECT_EQ(response->content_type, "text/html; charset=utf-8");
  }
  EXPECT_EQ(file_of(files.find("/assets/missing.js", "")), "none");
}

TEST_F(StaticFilesTest, HashedAssetsStayForeverAndComeCompressed) {
  const StaticFiles files(folder.path());
  const auto plain = files.find("/assets/app-1a2b.js", "");
  EXPECT_EQ(file_of(plain), "app-1a2b.js");
  EXPECT_EQ(header(*plain, "Cache-Control"), "public, max-age=31536000, immutable");
  const auto brotli = files.find("/assets/app-1a2b.js", "gzip, deflate, br");
  EXPECT_EQ(file_of(brotli), "app-1a2b.js.br");
  EXPECT_EQ(header(*brotli, "Content-Encoding"), "br");
  EXPECT_EQ(brotli->content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(file_of(files.find("/assets/app-1a2b.js", "br;q=0, gzip;q=0.5")), "app-1a2b.js.gz");
}

TEST_F(StaticFilesTest, NothingOutsideOfTheRoot) {
  const StaticFiles files(folder.path());
  const std::string up = "/../" + outside.path().filename().string() + "/secret.txt";
  for (const std::string& path : {up, "/assets/.." + up, std::string("/link.txt"), std::string("/.env"),
                                  "//" + outside.path().string() + "/secret.txt", std::string("/a\0.txt", 7)}) {
    EXPECT_EQ(file_of(files.find(path, "")), "none") << path;
  }
}

TEST_F(StaticFilesTest, WithoutARootThereIsNothing) {
  EXPECT_EQ(file_of(StaticFiles("").find("/", "")), "none");
}

class DashboardTest : public ServerTest {
 protected:
  TemporaryFolder folder;
};

TEST_F(DashboardTest, IsServedBesideTheRoutes) {
  folder.write("index.html", "<html>");
  const StaticFiles dashboard(folder.path());
  files = &dashboard;
  start();
  const Reply page = ask_get("/rollouts/3");
  EXPECT_EQ(page.body, "<html>");
  EXPECT_NE(page.headers.at("Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(ask_get("/api/v1/nothing").status, 404);
  EXPECT_EQ(ask("POST /rollouts/3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status, 404);
}

}  // namespace
}  // namespace argosy::server
