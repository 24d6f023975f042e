#include "server/rollouts/desired/desired_service.hpp"

#include <map>

#include "server/rollouts/rollout_driver.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

// Stands where the broker does: keeps what it was given, or refuses.
struct Broker {
  std::map<std::string, wire::Desired> retained;
  int taken = 0;
  bool up = true;

  Task<Result<void>> take(std::string topic, std::string payload) {
    if (!up) co_return make_error(Errc::unavailable, "no connection");
    ++taken;
    retained[topic] = wire::decode_desired(payload).value();
    co_return Result<void>{};
  }
  DesiredService::Publish port() {
    return [this](std::string topic, std::string payload) { return take(std::move(topic), std::move(payload)); };
  }
};

TEST_F(RolloutFleet, ADeviceIsToldItsOwnVariantWithTheRolloutsProbation) {
  add_twelve();
  database.exec(R"(update releases set validation = '{"dataset": null, "metric": "accuracy", "direction": "higher",
      "threshold": 0.94, "max_latency_ms": null, "max_memory_mb": 512, "timeout_s": 60}',
      reference = '{"features": [{"name": "sharpness", "edges": [1, 2], "counts": [1, 2, 3, 0]}]}', signature_statement = '{"v":1}', signature_bundle = '{}'
      where version = '1.1')");
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}, {"probation", {{"duration_s", 7}}}});
  tick();
  const auto document = run(desired->get(DeviceId{"int8-2"})).value();
  EXPECT_EQ(document.rev, 1);
  ASSERT_EQ(document.models.size(), 1U);
  const auto& model = document.models[0];
  EXPECT_EQ(model.version, "1.1");
  EXPECT_EQ(model.rollout, id);
  EXPECT_EQ(model.artifact.digest, digest_of("1.1int8"));
  EXPECT_EQ(model.format, "onnx");
  EXPECT_EQ(model.validation.threshold, 0.94);
  EXPECT_EQ(model.validation.max_memory_mb, 512U);
  EXPECT_EQ(model.probation.duration_s, 7U);
  ASSERT_EQ(model.features.size(), 1U);
  EXPECT_EQ(model.features[0].name, "sharpness");
  EXPECT_EQ(model.signature, (wire::ReleaseSignature{R"({"v":1})", "{}", {}}));
}

TEST_F(RolloutFleet, ADeviceNobodyToldAnythingHasAnEmptyDocument) {
  add_device("fp32-1");
  const auto document = run(desired->get(DeviceId{"fp32-1"})).value();
  EXPECT_EQ(document.rev, 0);
  EXPECT_TRUE(document.models.empty());
  EXPECT_EQ(run(desired->get(DeviceId{"nobody"})).error().code, Errc::not_found);
}

// Ready, of this many bytes; files are those of `publish`.
class PatchOffers : public RolloutFleet {
 protected:
  void add_patch(const std::string& from, const std::string& to, int bytes) {
    const auto blob = digest_of(from + "->" + to);
    database.exec("insert into blobs (digest, size, patch) values ('" + blob + "', " + std::to_string(bytes) +
                  ", true)");
    database.exec(
        "insert into patches (from_digest, to_digest, state, codec, digest, size, offered_to, finished_at) values ('" +
        digest_of(from + "fp32") + "', '" + digest_of(to + "fp32") + "', 'ready', 'tensor', '" + blob + "', " +
        std::to_string(bytes) + ", '', now())");
  }
  std::size_t offer_new_patches(std::size_t limit = 100) { return run(desired->offer_new_patches(limit)).value(); }
  std::int64_t rev_of(const std::string& device) { return run(desired->get(DeviceId{device})).value().rev; }
  bool all_offered() { return database.value<bool>("select count(offered_to) = 0 from patches"); }
  std::vector<wire::PatchOffer> offered_to(const std::string& device) {
    return run(desired->get(DeviceId{device})).value().models.at(0).patches;
  }
};

TEST_F(PatchOffers, GoToTheDeviceOnlyWhenTheyAreSoonerThanTheWholeFile) {
  add_device("fp32-1");
  started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  add_patch("1.0", "1.1", 900'000);
  const auto offers = offered_to("fp32-1");
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(offers[0].blob.digest, digest_of("1.0->1.1"));
  EXPECT_EQ(offers[0].base_digest, digest_of("1.0fp32"));
  database.exec("update device_state set download_bytes_per_s = 1000000000");
  EXPECT_TRUE(offered_to("fp32-1").empty()) << "on this link rebuilding takes longer than fetching";
}

// Versions that differ in what lies beside the model, and not in the model.
class PartOffers : public PatchOffers {
 protected:
  static std::string weights_of(const std::string& version) { return "weights " + version; }
  void publish_with_weights(const std::string& version) {
    publish(version);
    database.exec("insert into blobs (digest, size) values ('" + digest_of(weights_of(version) + "fp32") +
                  "', 5000000)");
    database.exec("update variants v set digest = '" + digest_of("1.0fp32") +
                  "' from releases r where r.id = v.release_id and v.name = 'fp32' and r.version = '" + version + "'");
    database.exec("insert into variant_parts (variant_id, name, digest, size) select v.id, 'model.onnx.data', '" +
                  digest_of(weights_of(version) + "fp32") +
                  "', 5000000 from variants v join releases r on r.id = v.release_id where v.name = 'fp32' and "
                  "r.version = '" +
                  version + "'");
  }
  void add_device_with_weights(const std::string& id, const std::string& version) {
    add_device(id);
    database.exec("update device_models set version = '" + version + "' where device_id = '" + id + "'");
  }
  wire::DesiredModel told(const std::string& device) {
    return run(desired->get(DeviceId{device})).value().models.at(0);
  }
};

TEST_F(PartOffers, GoToWhoHasTheOlderPart) {
  publish_with_weights("2.0");
  publish_with_weights("2.1");
  publish_with_weights("2.2");
  add_device_with_weights("fp32-1", "2.0");
  add_patch(weights_of("2.0"), weights_of("2.2"), 70'000);
  add_patch(weights_of("2.1"), weights_of("2.2"), 60'000);
  started("2.2", {{"waves", {{{"share", 1.0}}}}});
  tick();
  const auto model = told("fp32-1");
  EXPECT_EQ(model.version, "2.2");
  EXPECT_TRUE(model.patches.empty()) << "it has the model";
  ASSERT_EQ(model.parts.size(), 1U);
  EXPECT_EQ(model.parts[0].name, "model.onnx.data");
  EXPECT_EQ(model.parts[0].artifact, (wire::BlobRef{digest_of(weights_of("2.2") + "fp32"), 5'000'000}));
  ASSERT_EQ(model.parts[0].patches.size(), 1U);
  EXPECT_EQ(model.parts[0].patches[0].base_digest, digest_of(weights_of("2.0") + "fp32"));
}

TEST_F(PartOffers, ThatBecomeReadyLaterGoToWhoWasToldAndHasNotBegun) {
  publish_with_weights("2.0");
  publish_with_weights("2.1");
  add_device_with_weights("fp32-1", "2.0");
  started("2.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  EXPECT_TRUE(told("fp32-1").parts.at(0).patches.empty());
  add_patch(weights_of("2.0"), weights_of("2.1"), 60'000);
  EXPECT_EQ(offer_new_patches(), 1U);
  EXPECT_EQ(told("fp32-1").parts.at(0).patches.size(), 1U);
}

TEST_F(PartOffers, AreWaitedForLikeThoseOfTheModel) {
  publish_with_weights("2.0");
  publish_with_weights("2.1");
  add_device_with_weights("fp32-1", "2.0");
  const auto id = started("2.1", {{"waves", {{{"share", 1.0}}}}, {"patch_wait_s", 600}});
  tick();
  EXPECT_EQ(target_of("fp32-1"), "") << "its patch is asked for, and being made";
  EXPECT_EQ(database.value<int>("select count(*) from patches where to_digest = '" +
                                digest_of(weights_of("2.1") + "fp32") + "'"),
            1);
  pass(std::chrono::seconds(601));
  tick();
  EXPECT_EQ(target_of("fp32-1"), "2.1");
  EXPECT_EQ(devices_in(id, "notified"), std::vector<std::string>{"fp32-1"});
}

TEST_F(PartOffers, AnAgentThatTakesOneFileAloneIsToldNothing) {
  publish_with_weights("2.0");
  add_device("fp32-1");
  database.exec("update devices set capabilities = capabilities - 'takes_parts'");
  const auto id = started("2.0", {{"waves", {{{"share", 1.0}}}}});
  tick();
  EXPECT_EQ(devices_in(id, "failed"), std::vector<std::string>{"fp32-1"});
  EXPECT_EQ(database.value<std::string>("select cause from rollout_devices"), "incompatible");
  EXPECT_NE(database.value<std::string>("select message from rollout_devices").find("update the agent"),
            std::string::npos);
}

TEST_F(PatchOffers, LeadOverAReleaseInBetween) {
  publish("1.2");
  add_device("fp32-1");
  started("1.2", {{"waves", {{{"share", 1.0}}}}});
  tick();
  add_patch("1.0", "1.1", 50'000);
  EXPECT_TRUE(offered_to("fp32-1").empty()) << "half a way leads nowhere";
  add_patch("1.1", "1.2", 60'000);
  const auto chain = offered_to("fp32-1");
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[0].base_digest, digest_of("1.0fp32"));
  EXPECT_EQ(chain[0].result, (wire::BlobRef{digest_of("1.1fp32"), 1'000'000}));
  EXPECT_EQ(chain[1].base_digest, digest_of("1.1fp32"));
  EXPECT_FALSE(chain[1].result);
  add_patch("1.0", "1.2", 70'000);
  const auto direct = offered_to("fp32-1");
  ASSERT_EQ(direct.size(), 1U);
  EXPECT_EQ(direct[0].blob.digest, digest_of("1.0->1.2"));
}

TEST_F(PatchOffers, ThatBecomeReadyLaterGoToWhoWasToldAndHasNotBegun) {
  for (const char* device : {"fp32-1", "fp32-2", "fp32-3", "fp32-4"}) add_device(device);
  add_device("int8-1", "int8");
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  report(id, "fp32-2", "downloading");
  report(id, "fp32-3", "committed");
  set_presence("fp32-4", "offline");
  Broker broker;
  run(desired->publish_due(broker.port(), 100)).value();
  EXPECT_TRUE(broker.retained[desired_topic("fp32-1")].models[0].patches.empty());

  add_patch("1.0", "1.1", 50'000);
  EXPECT_EQ(offer_new_patches(), 2U);
  EXPECT_TRUE(all_offered());
  EXPECT_EQ(rev_of("fp32-1"), 2);
  EXPECT_EQ(rev_of("fp32-2"), 1) << "it has begun";
  EXPECT_EQ(rev_of("fp32-3"), 1) << "it is done";
  EXPECT_EQ(rev_of("fp32-4"), 2) << "it finds the new one when it is back";
  EXPECT_EQ(rev_of("int8-1"), 1) << "another file";
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 2U);
  EXPECT_EQ(broker.retained[desired_topic("fp32-1")].models[0].patches.size(), 1U);
  EXPECT_EQ(offer_new_patches(), 0U) << "once is enough";
}

TEST_F(PatchOffers, ThatAreNoGainAreNotTold) {
  add_device("fp32-1");
  started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  database.exec("update device_state set download_bytes_per_s = 1000000000");
  add_patch("1.0", "1.1", 900'000);
  EXPECT_EQ(offer_new_patches(), 0U);
  EXPECT_TRUE(all_offered());
  EXPECT_EQ(rev_of("fp32-1"), 1);
}

TEST_F(PatchOffers, EitherStepOfAChainIsNews) {
  publish("1.2");
  add_device("fp32-1");
  started("1.2", {{"waves", {{{"share", 1.0}}}}});
  tick();
  add_patch("1.1", "1.2", 60'000);
  EXPECT_EQ(offer_new_patches(), 0U) << "it leads nowhere yet";
  add_patch("1.0", "1.1", 50'000);
  EXPECT_EQ(offer_new_patches(), 1U);
  add_patch("1.0", "1.2", 400'000);
  EXPECT_EQ(offer_new_patches(), 0U) << "dearer than the chain";
}

TEST_F(PatchOffers, GoOutAFewAtATime) {
  for (int i = 1; i <= 5; ++i) add_device("fp32-" + std::to_string(i));
  started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  add_patch("1.0", "1.1", 50'000);
  std::vector<std::size_t> told;
  while (!all_offered()) told.push_back(offer_new_patches(2));
  EXPECT_EQ(told, (std::vector<std::size_t>{2, 2, 1}));
  EXPECT_EQ(database.value<int>("select count(*) from devices where desired_rev = 2"), 5);
}

TEST_F(PatchOffers, AreTakenAtOnceInsteadOfWaitingForABetterOne) {
  publish("1.2");
  add_device("fp32-1");
  add_device("fp32-2");
  database.exec("update device_state set download_bytes_per_s = 25000000 where device_id = 'fp32-2'");
  add_patch("1.0", "1.1", 50'000);
  add_patch("1.1", "1.2", 60'000);
  const auto id = started("1.2", {{"waves", {{{"share", 1.0}}}}, {"patch_wait_s", 600}});
  tick();
  EXPECT_EQ(devices_in(id, "notified"), std::vector<std::string>{"fp32-1"}) << "0.13 s by the chain against 1.0 s";
  EXPECT_EQ(devices_in(id, "queued"), std::vector<std::string>{"fp32-2"}) << "two rebuilds save its link too little";
  EXPECT_EQ(offered_to("fp32-1").size(), 2U);
  EXPECT_EQ(database.value<std::string>("select from_digest from patches where state = 'pending'"),
            digest_of("1.0fp32"))
      << "the direct one is asked for all the same";
}

TEST_F(PatchOffers, ThatSaveLittleAreNotTakenWhileABetterOneIsMade) {
  publish("1.2");
  add_device("fp32-1");
  add_patch("1.0", "1.1", 300'000);
  add_patch("1.1", "1.2", 300'000);
  const auto id = started("1.2", {{"waves", {{{"share", 1.0}}}}, {"patch_wait_s", 600}});
  tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 1U);
  pass(std::chrono::seconds(700));
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
  EXPECT_EQ(offered_to("fp32-1").size(), 2U) << "better than the whole file";
}

TEST_F(RolloutFleet, WhatIsDueIsPublishedOnce) {
  add_twelve();
  started();
  tick();
  Broker broker;
  EXPECT_EQ(run(desired->publish_due(broker.port(), 2)).value(), 2U);
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 1U);
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 0U);
  EXPECT_EQ(broker.taken, 3);
  for (const auto& [topic, document] : broker.retained) EXPECT_EQ(topic, desired_topic(document.device));
}

TEST_F(RolloutFleet, WhatTheBrokerDidNotTakeStaysDue) {
  add_twelve();
  started();
  tick();
  Broker broker;
  broker.up = false;
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).error().code, Errc::unavailable);
  broker.up = true;
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 3U);
}

TEST_F(RolloutFleet, ABrokerThatForgotIsToldEverythingAgain) {
  add_twelve();
  started();
  tick();
  Broker broker;
  ASSERT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 3U);
  desired->republish_all();
  EXPECT_EQ(run(desired->publish_due(broker.port(), 100)).value(), 3U);
  EXPECT_EQ(broker.taken, 6);
}

TEST_F(RolloutFleet, TheDriverTicksAndPublishesAndHearsOperators) {
  add_twelve();
  Broker broker;
  RolloutDriver driver(io.get_executor(), *rollouts, *desired, broker.port(), {.interval = Duration{60'000}});
  const auto id = started();
  EXPECT_TRUE(test::run_until(io, [&broker] { return broker.taken == 3; })) << "the start woke it";
  report_all(id, "notified", "committed");
  EXPECT_TRUE(test::run_until(io, [&broker] { return broker.taken == 12; })) << "the reports woke it";
  test::run_task(io, driver.stop());
}

TEST_F(RolloutFleet, ADriverThatGoesLeavesItsSuccessorItsWakeUp) {
  add_twelve();
  Broker broker;
  const RolloutDriver::Options rarely{.interval = Duration{60'000}};
  auto first = std::make_unique<RolloutDriver>(io.get_executor(), *rollouts, *desired, broker.port(), rarely);
  RolloutDriver second(io.get_executor(), *rollouts, *desired, broker.port(), rarely);
  first.reset();
  ASSERT_FALSE(test::run_until(
      io, [&broker] { return broker.taken > 0; }, std::chrono::milliseconds(50)));
  started();
  EXPECT_TRUE(test::run_until(io, [&broker] { return broker.taken == 3; }));
  test::run_task(io, second.stop());
}

TEST_F(PatchOffers, ArePublishedByTheDriver) {
  add_device("fp32-1");
  started("1.1", {{"waves", {{{"share", 1.0}}}}});
  Broker broker;
  RolloutDriver driver(io.get_executor(), *rollouts, *desired, broker.port(), {.interval = Duration{20}});
  EXPECT_TRUE(test::run_until(io, [&broker] { return broker.taken == 1; }));
  add_patch("1.0", "1.1", 50'000);
  EXPECT_TRUE(test::run_until(io, [&broker] { return broker.taken == 2; }));
  EXPECT_EQ(broker.retained[desired_topic("fp32-1")].models[0].patches.size(), 1U);
  test::run_task(io, driver.stop());
}

}  // namespace
}  // namespace argosy::server
