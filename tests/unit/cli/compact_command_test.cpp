// `argosy release compact` on the models of examples/digits, with the real runner.
#include "cli/compact_command.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/delta/patch_apply.hpp"
#include "common/delta/patch_make.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path digits = ARGOSY_DIGITS;

class CompactCommand : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  CompactFlags flags_;

  CompactCommand() {
    flags_.base = digits / "models/digits-1.0-fp32.onnx";
    flags_.exact = digits / "models/digits-1.1-fp32.onnx";
    flags_.dataset = digits / "data/validation.npz";
    flags_.out = at("made.onnx");
    flags_.report = at("report.json");
    flags_.runner = ARGOSY_RUNNER;
  }
  fs::path at(const char* name) const { return fs::path(folder_.path()) / name; }
  Result<int> run() const { return release_compact({.json = false, .quiet = true}, flags_); }
  json report() const { return json::parse(read_file(flags_.report).value()); }
};

TEST_F(CompactCommand, MakesTheModelOfTheFewestBitsThatKeepTheTolerance) {
  const auto ran = run();
  ASSERT_TRUE(ran) << ran.error().message;
  const json found = report();
  EXPECT_EQ(found["result_digest"], sha256_file(flags_.out)->to_hex());
  EXPECT_EQ(found["base_digest"], sha256_file(flags_.base)->to_hex());
  EXPECT_EQ(found["exact_digest"], sha256_file(flags_.exact)->to_hex());
  EXPECT_EQ(found["full_bytes"], fs::file_size(flags_.exact));
  EXPECT_EQ(found["automatic"], true);
  EXPECT_EQ(found["samples"], 400);
  EXPECT_GE(found["agreement"].get<double>(), 0.995);
  EXPECT_EQ(found["metric"]["name"], "accuracy");
  EXPECT_LT(found["patch_bytes"].get<double>(), 0.5 * found["exact_patch_bytes"].get<double>());
  EXPECT_EQ(found["settings"].back()["bits"], found["bits"]);
  EXPECT_EQ(found["settings"].back()["accepted"], true);
  EXPECT_EQ(found["tolerance"]["agreement"], 0.995);
  EXPECT_FALSE(fs::exists(at("made.onnx.part")));
}

TEST_F(CompactCommand, APatchOfTheReportedSizeMakesTheModel) {
  flags_.bits = "4";
  ASSERT_TRUE(run());
  MakeRequest request;
  request.old_path = flags_.base;
  request.new_path = flags_.out;
  request.patch_path = at("patch");
  const auto made = make_patch(request);
  ASSERT_TRUE(made && made->codec) << made->declined;
  EXPECT_EQ(json(made->patch.size_bytes), report()["patch_bytes"]);
}

TEST_F(CompactCommand, ANarrowToleranceEndsWithAdviceAndWithoutAFile) {
  flags_.bits = "2";
  flags_.min_agreement = 1;
  flags_.max_metric_loss = -1;  // what no model keeps
  const auto ran = run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Errc::incompatible);
  EXPECT_NE(ran.error().message.find("as it is"), std::string::npos) << ran.error().message;
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(CompactCommand, GeneratedSamplesAreReported) {
  flags_.dataset.clear();
  flags_.samples = 60;
  flags_.bits = "6";
  flags_.min_agreement = 0.9;
  const auto ran = run();
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(report()["samples"], 60);
  EXPECT_TRUE(report()["metric"].is_null());
  EXPECT_EQ(report()["automatic"], false);
}

TEST_F(CompactCommand, WeightsAloneSayWhatTheyWereJudgedBy) {
  flags_.weights_only = true;
  flags_.runner = "/nowhere";
  const auto ran = run();
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(report()["samples"], 0);
  EXPECT_TRUE(report()["agreement"].is_null());
  EXPECT_EQ(report()["tolerance"], json({{"agreement", nullptr}, {"weight_error", 0.02}, {"change_error", 0.15}}));
}

TEST_F(CompactCommand, InputsAreNeverOverwritten) {
  fs::copy_file(flags_.exact, at("new.onnx"));
  flags_.exact = at("new.onnx");
  fs::create_symlink("new.onnx", at("link.onnx"));
  for (const char* out : {"new.onnx", "link.onnx"}) {
    flags_.out = at(out);
    EXPECT_EQ(run().error().code, Errc::invalid_argument);
  }
  flags_.out = at("made.onnx");
  flags_.report = at("new.onnx");
  EXPECT_EQ(run().error().code, Errc::invalid_argument);
}

TEST_F(CompactCommand, ARunnerThatIsNotThereAndAModelThatIsNoneAreNamed) {
  flags_.runner = "/nowhere";
  EXPECT_EQ(run().error().code, Errc::not_found);
  flags_.runner = ARGOSY_RUNNER;
  flags_.exact = flags_.dataset;
  EXPECT_FALSE(run());
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace argosy::cli
