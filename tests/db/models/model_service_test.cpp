#include "server/models/model_service.hpp"

#include <nlohmann/json.hpp>

#include "common/signing/release_signature.hpp"
#include "server/models/model_json.hpp"
#include "tests/db/models/models_fixture.hpp"

namespace argosy::server {
namespace {

class ModelServiceTest : public ModelsTest {
 protected:
  ModelService models{pool, blobs};

  void SetUp() override { ASSERT_TRUE(run(models.create_model("digits", "handwriting", "user:ada")).value()); }

  static std::string text_of(const std::string& version, const std::string& digest, double threshold = 0.9) {
    const nlohmann::json json = {
        {"version", version},
        {"variants", nlohmann::json::array({{{"name", "fp32"}, {"digest", digest}, {"format", "onnx"}}})},
        {"validation", {{"threshold", threshold}}}};
    return json.dump();
  }
  static ReleaseDraft draft(const std::string& version, const std::string& digest, double threshold = 0.9) {
    return parse_release(text_of(version, digest, threshold)).value();
  }
  Result<Published> publish(const ReleaseDraft& draft) { return run(models.publish("digits", draft, "token:ci", now)); }
};

TEST_F(ModelServiceTest, AModelIsMadeOnce) {
  EXPECT_FALSE(run(models.create_model("digits", "handwriting", "user:ada")).value());
  EXPECT_FALSE(run(models.create_model("digits", std::nullopt, "user:ada")).value());
  EXPECT_EQ(run(models.create_model("digits", "other", "user:ada")).error().code, Errc::conflict);
  EXPECT_EQ(run(models.create_model("a b", "", "user:ada")).error().code, Errc::invalid_argument);
  EXPECT_EQ(run(models.list_models("", 10))->total, 1);
  EXPECT_EQ(run(models.get_model("faces")).error().code, Errc::not_found);
}

TEST_F(ModelServiceTest, AReleaseIsPublishedOnceAndNeverChanges) {
  const std::string digest = store(onnx("graph"));
  const Published first = publish(draft("1.0", digest)).value();
  EXPECT_TRUE(first.created);
  EXPECT_EQ(first.release.content.variants.at(0).size, onnx("graph").size());
  EXPECT_FALSE(publish(draft("1.0", digest))->created);
  EXPECT_EQ(publish(draft("1.0", digest, 0.8)).error().code, Errc::conflict);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'release.published'"), 1);
  const Release read = run(models.get_release("digits", "1.0")).value();
  EXPECT_EQ(read.content, first.release.content);
  EXPECT_EQ(read.created_by, "token:ci");
  EXPECT_EQ(read.published_at, now);
}

TEST_F(ModelServiceTest, ADraftIsMendedAndKnownToNobodyUntilItIsPublished) {
  const std::string digest = store(onnx("graph"));
  const auto keep = [&](double threshold) {
    return run(models.keep_draft("digits", draft("2.0", digest, threshold), text_of("2.0", digest, threshold),
                                 "token:ci", now));
  };
  publish(draft("1.0", store(onnx("older")))).value();
  EXPECT_TRUE(keep(0.8)->created);
  EXPECT_FALSE(keep(0.7)->created);
  const KeptDraft kept = run(models.get_draft("digits", "2.0")).value();
  EXPECT_EQ(kept.content.validation->threshold, 0.7);
  EXPECT_EQ(kept.content.variants.at(0).size, onnx("graph").size());

  EXPECT_EQ(run(models.get_release("digits", "2.0")).error().code, Errc::not_found);
  EXPECT_EQ(run(models.list_releases("digits", 1000, 10))->total, 1);
  EXPECT_EQ(run(models.get_model("digits"))->latest_version, "1.0");
  EXPECT_EQ(database.value<int>("select count(*) from events where message like '%2.0%'"), 0);
  database.exec("update blobs set created_at = now() - interval '1 year'");
  EXPECT_EQ(run(blobs.clear_unreferred({}, 100))->uploads, 0U) << "its file stays";

  const Published published = run(models.publish_draft("digits", "2.0", "user:bob", now)).value();
  EXPECT_EQ(published.release.content.validation->threshold, 0.7);
  EXPECT_EQ(published.release.created_by, "user:bob");
  EXPECT_EQ(run(models.get_model("digits"))->latest_version, "2.0");
  EXPECT_TRUE(run(models.list_drafts("digits"))->empty());
  EXPECT_EQ(keep(0.6).error().code, Errc::conflict) << "the version is final";
  EXPECT_EQ(run(models.publish_draft("digits", "2.0", "user:bob", now)).error().code, Errc::not_found);
}

TEST_F(ModelServiceTest, ADraftIsCheckedLikeAReleaseAndCanBeDiscarded) {
  const auto keep = [&](const std::string& version, const std::string& digest) {
    return run(models.keep_draft("digits", draft(version, digest), text_of(version, digest), "token:ci", now));
  };
  EXPECT_EQ(keep("2.0", std::string(64, 'a')).error().code, Errc::not_found);
  EXPECT_EQ(keep("2.0", store("text")).error().code, Errc::malformed_model);
  const std::string digest = store(onnx("graph"));
  ASSERT_TRUE(keep("2.0", digest));
  EXPECT_TRUE(run(models.discard_draft("digits", "2.0", "user:ada")));
  EXPECT_EQ(run(models.discard_draft("digits", "2.0", "user:ada")).error().code, Errc::not_found);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'release.discard'"), 1);

  ASSERT_TRUE(keep("2.0", digest));
  EXPECT_TRUE(publish(draft("2.0", digest))->created) << "a draft does not hold its version against anybody";
  EXPECT_TRUE(run(models.list_drafts("digits"))->empty());
}

TEST_F(ModelServiceTest, AModelHasSoManyDraftsAndNoMore) {
  const std::string digest = store(onnx("graph"));
  database.exec(
      "insert into release_drafts select 'digits', 'v' || n, '{}', 'ada', now(), 'ada', now() "
      "from generate_series(1, 50) n");
  const auto one_more = run(models.keep_draft("digits", draft("2.0", digest), "{}", "token:ci", now));
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().message, "the model 'digits' has 50 drafts already; publish or discard one of them");
  EXPECT_EQ(run(models.list_drafts("digits"))->size(), 50U) << "what cannot be read is listed by its version";
}

TEST_F(ModelServiceTest, ASignatureIsKeptAndMayBeMadeAnew) {
  const std::string bytes = onnx("graph");
  ReleaseDraft signed_draft = draft("1.0", store(bytes));
  const auto sign = [&](const std::string& version, std::uint64_t sequence) {
    signing::ReleaseStatement said;
    said.model = "digits";
    said.version = version;
    said.sequence = sequence;
    const SigningKey key{make_signing_key("").value(), ""};
    return signing::sign_release(said, {{{"m.onnx", "onnx", bytes.size()}, sha256(as_bytes(bytes))}}, key).value();
  };
  signed_draft.signature = sign("1.1", 1);
  EXPECT_EQ(publish(signed_draft).error().code, Errc::signature_release);
  signed_draft.signature = sign("1.0", 1);
  ASSERT_TRUE(publish(signed_draft));
  EXPECT_EQ(run(models.get_release("digits", "1.0"))->content.signature, signed_draft.signature);
  EXPECT_FALSE(publish(signed_draft)->created) << "the same again";

  const wire::ReleaseSignature anew = sign("1.0", 2);
  EXPECT_EQ(run(models.replace_signature("digits", "1.0", anew, "token:ci"))->content.signature, anew);
  EXPECT_EQ(run(models.get_release("digits", "1.0"))->content.signature, anew);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'release.sign'"), 1);
  EXPECT_EQ(run(models.replace_signature("digits", "1.0", sign("1.1", 2), "token:ci")).error().code,
            Errc::signature_release);
  EXPECT_EQ(run(models.replace_signature("digits", "2.0", anew, "token:ci")).error().code, Errc::not_found);
}

TEST_F(ModelServiceTest, ItsFilesMustBeThereAndLookLikeModels) {
  EXPECT_EQ(publish(draft("1.0", std::string(64, 'a'))).error().code, Errc::not_found);
  const auto refused = publish(draft("1.0", store("not a model at all")));
  EXPECT_EQ(refused.error().code, Errc::malformed_model);
  EXPECT_TRUE(refused.error().message.starts_with("variant 'fp32': ")) << refused.error().message;
  EXPECT_EQ(run(models.publish("faces", draft("1.0", store(onnx("g"))), "token:ci", now)).error().code,
            Errc::not_found);
}

TEST_F(ModelServiceTest, AReleaseOfSeveralFilesKeepsThemAll) {
  const std::string labels = store("cat");
  const auto several = [&](const std::string& version, const std::string& weights) {
    ReleaseDraft made = draft(version, store(onnx("graph")));
    made.variants[0].parts = {{"labels.txt", {labels, 0}}, {"model.onnx.data", {weights, 0}}};
    return made;
  };
  const std::string weights = store("weights");
  const Published first = publish(several("1.0", weights)).value();
  EXPECT_EQ(first.release.content.variants[0].parts,
            (std::vector<wire::Part>{{"labels.txt", {labels, 3}}, {"model.onnx.data", {weights, 7}}}));
  EXPECT_FALSE(publish(several("1.0", weights))->created) << "the same again";
  EXPECT_EQ(publish(several("1.0", store("other weights"))).error().code, Errc::conflict);
  const auto missing = publish(several("1.1", std::string(64, 'a')));
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find("variant 'fp32', part 'model.onnx.data'"), std::string::npos);
  EXPECT_EQ(publish(several("1.1", store(""))).error().code, Errc::invalid_argument) << "an empty file";
  const nlohmann::json json = release_to_json(run(models.get_release("digits", "1.0")).value());
  EXPECT_EQ(json["variants"][0]["parts"][1]["name"], "model.onnx.data");
  EXPECT_EQ(json["variants"][0]["parts"][1]["size"], 7);
  database.exec("update blobs set created_at = now() - interval '91 days'");
  EXPECT_EQ(run(blobs.clear_unreferred({}, 100))->uploads, 2U) << "other weights, and the empty file";
}

TEST_F(ModelServiceTest, ListsNewestFirstInPages) {
  const std::string digest = store(onnx("graph"));
  for (const char* version : {"1.0", "1.1", "1.2"}) ASSERT_TRUE(publish(draft(version, digest)));
  const ReleasePage page = run(models.list_releases("digits", 1'000'000, 2)).value();
  EXPECT_EQ(page.total, 3);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.items.at(0).content.version, "1.2");
  const ReleasePage rest = run(models.list_releases("digits", page.items.back().id, 2)).value();
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.items.at(0).content.version, "1.0");
  EXPECT_EQ(run(models.get_model("digits"))->latest_version, "1.2");
}

TEST_F(ModelServiceTest, TellsWhereItRuns) {
  const std::string digest = store(onnx("graph"));
  ASSERT_TRUE(publish(draft("1.0", digest)));
  database.exec(
      "insert into devices (id, hardware_class, revoked_at) values ('a', 'cpu', null), ('b', 'cpu', null), "
      "('gone', 'cpu', now())");
  database.exec("insert into device_models (device_id, model, version, digest) select id, 'digits', '1.0', '" + digest +
                "' from devices");
  const Release release = run(models.get_release("digits", "1.0")).value();
  ASSERT_EQ(release.running.size(), 1U);
  EXPECT_EQ(release.running[0].devices, 2);
  EXPECT_EQ(model_to_json(run(models.get_model("digits")).value())["running"][0]["devices"], 2);
}

}  // namespace
}  // namespace argosy::server
