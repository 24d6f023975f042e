#include "server/app/state_intake.hpp"

#include "common/wire/state.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

class StateIntakeTest : public RolloutFleet {
 protected:
  static std::string name(int i) { return "fp32-" + std::to_string(i); }

  // `count` devices that are told to run 1.1, each in the only wave.
  std::int64_t rollout_to(int count) {
    for (int i = 0; i < count; ++i) add_device(name(i));
    const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}, {"max_in_progress", 1000}});
    tick();
    return id;
  }
  wire::DeviceState state(const std::string& device, std::int64_t rollout = 0,
                          const std::string& update = "validating") {
    wire::DeviceState document;
    document.device = device;
    document.nonce = 7;
    document.agent_version = "9.9";
    document.at = now;
    wire::ModelReport model;
    model.model = "digits";
    model.version = "1.0";
    model.digest = digest_of("1.0fp32");
    if (rollout > 0) {
      model.update = wire::UpdateReport{};
      model.update->rollout = rollout;
      model.update->version = "1.1";
      model.update->state = update;
      model.update->changed_at = now;
    }
    document.models = {model};
    return document;
  }
  void send(const wire::DeviceState& document) { intake.take(document.device, wire::encode(document), false, now); }
  Result<void> post(const wire::DeviceState& document) {
    return run(intake.take_now(document.device, wire::encode(document), now));
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  int stored() { return database.value<int>("select count(*) from device_state where agent_version = '9.9'"); }
  bool is_stored(const std::string& device) {
    return database.value<bool>("select coalesce(agent_version, '') = '9.9' from device_state where device_id = '" +
                                device + "'");
  }
  std::string step(const std::string& device) {
    return database.value<std::string>("select state from rollout_devices where device_id = '" + device + "'");
  }
  // The table refuses rows of a device, as a column that cannot hold a value does.
  void poison(const std::string& table, const std::string& device, const std::string& errcode = "22000") {
    database.exec("create function refuse_" + table +
                  "() returns trigger language plpgsql as $$ begin if new.device_id = '" + device +
                  "' then raise exception 'poison' using errcode = '" + errcode + "'; end if; return new; end $$");
    database.exec("create trigger refuse before update on " + table + " for each row execute function refuse_" + table +
                  "()");
  }
  void cure(const std::string& table) { database.exec("drop trigger refuse on " + table); }
  Admittance admission(const wire::DeviceState& document, MessageKind kind = MessageKind::state) {
    return quarantine.admit({document.device, kind, sha256(as_bytes(wire::encode(document)))}, now).admission;
  }

  DeviceService devices{pool};
  QuarantineService quarantine{pool, {.server_version = "1.0", .folder = {}}};
  StateIntake intake{io.get_executor(),
                     {devices, *rollouts, quarantine},
                     {.limits = {}, .retry_base = Duration{5}, .retry_cap = Duration{20}}};
};

TEST_F(StateIntakeTest, OneStateThatTheDatabaseRefusesTakesNoOtherWithIt) {
  const auto id = rollout_to(50);
  poison("device_state", name(20));
  for (int i = 0; i < 50; ++i) send(state(name(i), id));
  ASSERT_TRUE(wait(
      [&] { return stored() == 49 && step(name(20)) == "validating" && quarantine.counters().in_quarantine == 1; }));
  EXPECT_FALSE(is_stored(name(20)));
  EXPECT_EQ(admission(state(name(20), id)), Admittance::refuse);
  // Its report counts all the same, as those of the others do.
  for (int i = 0; i < 50; ++i) EXPECT_EQ(step(name(i)), "validating") << i;
}

TEST_F(StateIntakeTest, OneReportThatTheDatabaseRefusesTakesNeitherItsStateNorOtherReportsWithIt) {
  const auto id = rollout_to(20);
  poison("rollout_devices", name(3));
  for (int i = 0; i < 20; ++i) send(state(name(i), id));
  ASSERT_TRUE(wait([&] { return quarantine.counters().in_quarantine == 1; }));
  EXPECT_EQ(stored(), 20);
  EXPECT_EQ(step(name(3)), "notified");
  EXPECT_EQ(step(name(19)), "validating");
  EXPECT_EQ(admission(state(name(3), id)), Admittance::take);
  EXPECT_EQ(admission(state(name(3), id), MessageKind::report), Admittance::refuse);
}

TEST_F(StateIntakeTest, WhatCannotBeReadConcernsItsDeviceAlone) {
  for (int i = 0; i < 5; ++i) add_device(name(i));
  intake.take(name(0), "{", false, now);
  intake.take(name(1), wire::encode(state(name(2))), false, now);  // in another's name
  intake.take(name(2), std::string(1000, '['), false, now);
  for (int i = 3; i < 5; ++i) send(state(name(i)));
  ASSERT_TRUE(wait([&] { return stored() == 2; }));
  EXPECT_EQ(quarantine.counters().in_quarantine, 3u);
  EXPECT_EQ(intake.counters().refused, 3u);
}

TEST_F(StateIntakeTest, GetsOutByItselfWhenItsMessageChanges) {
  add_device(name(0));
  intake.take(name(0), "{", false, now);
  ASSERT_TRUE(wait([&] { return quarantine.counters().in_quarantine == 1; }));
  send(state(name(0)));
  ASSERT_TRUE(wait([&] { return quarantine.counters().in_quarantine == 0; }));
  EXPECT_TRUE(is_stored(name(0)));
}

TEST_F(StateIntakeTest, NoLevelIsLostBecauseTheDatabaseWasAway) {
  for (int i = 0; i < 30; ++i) add_device(name(i));
  poison("device_state", name(7), "57P03");  // cannot connect now: everybody's
  for (int i = 0; i < 30; ++i) send(state(name(i)));
  ASSERT_TRUE(wait([&] { return intake.counters().put_back >= 60; }));
  EXPECT_EQ(stored(), 0);
  EXPECT_EQ(quarantine.counters().refused, 0u);
  cure("device_state");
  ASSERT_TRUE(wait([&] { return stored() == 30; }));
}

TEST_F(StateIntakeTest, AReportIsNotLostEither) {
  const auto id = rollout_to(3);
  poison("rollout_devices", name(1), "53100");  // disk full
  for (int i = 0; i < 3; ++i) send(state(name(i), id));
  ASSERT_TRUE(wait([&] { return intake.counters().put_back >= 3; }));
  cure("rollout_devices");
  ASSERT_TRUE(wait([&] { return step(name(0)) == "validating" && step(name(1)) == "validating"; }));
}

TEST_F(StateIntakeTest, OneThatTakesAllTheTimeThereIsDoesNotStopTheOthers) {
  for (int i = 0; i < 10; ++i) add_device(name(i));
  poison("device_state", name(4), "57014");  // statement timeout
  for (int i = 0; i < 10; ++i) send(state(name(i)));
  ASSERT_TRUE(wait([&] { return stored() == 9; }));
  EXPECT_FALSE(is_stored(name(4)));
  cure("device_state");
  ASSERT_TRUE(wait([&] { return stored() == 10; }));
}

TEST_F(StateIntakeTest, ThePostSaysWhatHappened) {
  const auto id = rollout_to(3);
  EXPECT_TRUE(post(state(name(0), id)));
  EXPECT_EQ(step(name(0)), "validating");
  auto older = state(name(0));
  older.nonce = 6;
  EXPECT_EQ(post(older).error().code, Errc::conflict);
  EXPECT_EQ(post(state("stranger")).error().code, Errc::forbidden);
  EXPECT_EQ(run(intake.take_now(name(1), wire::encode(state(name(2))), now)).error().code, Errc::forbidden);
  EXPECT_EQ(run(intake.take_now(name(1), "{", now)).error().code, Errc::malformed_json);
  EXPECT_EQ(run(intake.take_now(name(1), "{", now)).error().code, Errc::unprocessable);  // known by now
  poison("rollout_devices", name(2));
  const auto half = post(state(name(2), id));
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("its report was not taken"), std::string::npos);
  EXPECT_TRUE(is_stored(name(2)));
}

TEST_F(StateIntakeTest, ThePostOfWhatTheDatabaseRefusesIsNoSuccessAndTheDatabasesAbsenceIsNoFault) {
  for (int i = 0; i < 2; ++i) add_device(name(i));
  poison("device_state", name(0), "XX000");
  EXPECT_EQ(post(state(name(0))).error().code, Errc::unprocessable);
  cure("device_state");
  database.exec("drop function refuse_device_state");
  poison("device_state", name(1), "57P03");
  EXPECT_EQ(post(state(name(1))).error().code, Errc::unavailable);
  EXPECT_EQ(quarantine.counters().in_quarantine, 1u);
}

TEST_F(StateIntakeTest, EventsThatADeviceInventsFillItsOwnAllowance) {
  for (int i = 0; i < 2; ++i) add_device(name(i));
  for (int attempt = 1; attempt <= 300; ++attempt) {
    auto busy = state(name(0), 3);
    busy.models[0].update->attempt = attempt;
    ASSERT_TRUE(post(busy));
  }
  send(state(name(1), 3));
  ASSERT_TRUE(wait([&] { return is_stored(name(1)) && quarantine.counters().in_quarantine == 1; }));
  EXPECT_LE(database.value<int>("select count(*) from events where device_id = '" + name(0) + "'"), 202);
  EXPECT_EQ(database.value<int>("select count(*) from events where device_id = '" + name(1) + "'"), 1);
}

TEST_F(StateIntakeTest, ASuspectIsTakenAloneAndWhatEndedTheServerBeforeWaits) {
  for (int i = 0; i < 3; ++i) add_device(name(i));
  poison("device_state", name(2), "22000");
  auto deadly = state(name(1));
  database.exec(
      "insert into quarantine (device_id, kind, reason, digest, count, first_at, last_at, suspect, deaths, "
      "retry_at, server_version) values ('" +
      name(1) + "', 'state', 'in hand', '" + sha256(as_bytes(wire::encode(deadly))).to_hex() +
      "', 1, now(), now(), true, 1, '" + to_rfc3339(now + Duration{3'600'000}) + "', '1.0')");
  ASSERT_TRUE(run(quarantine.load(now)));
  for (int i = 0; i < 3; ++i) send(state(name(i)));
  ASSERT_TRUE(wait([&] { return is_stored(name(0)) && quarantine.counters().in_quarantine == 2; }));
  EXPECT_FALSE(is_stored(name(1)));
  EXPECT_EQ(post(deadly).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace argosy::server
