#include "server/access/audit_service.hpp"

#include <fstream>
#include <sstream>

#include "server/db/advisory_locks.hpp"
#include "server/journal/journal_store.hpp"
#include "tests/db/access/access_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::server {
namespace {

struct Append {
  std::string object;
  void operator()(pqxx::work& transaction) const {
    append_audit(transaction, "user:ada", "model.create", object, R"({"b": 1, "a": "é"})");
  }
};

class AuditServiceTest : public AccessFixture {
 protected:
  test::TemporaryFolder folder;
  AuditService audit{db, worker, {.keep_days = 30, .archive = folder.path() / "audit", .slice = 3, .slices_a_call = 2}};

  void append(int rows) {
    for (int i = 0; i < rows; ++i) run(db.transact(Append{"model/" + std::to_string(i)})).value();
  }
  void seal() { run(audit.seal(now)).value(); }
  // The whole walk, call by call.
  std::optional<ChainFault> fault() {
    AuditService::Walk walk;
    do {
      walk = run(audit.walk(walk.reached.seal)).value();
    } while (!walk.complete && !walk.fault);
    return walk.fault;
  }
  std::int64_t id_of(int seal) {
    return database.value<std::int64_t>("select id from audit where seal = " + std::to_string(seal));
  }
  void seal_anew() {
    database.exec("update audit set seal = null, hash = null");
    database.exec("update audit_chain set seal = 0, hash = sha256('argosy audit log'), xact = '0', row_id = 0");
    seal();
  }
  void archive_twelve() {
    database.exec("update audit set at = at - interval '40 days' where seal <= 12");
    seal_anew();
    ASSERT_FALSE(fault());
    run(audit.archive()).value();
  }
  void SetUp() override {
    append(20);
    seal();
    ASSERT_FALSE(fault());
  }
};

TEST_F(AuditServiceTest, RowsAreSealedOneAfterTheOther) {
  EXPECT_EQ(database.value<int>("select max(seal) from audit"), 20);
  EXPECT_EQ(run(audit.chain()).value().unsealed, 0);
  append(1);
  EXPECT_EQ(run(audit.chain()).value().unsealed, 1);
  seal();
  EXPECT_EQ(run(audit.chain()).value().head.seal, 21);
  EXPECT_EQ(audit.last_sealed().hash, run(audit.chain()).value().head.hash);
}

TEST_F(AuditServiceTest, WhatElseTheLeaderDoesKeepsItFromNoSealing) {
  append(1);
  pqxx::connection connection(database.conninfo());
  pqxx::work of_the_term(connection);
  of_the_term.exec(advisory_lock::share_in_transaction(advisory_lock::leader_fence));
  seal();
  EXPECT_EQ(run(audit.chain()).value().unsealed, 0);
}

TEST_F(AuditServiceTest, ATouchedRowIsNamed) {
  const std::vector<std::string> touches{"actor = 'user:bob'", "action = 'x'",    "object = object || 'x'",
                                         "details = '{}'",     "address = '::1'", "at = at - interval '1 second'",
                                         "hash = sha256('x')", "id = default"};
  for (const std::string& touch : touches) {
    database.exec("create table kept as select * from audit where seal = 7");
    database.exec("update audit set " + touch + " where seal = 7");
    const auto found = fault();
    ASSERT_TRUE(found) << touch;
    EXPECT_EQ(found->seal, 7) << touch;
    EXPECT_EQ(found->row_id, id_of(7)) << touch;
    database.exec("delete from audit where seal = 7");
    database.exec("insert into audit overriding system value select * from kept");
    database.exec("drop table kept");
    ASSERT_FALSE(fault()) << touch;
  }
}

TEST_F(AuditServiceTest, ARemovedRowIsNamed) {
  database.exec("delete from audit where seal = 7");
  EXPECT_EQ(fault()->seal, 7);
}

TEST_F(AuditServiceTest, ARowWhoseSealIsTakenIsNamed) {
  const auto id = id_of(20);
  database.exec("update audit set seal = null, hash = null where seal = 20");
  database.exec("update audit_chain set seal = 19, hash = (select hash from audit where seal = 19)");
  seal();
  EXPECT_EQ(fault()->row_id, id);
}

TEST_F(AuditServiceTest, ACutEndIsNoticed) {
  database.exec("delete from audit where seal > 15");
  EXPECT_EQ(fault()->seal, 16);
}

TEST_F(AuditServiceTest, AChainMadeAnewDoesNotGoThroughANotedHead) {
  const ChainHead noted = run(audit.chain()).value().head;
  append(3);
  seal();
  EXPECT_FALSE(run(audit.has(noted)).value());
  database.exec("update audit set actor = 'user:bob' where seal = 7");
  seal_anew();
  EXPECT_FALSE(fault()) << "whoever can do all that hides it from the chain alone";
  EXPECT_EQ(run(audit.has(noted)).value()->seal, noted.seal);
}

TEST_F(AuditServiceTest, ARowPutInAmongSealedOnesIsNamed) {
  database.exec(
      "insert into audit (id, xact, actor, action, object) overriding system value values (-1, "
      "(select xact from audit where seal = 3), 'user:bob', 'x', 'y')");
  seal();
  EXPECT_EQ(fault()->row_id, -1);
}

TEST_F(AuditServiceTest, ARunningTransactionIsWaitedFor) {
  pqxx::connection other(database.conninfo());
  pqxx::work slow(other);
  append_audit(slow, "user:slow", "x", "y");
  append(1);
  seal();
  EXPECT_EQ(run(audit.chain()).value().head.seal, 20) << "the slow one comes first";
  slow.commit();
  seal();
  EXPECT_EQ(run(audit.chain()).value().head.seal, 22);
  EXPECT_FALSE(fault());
}

TEST_F(AuditServiceTest, ARestoredClusterThatCountsItsTransactionsAnewGoesOn) {
  database.exec("update audit_chain set xact = '9000000000'");
  append(2);
  seal();
  EXPECT_EQ(run(audit.chain()).value().head.seal, 22);
  EXPECT_FALSE(fault());
}

TEST_F(AuditServiceTest, OldRowsGoToAnArchiveThatTheChainGoesOnFrom) {
  archive_twelve();
  EXPECT_EQ(database.value<int>("select min(seal) from audit"), 13);
  EXPECT_FALSE(fault());
  const ChainState chain = run(audit.chain()).value();
  EXPECT_EQ(chain.archived.seal, 12);
  const ChainHead files = walk_archive(folder.path() / "audit").value();
  EXPECT_EQ(files.seal, 12);
  EXPECT_EQ(files.hash, chain.archived.hash);
  run(audit.archive()).value();
  EXPECT_EQ(database.value<int>("select min(seal) from audit"), 13) << "the rest is young";

  database.exec("delete from audit where seal = 13");
  EXPECT_EQ(fault()->seal, 13) << "the first row behind the archive";
}

TEST_F(AuditServiceTest, ATouchedArchiveNamesTheRow) {
  archive_twelve();
  const auto file = folder.path() / "audit" / "audit-000000000001.jsonl";
  std::string text = (std::ostringstream() << std::ifstream(file).rdbuf()).str();
  text.replace(text.find("user:ada"), 8, "user:bob");
  std::ofstream(file) << text;
  EXPECT_NE(walk_archive(folder.path() / "audit").error().message.find("(seal 1)"), std::string::npos);
}

TEST_F(AuditServiceTest, ABrokenChainIsNotArchived) {
  database.exec("update audit set at = at - interval '40 days'");
  EXPECT_EQ(run(audit.archive()).error().code, Errc::corrupt);
  EXPECT_EQ(database.value<int>("select count(*) from audit"), 20);
}

}  // namespace
}  // namespace argosy::server
