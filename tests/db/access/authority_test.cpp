// An authority that ends, ends everywhere: sessions, links and tokens, each with what it rests on.
#include "server/access/role.hpp"
#include "tests/db/access/access_fixture.hpp"

namespace argosy::server {
namespace {

using std::chrono::hours;

class AuthorityTest : public AccessFixture {
 protected:
  NewUser root = make_user("root", Role::admin);
  NewUser ada = make_user("ada", Role::admin);

  NewToken make_token(const Maker& who, Role role = Role::admin, std::optional<Duration> life = std::nullopt) {
    return run(access.create_token("ci", role, life, who, now)).value();
  }
  std::string link_for(const std::string& name, const Maker& who) {
    return run(access.create_user(name, Role::admin, std::nullopt, who, now)).value().link_token;
  }
  void change(const NewUser& user, UserChange what) {
    run(access.change_user(user.user.id, what, maker(root), now)).value();
  }
  Role role_of(const NewToken& token) { return run(access.find_token(token.secret, now)).value()->effective_role; }
};

TEST_F(AuthorityTest, DisablingEndsSessionsLinksAndTokens) {
  const SignedIn session = login("ada", "correct horse").value();
  const NewToken token = make_token(maker(ada));
  const NewToken of_token = make_token({"token:ci", std::nullopt, token.token.id}, Role::publisher);
  const std::string to_ada =
      run(access.change_user(ada.user.id, {.new_link = true}, maker(root), now)).value().link_token;
  const NewToken later = make_token(maker(ada));
  const std::string by_ada = link_for("mallory", maker(ada));
  const std::string by_her_token = link_for("oscar", {"token:ci", std::nullopt, later.token.id});
  change(ada, {.disabled = true});
  EXPECT_FALSE(lives(session));
  EXPECT_FALSE(lives(token));
  EXPECT_FALSE(lives(of_token));
  EXPECT_FALSE(lives(later));
  for (const std::string& link : {to_ada, by_ada, by_her_token}) {
    EXPECT_EQ(enter(link, "a new password").error().code, Errc::unauthenticated);
  }
  change(ada, {.disabled = false});
  EXPECT_FALSE(lives(session)) << "what has ended stays so";
  EXPECT_FALSE(lives(token));
  EXPECT_FALSE(enter(to_ada));
}

TEST_F(AuthorityTest, DisablingInTheDatabaseByHandEndsThemAsWell) {
  const SignedIn session = login("ada", "correct horse").value();
  const NewToken token = make_token(maker(ada));
  const std::string link = link_for("mallory", maker(ada));
  database.exec("update users set disabled_at = now() where name = 'ada'");
  EXPECT_FALSE(lives(session));
  EXPECT_FALSE(lives(token));
  EXPECT_FALSE(enter(link));
}

TEST_F(AuthorityTest, ATokenNeverHasMoreRightsThanItsMakerHasNow) {
  const NewToken admin = make_token(maker(ada)), publisher = make_token(maker(ada), Role::publisher);
  const std::string link = link_for("mallory", maker(ada));
  change(ada, {.role = Role::operator_});
  EXPECT_EQ(role_of(admin), Role::operator_);
  EXPECT_EQ(role_of(publisher), Role::viewer);
  EXPECT_FALSE(enter(link)) << "an operator makes no links";
  EXPECT_EQ(run(access.create_token("x", Role::viewer, std::nullopt, maker(ada), now)).error().code, Errc::forbidden);
  change(ada, {.role = Role::admin});
  EXPECT_EQ(role_of(admin), Role::admin);
}

TEST_F(AuthorityTest, AnotherRoleEndsSessions) {
  const SignedIn session = login("ada", "correct horse").value();
  change(ada, {.role = Role::admin});
  EXPECT_TRUE(lives(session)) << "nothing changed";
  change(ada, {.role = Role::viewer});
  EXPECT_FALSE(lives(session));
}

TEST_F(AuthorityTest, ATokenEndsWithTheTokenThatMadeIt) {
  const NewToken parent = make_token(maker(ada), Role::admin, hours(1));
  const Maker by_parent{"token:ci", std::nullopt, parent.token.id};
  const NewToken child = make_token(by_parent, Role::publisher, hours(100));
  EXPECT_LE(child.token.expires_at, parent.token.expires_at) << "and lives no longer";
  const NewToken grandchild = make_token({"token:ci", std::nullopt, child.token.id}, Role::viewer);
  const std::string link = link_for("mallory", by_parent);
  run(access.revoke_token(parent.token.id, "user:root", now)).value();
  EXPECT_FALSE(lives(child));
  EXPECT_FALSE(lives(grandchild));
  EXPECT_FALSE(enter(link));
  EXPECT_EQ(run(access.create_token("x", Role::viewer, std::nullopt, by_parent, now)).error().code,
            Errc::unauthenticated);
}

TEST_F(AuthorityTest, APasswordResetEndsAllThatCameBefore) {
  const SignedIn session = login("ada", "correct horse").value();
  const NewToken token = make_token(maker(ada));
  const std::string older =
      run(access.change_user(ada.user.id, {.new_link = true}, maker(root), now)).value().link_token;
  EXPECT_FALSE(lives(session)) << "at the reset, not at the link's use";
  EXPECT_FALSE(lives(token));
  const std::string newer =
      run(access.change_user(ada.user.id, {.new_link = true}, maker(root), now)).value().link_token;
  EXPECT_FALSE(enter(older)) << "one link at a time";
  const SignedIn meanwhile = login("ada", "correct horse").value();
  const SignedIn reset = enter(newer, "another horse").value();
  EXPECT_TRUE(lives(reset));
  EXPECT_FALSE(lives(meanwhile));
  EXPECT_FALSE(login("ada", "correct horse"));
}

TEST_F(AuthorityTest, AChangedPasswordEndsLinksAndOtherSessions) {
  const SignedIn here = login("ada", "correct horse").value(), there = login("ada", "correct horse").value();
  const std::string link = run(access.make_admin_link(false, now)).value();  // for root, the first admin
  const SignedIn root_here = login("root", "correct horse").value();
  run(access.change_password(root_here.session, "correct horse", "another horse", "192.0.2.1", now)).value();
  EXPECT_FALSE(enter(link));
  run(access.change_password(here.session, "correct horse", "another horse", "192.0.2.1", now)).value();
  EXPECT_FALSE(lives(there));
}

TEST_F(AuthorityTest, SigningOutEverywhereEndsEverySessionOfThatPersonAlone) {
  const SignedIn first = login("ada", "correct horse").value(), second = login("ada", "correct horse").value();
  const SignedIn other = login("root", "correct horse").value();
  run(access.logout_everywhere(ada.user.id, "user:ada")).value();
  EXPECT_FALSE(lives(first));
  EXPECT_FALSE(lives(second));
  EXPECT_TRUE(lives(other));
}

TEST_F(AuthorityTest, ASessionEndsInTheEndHoweverMuchItIsUsed) {
  const SignedIn session = login("ada", "correct horse").value();
  const Instant began = now;
  while (now < began + hours(24 * 7)) {
    ASSERT_TRUE(lives(session)) << to_rfc3339(now);
    now += hours(4);
  }
  EXPECT_FALSE(lives(session));
  run(access.tick(now)).value();
  EXPECT_EQ(database.value<int>("select count(*) from sessions"), 0);
}

TEST_F(AuthorityTest, SigningInAgainEndsTheSessionThatTheBrowserHad) {
  const SignedIn first = login("ada", "correct horse").value();
  const auto again =
      run(access.login("root", "correct horse", Door{"192.0.2.1", first.cookie_token}, now, retry_after));
  EXPECT_TRUE(lives(again.value()));
  EXPECT_FALSE(lives(first));
}

TEST_F(AuthorityTest, WatchingAStreamIsNoUse) {
  const SignedIn session = login("ada", "correct horse").value();
  now += hours(11);
  EXPECT_TRUE(run(access.find_session(session.cookie_token, now, false)).value());
  now += hours(2);
  EXPECT_FALSE(lives(session));
}

TEST_F(AuthorityTest, ClaimsEndWhenTheirMakerMayMakeNoneAnyMore) {
  const NewToken token = make_token(maker(root));
  for (const std::string by : {"user:ada", "user:root", "token:ci"}) {
    database.exec("insert into claims (token_hash, max_uses, expires_at, created_by) values (sha256('" + by +
                  "'), 9, now() + interval '1 day', '" + by + "')");
  }
  const auto open_claims = [this] {
    return database.value<std::string>(
        "select string_agg(created_by, ' ' order by created_by) from claims where "
        "revoked_at is null");
  };
  change(ada, {.role = Role::operator_});
  EXPECT_EQ(open_claims(), "token:ci user:root");
  run(access.revoke_token(token.token.id, "user:root", now)).value();
  EXPECT_EQ(open_claims(), "user:root");
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'claim.revoke'"), 2);
}

}  // namespace
}  // namespace argosy::server
