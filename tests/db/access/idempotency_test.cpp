#include "server/access/idempotency.hpp"

#include "server/access/permission.hpp"
#include "server/access/role.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/journal/journal_store.hpp"
#include "tests/db/access/access_fixture.hpp"

namespace argosy::server {
namespace {

class IdempotencyTest : public AccessFixture {
 protected:
  Router router;
  Idempotency idempotency{db, router};
  int runs = 0;
  Result<Response> answer = Response::json("{\"id\":1}", 201);
  Route route{.method = Method::post,
              .path = "/api/v1/rollouts",
              .permission = Permission::operate_rollouts,
              .handler = [this](Request&) { return handle(); }};

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

// A change like any other: one transaction with its row in the audit log.
struct MakeModel {
  std::string name;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0("insert into models (name) values ($1)", name);
    transaction.exec_params0("insert into audit (actor, action, object) values ('test', 'model.create', $1)",
                             "model/" + name);
  }
};

struct Audited {
  void operator()(pqxx::work& transaction) const { append_audit(transaction, "test", "x", "y"); }
};

class ProtectedChangeTest : public IdempotencyTest {
 protected:
  int models() { return database.value<int>("select count(*) from models"); }
  Task<Result<Response>> make_model() {
    ARGOSY_CO_CHECK(co_await db.transact<MakeModel>("m" + std::to_string(++runs)));
    co_return Response::json("{}", 201);
  }
  // Takes so long that the same request is begun again meanwhile.
  Task<Result<Response>> outlived() {
    database.exec("update idempotency_keys set attempt = attempt + 1");
    co_return co_await make_model();
  }
  Task<Result<Response>> audited() {
    ARGOSY_CO_CHECK(co_await db.transact<Audited>());
    co_return Response::json("{}");
  }
  void SetUp() override {
    route.handler = [this](Request&) { return make_model(); };
    router.add({.method = Method::get,
                .path = "/api/v1/models/{model}",
                .permission = Permission::read_fleet,
                .handler = [](Request& request) { return read_model(std::string(request.param("model"))); }});
  }
  static Task<Result<Response>> read_model(std::string name) {
    co_return Response::json("{\"name\":\"" + name + "\"}");
  }
};

TEST_F(ProtectedChangeTest, AServerThatDiesBehindTheChangeDoesNotRepeatIt) {
  // The response cannot be stored: as if the process had ended between the change's commit and that.
  database.exec(
      "create function fail() returns trigger language plpgsql as $$ begin raise 'the server is dead'; end $$; "
      "create trigger dead before update of status on idempotency_keys for each row execute function fail()");
  EXPECT_FALSE(post("k1", "{}"));
  EXPECT_EQ(models(), 1);
  database.exec("drop trigger dead on idempotency_keys");

  EXPECT_EQ(post("k1", "{}").error().code, Errc::conflict) << "it may still be under way";
  now += std::chrono::minutes(2);
  const Response again = post("k1", "{}").value();
  EXPECT_EQ(std::get<std::string>(again.body), R"({"name":"m1"})") << "read, as its own response was lost";
  EXPECT_EQ(models(), 1);
}

TEST_F(ProtectedChangeTest, AChangeThatIsRolledBackFreesItsKey) {
  database.exec("insert into models (name) values ('m1')");
  EXPECT_EQ(post("k1", "{}").value().status, 409);
  EXPECT_EQ(database.value<bool>("select done from idempotency_keys"), false);
}

TEST_F(ProtectedChangeTest, WhoWasThoughtDeadDoesNotChangeAnythingAnyMore) {
  route.handler = [this](Request&) { return outlived(); };
  EXPECT_EQ(post("k1", "{}").value().status, 409);
  EXPECT_EQ(models(), 0) << "the other attempt is at it";
}

TEST_F(ProtectedChangeTest, ChangesKnowWhereTheyCameFrom) {
  Request request;
  request.method = Method::post;
  request.peer_address = "192.0.2.9";
  request.now = now;
  route.handler = [this](Request&) { return audited(); };
  run(idempotency.around(route, request)).value();
  EXPECT_EQ(database.value<std::string>("select address from audit"), "192.0.2.9");
}

}  // namespace
}  // namespace argosy::server
