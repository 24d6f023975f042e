#include "server/http/open_exchanges.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/http/request.hpp"

namespace argosy::server {
namespace {

class OpenExchangesTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  std::set<std::string> ended;
  bool database_answers = true;
  int asked = 0;
  OpenExchanges exchanges{io.get_executor(),
                          [this](const Request& head, Permission) { return still_allowed(head.principal.name); }};
  std::vector<std::string> cut;

  Task<Result<bool>> still_allowed(std::string name) {
    ++asked;
    if (!database_answers) co_return make_error(Errc::unavailable, "no answer");
    co_return !ended.contains(name);
  }
  OpenExchanges::Ticket enter(const std::string& name, Principal::Kind kind = Principal::Kind::user) {
    Request request;
    request.principal = {kind, name, Role{}, 0, {"user:" + name}};
    auto ticket = exchanges.enter(request, Permission{7}, [this, name] { cut.push_back(name); });
    run();
    return ticket;
  }
  void run() {
    io.restart();
    io.poll();
  }
};

TEST_F(OpenExchangesTest, WhatRestsOnAnEndedRightIsCutAndNothingElse) {
  const auto ada = enter("ada"), bob = enter("bob");
  ended = {"ada", "bob"};
  exchanges.check("user:ada");
  run();
  EXPECT_EQ(cut, std::vector<std::string>{"ada"});
  EXPECT_EQ(exchanges.size(), 1U);
  EXPECT_EQ(exchanges.cut_count(), 1U);
}

TEST_F(OpenExchangesTest, ARightThatEndedWhileTheExchangeBeganIsNoticed) {
  ended = {"ada"};
  const auto ada = enter("ada");
  EXPECT_EQ(cut, std::vector<std::string>{"ada"});
}

TEST_F(OpenExchangesTest, AfterAGapEverybodyIsAsked) {
  const auto ada = enter("ada"), cam = enter("cam", Principal::Kind::device);
  ended = {"ada", "cam"};
  exchanges.check_people();
  run();
  EXPECT_EQ(cut, std::vector<std::string>{"ada"});
  exchanges.check_all();
  run();
  EXPECT_EQ(cut, (std::vector<std::string>{"ada", "cam"}));
}

TEST_F(OpenExchangesTest, WhoHasLeftIsNotAsked) {
  auto ada = enter("ada");
  ada.reset();
  const int before = asked;
  exchanges.check("user:ada");
  exchanges.check_all();
  run();
  EXPECT_EQ(asked, before);
  EXPECT_EQ(exchanges.size(), 0U);
}

TEST_F(OpenExchangesTest, NoAnswerCutsNobody) {
  const auto ada = enter("ada");
  database_answers = false;
  exchanges.check_all();
  run();
  EXPECT_TRUE(cut.empty());
}

}  // namespace
}  // namespace argosy::server
