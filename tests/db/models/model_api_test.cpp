#include "server/models/model_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/role.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"
#include "server/models/draft_api.hpp"
#include "tests/db/models/models_fixture.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

class ModelApiTest : public ModelsTest {
 protected:
  ModelService models{pool, blobs};
  wire::Desired desired;  // of the device that asks
  DownloadPermits permits{[this](DeviceId) { return desired_document(); }};
  Router router;

  Task<Result<wire::Desired>> desired_document() { co_return desired; }
  void SetUp() override {
    add_model_routes(router, models);
    add_draft_routes(router, models);
    add_blob_routes(router, blobs);
    add_device_blob_routes(router, blobs, permits);
  }

  Response call(Method method, const std::string& path, const std::string& body = "") {
    const Router::Match match = router.match(method, path);
    Request request;
    request.method = method;
    request.path = path;
    request.params = match.params;
    TextBody stream(body, 4096);
    if (match.route->streaming) {
      request.stream = &stream;
    } else {
      request.body = body;
    }
    request.principal = {Principal::Kind::token, "ci", Role::publisher};
    request.now = now;
    auto answer = run(match.route->handler(request));
    return answer ? std::move(*answer) : problem(answer.error());
  }
  static Json json_of(const Response& response) { return Json::parse(std::get<std::string>(response.body)); }
};

TEST_F(ModelApiTest, APublisherUploadsAndPublishes) {
  const std::string file = onnx("graph");
  const std::string digest = digest_of(file).to_hex();
  EXPECT_EQ(call(Method::get, "/api/v1/blobs/" + digest).status, 404);
  EXPECT_EQ(call(Method::put, "/api/v1/blobs/" + digest, file).status, 201);
  EXPECT_EQ(call(Method::put, "/api/v1/blobs/" + digest, file).status, 200);
  EXPECT_EQ(call(Method::get, "/device/v1/blobs/" + digest).status, 404) << "its document does not name it";
  desired.models.emplace_back().artifact.digest = digest;
  const Response response = call(Method::get, "/device/v1/blobs/" + digest);
  EXPECT_EQ(std::get<FileBody>(response.body).etag, digest);
  EXPECT_TRUE(std::get<FileBody>(response.body).lease);

  EXPECT_EQ(call(Method::post, "/api/v1/models", R"({"name": "digits"})").status, 201);
  EXPECT_EQ(call(Method::post, "/api/v1/models", R"({"name": "digits"})").status, 200);
  const Json release = {{"version", "1.0"},
                        {"variants", Json::array({{{"name", "fp32"}, {"digest", digest}, {"format", "onnx"}}})}};
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", release.dump()).status, 201);
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", release.dump()).status, 200);
  Json other = release;
  other["notes"] = "changed";
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", other.dump()).status, 409);

  const Json read = json_of(call(Method::get, "/api/v1/models/digits/releases/1.0"));
  EXPECT_EQ(read["variants"][0]["size"], file.size());
  EXPECT_EQ(json_of(call(Method::get, "/api/v1/models/digits"))["latest_version"], "1.0");
  EXPECT_EQ(json_of(call(Method::get, "/api/v1/models"))["total"], 1);
  EXPECT_EQ(json_of(call(Method::get, "/api/v1/models/digits/releases"))["items"].size(), 1U);
}

TEST_F(ModelApiTest, APublisherDraftsMendsAndFinishes) {
  const std::string digest = store(onnx("graph"));
  EXPECT_EQ(call(Method::post, "/api/v1/models", R"({"name": "digits"})").status, 201);
  Json draft = {{"version", "1.0"},
                {"variants", Json::array({{{"name", "fp32"}, {"digest", digest}, {"format", "onnx"}}})}};
  const std::string path = "/api/v1/models/digits/drafts";
  EXPECT_EQ(call(Method::put, path + "/1.1", draft.dump()).status, 400) << "the path names another version";
  EXPECT_EQ(call(Method::put, path + "/1.0", draft.dump()).status, 201);
  draft["notes"] = "mended";
  EXPECT_EQ(call(Method::put, path + "/1.0", draft.dump()).status, 200);
  const Json listed = json_of(call(Method::get, path));
  EXPECT_EQ(listed["total"], 1);
  EXPECT_EQ(listed["items"][0], json_of(call(Method::get, path + "/1.0")));
  EXPECT_EQ(listed["items"][0]["notes"], "mended");
  EXPECT_EQ(listed["items"][0]["variants"][0]["size"], onnx("graph").size());
  EXPECT_EQ(call(Method::get, "/api/v1/models/digits/releases/1.0").status, 404);

  EXPECT_EQ(call(Method::post, path + "/1.0/publish", "{}").status, 201);
  EXPECT_EQ(json_of(call(Method::get, "/api/v1/models/digits/releases/1.0"))["notes"], "mended");
  EXPECT_EQ(call(Method::get, path + "/1.0").status, 404);
  EXPECT_EQ(call(Method::del, path + "/1.0").status, 404);
  EXPECT_EQ(call(Method::put, path + "/1.0", draft.dump()).status, 409);
}

TEST_F(ModelApiTest, RefusalsSayWhy) {
  const std::string digest = digest_of("x").to_hex();
  const Json mismatch = json_of(call(Method::put, "/api/v1/blobs/" + digest, "y"));
  EXPECT_EQ(mismatch["type"], "https://argosy.dev/problems/digest-mismatch");
  EXPECT_EQ(mismatch["status"], 422);
  EXPECT_EQ(call(Method::put, "/api/v1/blobs/ABC", "y").status, 400);
  EXPECT_EQ(call(Method::get, "/api/v1/models/none/releases").status, 404);
}

TEST_F(ModelApiTest, ACompactVariantKeepsItsReport) {
  const std::string file = onnx("graph");
  const std::string digest = digest_of(file).to_hex();
  ASSERT_EQ(call(Method::put, "/api/v1/blobs/" + digest, file).status, 201);
  ASSERT_EQ(call(Method::post, "/api/v1/models", R"({"name": "digits"})").status, 201);
  Json release = {{"version", "1.0"},
                  {"variants", Json::array({{{"name", "fp32"},
                                             {"digest", digest},
                                             {"format", "onnx"},
                                             {"compact", {{"bits", 4}, {"agreement", 0.998}, {"metric", nullptr}}}}})}};
  const Response published = call(Method::post, "/api/v1/models/digits/releases", release.dump());
  ASSERT_EQ(published.status, 201);
  EXPECT_EQ(json_of(published)["variants"][0]["compact"]["agreement"], 0.998);
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", release.dump()).status, 200) << "the same again";
  release["version"] = "1.1";
  release["variants"][0]["compact"] = {{"notes", std::string(16 << 10, 'x')}};
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", release.dump()).status, 400);
  release["variants"][0]["compact"] = 4;
  EXPECT_EQ(call(Method::post, "/api/v1/models/digits/releases", release.dump()).status, 400);
  release["variants"][0].erase("compact");
  EXPECT_TRUE(json_of(call(Method::post, "/api/v1/models/digits/releases", release.dump()))["variants"][0]["compact"]
                  .is_null());
}

}  // namespace
}  // namespace argosy::server
