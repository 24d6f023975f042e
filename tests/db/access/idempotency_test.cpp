#include "server/access/idempotency.hpp"

#include "tests/db/access/access_fixture.hpp"

namespace argosy::server {
namespace {

class IdempotencyTest : public AccessFixture {
 protected:
  Idempotency idempotency{db};
  int runs = 0;
  Result<Response> answer = Response::json("{\"id\":1}", 201);
  Route route{.method = Method::post, .path = "/api/v1/rollouts", .handler = [this](Request&) { return handle(); }};

  Task<Result<Response>> handle() {
    ++runs;
    co_return answer;
  }
  Result<Response> post(const std::string& key, const std::string& body, const std::string& user = "ada") {
    Request request;
    request.method = Method::post;
    request.path = route.path;
    request.headers["idempotency-key"] = key;
    request.body = body;
    request.principal = {Principal::Kind::user, user, Role::operator_};
    request.now = now;
    return run(idempotency.around(route, request));
  }
};

TEST_F(IdempotencyTest, TheSameRequestRunsOnce) {
  for (int i = 0; i < 3; ++i) {
    const Response response = post("k1", "{}").value();
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(std::get<std::string>(response.body), "{\"id\":1}");
  }
  EXPECT_EQ(runs, 1);
}

TEST_F(IdempotencyTest, AnotherBodyIsAMismatch) {
  post("k1", "{}").value();
  EXPECT_EQ(post("k1", "{\"a\":1}").error().code, Errc::idempotency_mismatch);
  route.path = "/api/v1/models";
  EXPECT_EQ(post("k1", "{}").error().code, Errc::idempotency_mismatch);
}

TEST_F(IdempotencyTest, KeysBelongToTheirCaller) {
  post("k1", "{}", "ada").value();
  post("k1", "{}", "bob").value();
  EXPECT_EQ(runs, 2);
}

TEST_F(IdempotencyTest, ARefusalIsKeptButAFailureIsNot) {
  answer = make_error(Errc::conflict, "taken");
  EXPECT_EQ(post("k1", "{}").value().status, 409);
  EXPECT_EQ(post("k1", "{}").value().status, 409);
  EXPECT_EQ(runs, 1);
  answer = make_error(Errc::unavailable, "later");
  EXPECT_EQ(post("k2", "{}").error().code, Errc::unavailable);
  answer = Response::json("{}", 201);
  EXPECT_EQ(post("k2", "{}").value().status, 201);
}

TEST_F(IdempotencyTest, ARequestUnderWayIsAConflictUntilItsServerMustBeDead) {
  database.exec(
      "insert into idempotency_keys (actor, key, route, body_digest, status, response) "
      "values ('user:ada', 'k1', '/api/v1/rollouts', encode(sha256('{}'), 'hex'), 0, '')");
  EXPECT_EQ(post("k1", "{}").error().code, Errc::conflict);
  now += std::chrono::minutes(2);
  EXPECT_EQ(post("k1", "{}").value().status, 201);
}

TEST_F(IdempotencyTest, SecretsAreNotKept) {
  route.path = "/api/v1/tokens";
  post("k1", "{}").value();
  post("k1", "{}").value();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(database.value<int>("select count(*) from idempotency_keys"), 0);
}

TEST_F(IdempotencyTest, AWrongKeyIsRefused) {
  for (const std::string& key : {std::string(), std::string("a b"), std::string(129, 'k')}) {
    EXPECT_EQ(post(key, "{}").error().code, Errc::invalid_argument);
  }
  EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace argosy::server
