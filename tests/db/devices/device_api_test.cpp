#include "server/devices/device_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/role.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class DeviceApiTest : public DevicesTest {
 protected:
  DeviceService devices{pool};
  std::optional<EnrolmentService> enrolment;
  Router router;

  void SetUp() override {
    EnrolmentOptions options;
    options.authority = make_authority("test fleet", {now - 24h, now + 24h * 365}).value();
    enrolment.emplace(pool, options);
    add_device_routes(router, devices);
    add_enrolment_routes(router, *enrolment);
  }

  struct Answer {
    int status = 0;
    Json body;
  };
  Answer call(Method method, const std::string& path, const Json& body = nullptr,
              std::map<std::string, std::string, std::less<>> query = {}) {
    const Router::Match match = router.match(method, path);
    Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.params = match.params;
    request.body = body.is_null() ? "" : body.dump();
    request.principal = {Principal::Kind::user, "ada", Role::admin};
    request.now = now;
    auto answer = run(match.route->handler(request));
    const Response response = answer ? std::move(*answer) : problem(answer.error());
    const auto& text = std::get<std::string>(response.body);
    return {response.status, text.empty() ? Json() : Json::parse(text)};
  }
};

TEST_F(DeviceApiTest, ADeviceIsEnrolledListedLabelledAndRevoked) {
  const Answer claim = call(Method::post, "/api/v1/claims", {{"max_uses", 1}, {"expires_in_s", 60}});
  ASSERT_EQ(claim.status, 201);
  EXPECT_EQ(claim.body["ca_sha256"].get<std::string>().size(), 64U);

  const std::string csr = make_csr(make_private_key().value(), "cam-7").value();
  const Json enrol = {{"claim", claim.body["claim"]}, {"device", "cam-7"}, {"hardware_class", "cpu"}, {"csr", csr}};
  const Answer enrolled = call(Method::post, "/device/v1/enrol", enrol);
  ASSERT_EQ(enrolled.status, 201);
  EXPECT_EQ(enrolled.body["mqtt"]["port"], 8883);

  EXPECT_EQ(call(Method::get, "/api/v1/devices").body["items"][0]["id"], "cam-7");
  EXPECT_EQ(call(Method::patch, "/api/v1/devices/cam-7", {{"labels", {{"site", "x"}}}}).body["labels"]["site"], "x");
  EXPECT_EQ(call(Method::del, "/api/v1/devices/cam-7").status, 204);
  EXPECT_EQ(call(Method::get, "/api/v1/devices").body["total"], 0);
  EXPECT_NE(call(Method::get, "/api/v1/devices/cam-7").body["revoked_at"], nullptr);
  EXPECT_EQ(call(Method::get, "/api/v1/claims").body["items"][0]["uses"], 1);
}

TEST_F(DeviceApiTest, PagesFollowTheCursor) {
  for (const char* id : {"a", "b", "c"}) add_device(id);
  const Answer first = call(Method::get, "/api/v1/devices", nullptr, {{"limit", "2"}});
  EXPECT_EQ(first.body["items"].size(), 2U);
  const Answer second =
      call(Method::get, "/api/v1/devices", nullptr, {{"limit", "2"}, {"cursor", first.body["next_cursor"]}});
  EXPECT_EQ(second.body["items"][0]["id"], "c");
  EXPECT_EQ(second.body["next_cursor"], nullptr);
  EXPECT_EQ(second.body["total"], 3);
}

TEST_F(DeviceApiTest, ProblemsHaveTheirOwnTypes) {
  const Answer filter = call(Method::get, "/api/v1/devices", nullptr, {{"filter", "colour = red"}});
  EXPECT_EQ(filter.status, 400);
  EXPECT_EQ(filter.body["type"], "https://argosy.dev/problems/filter-syntax");
  EXPECT_EQ(call(Method::get, "/api/v1/devices/none").status, 404);
  EXPECT_EQ(call(Method::patch, "/api/v1/devices/none", {{"label", {}}}).status, 400);
  const std::string csr = make_csr(make_private_key().value(), "cam-7").value();
  const Json enrol = {{"claim", "wrong"}, {"device", "cam-7"}, {"hardware_class", "cpu"}, {"csr", csr}};
  const Answer refused = call(Method::post, "/device/v1/enrol", enrol);
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body["type"], "https://argosy.dev/problems/claim-invalid");
}

}  // namespace
}  // namespace argosy::server
