#include "server/access/access_service.hpp"

#include "server/access/role.hpp"
#include "tests/db/access/access_fixture.hpp"

namespace argosy::server {
namespace {

using AccessServiceTest = AccessFixture;

TEST_F(AccessServiceTest, ThePasswordOpensASession) {
  make_user("ada", Role::operator_);
  const auto signed_in = login("ada", "correct horse");
  ASSERT_TRUE(signed_in) << signed_in.error().message;
  const auto found = run(access.find_session(signed_in->cookie_token, now)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "ada");
  EXPECT_EQ(found->role, Role::operator_);
  EXPECT_EQ(found->csrf, signed_in->session.csrf);
}

TEST_F(AccessServiceTest, WrongPasswordsAndUnknownNamesAreTheSame) {
  make_user("ada", Role::viewer);
  const auto wrong = login("ada", "wrong horse").error();
  const auto unknown = login("bob", "correct horse").error();
  EXPECT_EQ(wrong.code, Errc::unauthenticated);
  EXPECT_EQ(wrong, unknown);
}

TEST_F(AccessServiceTest, WhoGuessesShutsOutNobodyElse) {
  make_user("ada", Role::viewer);
  Result<SignedIn> last = make_error(Errc::internal, "");
  for (int i = 0; i < 6; ++i) last = login("ada", "wrong horse", "198.51.100.66");
  EXPECT_EQ(last.error().code, Errc::rate_limited);
  EXPECT_GT(retry_after, Duration::zero());
  EXPECT_TRUE(login("ada", "correct horse", "192.0.2.1")) << "the right password from where nobody failed";
  EXPECT_EQ(login("ada", "correct horse", "198.51.100.66").error().code, Errc::rate_limited);
  now += retry_after;
  EXPECT_TRUE(login("ada", "correct horse", "198.51.100.66"));
}

TEST_F(AccessServiceTest, AGoodLinkIsNeverMadeToWait) {
  for (int i = 0; i < 100; ++i) enter("guessed " + std::to_string(i));
  EXPECT_EQ(enter("guessed again").error().code, Errc::rate_limited);
  EXPECT_TRUE(enter(run(access.make_admin_link(true, now)).value(), "a new password"));
}

TEST_F(AccessServiceTest, SignInsAndFailuresAreInTheAuditLog) {
  make_user("ada", Role::viewer);
  const SignedIn ada = login("ada", "correct horse").value();
  run(access.logout(ada.cookie_token)).value();
  for (int i = 0; i < 4; ++i) login("ada", "wrong horse", "2001:db8::1");
  login("nobody", "wrong horse");
  EXPECT_EQ(database.value<int>("select count(*) from audit where action in ('user.login', 'user.logout')"), 2);
  const std::string failures = "select count(*) from audit where action = 'user.login_failed'";
  EXPECT_EQ(database.value<int>(failures), 2) << "one an account and address";
  run(access.write_failures(now + Duration(61'000))).value();
  EXPECT_EQ(database.value<int>(failures), 3);
  EXPECT_EQ(
      database.value<std::string>("select (details->>'failures') || (details->>'address') from audit where action = "
                                  "'user.login_failed' order by id desc limit 1"),
      "32001:db8::/64");
}

TEST_F(AccessServiceTest, NoSecretIsStoredAsItIs) {
  make_user("ada", Role::viewer);
  const auto signed_in = login("ada", "correct horse").value();
  const auto token = run(access.create_token("ci", Role::publisher, std::nullopt, Maker{"user:ada"}, now)).value();
  EXPECT_TRUE(token.secret.starts_with("argosy_"));
  EXPECT_EQ(database.value<int>("select count(*) from users where password_hash not like '$argon2id$%'"), 0);
  EXPECT_EQ(database.value<int>("select length(token_hash) from sessions"), 32);
  EXPECT_EQ(database.value<int>("select length(token_hash) from api_tokens"), 32);
  EXPECT_EQ(database.value<int>("select count(*) from api_tokens where token_hash = convert_to('" + token.secret +
                                "', 'UTF8')"),
            0);
}

TEST_F(AccessServiceTest, SessionsEndWithLogoutTimeAndDisabling) {
  const NewUser admin = make_user("root", Role::admin);
  const NewUser ada = make_user("ada", Role::viewer);
  const auto first = login("ada", "correct horse").value().cookie_token;
  run(access.logout(first)).value();
  EXPECT_FALSE(run(access.find_session(first, now)).value());

  const auto second = login("ada", "correct horse").value().cookie_token;
  EXPECT_FALSE(run(access.find_session(second, now + std::chrono::hours(13))).value());
  EXPECT_TRUE(run(access.find_session(second, now + std::chrono::hours(11))).value()) << "and that use prolongs it";
  EXPECT_TRUE(run(access.find_session(second, now + std::chrono::hours(22))).value());

  run(access.change_user(ada.user.id, {.role = {}, .disabled = true}, Maker{"user:root"}, now)).value();
  EXPECT_FALSE(run(access.find_session(second, now)).value());
  EXPECT_EQ(login("ada", "correct horse").error().code, Errc::unauthenticated);
}

TEST_F(AccessServiceTest, ALinkWorksOnceAndSetsThePassword) {
  const std::string token = run(access.make_admin_link(true, now)).value();
  ASSERT_FALSE(token.empty());
  EXPECT_TRUE(run(access.make_admin_link(true, now)).value().empty()) << "there is a user now";
  const auto signed_in = enter(token, "a new password").value();
  EXPECT_EQ(signed_in.session.user, "admin");
  EXPECT_EQ(signed_in.session.role, Role::admin);
  EXPECT_EQ(enter(token).error().code, Errc::unauthenticated);
  EXPECT_TRUE(login("admin", "a new password"));
}

TEST_F(AccessServiceTest, ALinkIsNotUsedUpByWhoLacksThePermissionThatIsNeeded) {
  const auto enter_to_make_tokens = [this](const NewUser& user) {
    return run(access.login_by_link({user.link_token, std::nullopt, Permission::manage_people}, Door{"192.0.2.1"}, now,
                                    retry_after));
  };
  const NewUser vera = run(access.create_user("vera", Role::operator_, std::nullopt, Maker{"user:root"}, now)).value();
  const auto refused = enter_to_make_tokens(vera);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::forbidden);
  EXPECT_NE(refused.error().message.find("manage_people, which admin has"), std::string::npos);
  EXPECT_TRUE(enter(vera.link_token)) << "it is still good";
  const NewUser grace = run(access.create_user("grace", Role::admin, std::nullopt, Maker{"user:root"}, now)).value();
  EXPECT_TRUE(enter_to_make_tokens(grace));
}

TEST_F(AccessServiceTest, ALinkExpires) {
  const std::string token = run(access.make_admin_link(false, now)).value();
  now += std::chrono::hours(25);
  EXPECT_FALSE(enter(token));
}

TEST_F(AccessServiceTest, AUserWithoutAPasswordGetsALink) {
  const NewUser bob = run(access.create_user("bob", Role::viewer, std::nullopt, Maker{"user:root"}, now)).value();
  EXPECT_FALSE(bob.user.has_password);
  EXPECT_TRUE(enter(bob.link_token));
}

TEST_F(AccessServiceTest, ChangingThePasswordNeedsTheOldOneAndEndsOtherSessions) {
  make_user("ada", Role::viewer);
  const SignedIn here = login("ada", "correct horse").value();
  const SignedIn elsewhere = login("ada", "correct horse").value();
  EXPECT_EQ(run(access.change_password(here.session, "wrong", "another horse", "192.0.2.1", now)).error().code,
            Errc::forbidden);
  const std::string rotated =
      run(access.change_password(here.session, "correct horse", "another horse", "192.0.2.1", now)).value();
  EXPECT_TRUE(run(access.find_session(rotated, now)).value());
  EXPECT_FALSE(run(access.find_session(here.cookie_token, now)).value()) << "the cookie is another one now";
  EXPECT_FALSE(run(access.find_session(elsewhere.cookie_token, now)).value());
  EXPECT_TRUE(login("ada", "another horse"));
}

TEST_F(AccessServiceTest, TheLastAdminStays) {
  const NewUser root = make_user("root", Role::admin);
  EXPECT_EQ(run(access.change_user(root.user.id, {.role = Role::viewer}, Maker{"user:root"}, now)).error().code,
            Errc::conflict);
  EXPECT_EQ(run(access.change_user(root.user.id, {.role = {}, .disabled = true}, Maker{"user:root"}, now)).error().code,
            Errc::conflict);
  make_user("second", Role::admin);
  EXPECT_EQ(run(access.change_user(root.user.id, {.role = Role::viewer}, Maker{"user:root"}, now)).value().user.role,
            Role::viewer);
}

TEST_F(AccessServiceTest, ATakenNameIsAConflict) {
  make_user("ada", Role::viewer);
  EXPECT_EQ(run(access.create_user("ada", Role::viewer, std::nullopt, Maker{"test"}, now)).error().code,
            Errc::conflict);
}

TEST_F(AccessServiceTest, TokensExpireAndAreRevoked) {
  const auto brief = run(access.create_token("ci", Role::publisher, Duration(60'000), Maker{"user:ada"}, now)).value();
  EXPECT_TRUE(run(access.find_token(brief.secret, now)).value());
  EXPECT_FALSE(run(access.find_token(brief.secret, now + Duration(61'000))).value());
  const auto lasting = run(access.create_token("ci", Role::viewer, std::nullopt, Maker{"user:ada"}, now)).value();
  run(access.revoke_token(lasting.token.id, "user:ada", now)).value();
  EXPECT_FALSE(run(access.find_token(lasting.secret, now)).value());
  EXPECT_EQ(run(access.revoke_token(999, "user:ada", now)).error().code, Errc::not_found);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'token.revoke'"), 1);
}

TEST_F(AccessServiceTest, ForgetsWhatHasExpired) {
  make_user("ada", Role::viewer);
  login("ada", "correct horse").value();
  run(access.tick(now + std::chrono::hours(13))).value();
  EXPECT_EQ(database.value<int>("select count(*) from sessions"), 0);
}

}  // namespace
}  // namespace argosy::server
