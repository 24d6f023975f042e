// Every way in which an offer can be bad, one after the other, to a real updater with real files and real keys: each is
// refused with its own cause and words, in bounded memory and time, while the old model serves on; then a good one is
// taken. A bad patch is refused by itself: the whole file is taken in its place.
#include <ctime>
#include <fstream>

#include <gtest/gtest.h>
#include <malloc.h>

#include "common/base/bounds.hpp"
#include "common/delta/tensor_encode.hpp"
#include "common/delta/tensor_format.hpp"
#include "common/delta/zstd_from_apply.hpp"
#include "common/signing/release_signature.hpp"
#include "tests/unit/agent/update/update_bench.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy::agent {
namespace {

using test::Bench;
using test::blob_of;

#ifdef ARGOSY_SANITIZE
constexpr bool is_sanitized = true;  // they keep memory of their own, and take their time
#else
constexpr bool is_sanitized = false;
#endif

constexpr std::uint64_t old_sequence = 10;
constexpr std::uint64_t next_sequence = 11;
constexpr std::int64_t most_growth_kib = 10 << 10;
constexpr double most_cpu_seconds = 1;
constexpr std::size_t model_bytes = 300'000;
constexpr std::size_t bomb_bytes = 64 << 20;

std::string noise(std::uint64_t seed, std::size_t size) {
  Rng rng(seed);
  return std::string(as_text(random_bytes(rng, size)));
}

// A device that serves a signed model, and what is next offered to it.
class Offer {
 public:
  Offer() { bench.install(signed_wish("1.0", old_model, 1, old_sequence)); }

  TrustPolicy policy() const { return {signing::TrustedKeys::of({public_half(publisher).value()}).value(), true}; }
  void sign(wire::DesiredModel& of, std::uint64_t sequence) const { sign(of, sequence, publisher); }
  void sign(wire::DesiredModel& of, std::uint64_t sequence, const SigningKey& key,
            std::optional<Instant> expires_at = std::nullopt) const {
    signing::ReleaseStatement said;
    said.model = of.model;
    said.version = of.version;
    said.sequence = sequence;
    said.expires_at = expires_at;
    const auto digest = Digest::parse(of.artifact.digest).value();
    of.signature = signing::sign_release(said, {{{"model.onnx", of.format, of.artifact.size}, digest}}, key).value();
  }
  wire::DesiredModel signed_wish(const std::string& version, const std::string& bytes, std::int64_t rollout,
                                 std::uint64_t sequence) {
    wire::DesiredModel signed_one = bench.wish(version, bytes, rollout);
    sign(signed_one, sequence);
    return signed_one;
  }
  // In place of the model: what takes its digest and size from it, and its bytes from elsewhere.
  void serve_instead(const std::string& bytes) { bench.publish_as(wish.artifact.digest, bytes); }
  void announce(std::uint64_t size) {
    wish.artifact.size = size;
    sign(wish, next_sequence);
  }
  void aim_at(const std::string& bytes) {
    new_model = bytes;
    wish = signed_wish("1.1", bytes, 2, next_sequence);
  }
  void patch(const std::string& codec, const std::string& bytes, std::optional<wire::BlobRef> result = std::nullopt) {
    bench.publish(bytes);
    wish.patches.push_back({blob_of(old_model).digest, codec, blob_of(bytes), std::move(result)});
  }
  std::string tensor_between(const std::string& from, const std::string& to) const {
    EXPECT_TRUE(encode_tensor(files.write("old", as_bytes(from)), files.write("new", as_bytes(to)), files.path("p")));
    const Bytes made = files.read("p");
    return std::string(as_text(made));
  }

  SigningKey publisher{make_signing_key("").value(), ""};
  DeltaFiles files;
  const std::string old_model = noise(1, model_bytes);
  std::string new_model = old_model.substr(0, model_bytes / 2) + noise(2, model_bytes / 2);
  Bench bench{policy()};
  wire::DesiredModel wish = signed_wish("1.1", new_model, 2, next_sequence);
};

// A zstd frame of zeros that lies about its size and asks for the window that it is told to.
std::string frame_of_zeros(int window_log, std::uint32_t announced, std::size_t zeros) {
  constexpr std::size_t largest_block = 128 << 10;
  std::string frame = "\x28\xb5\x2f\xfd\x80";
  frame += static_cast<char>((window_log - 10) << 3);
  for (int i = 0; i < 4; ++i) frame += static_cast<char>(announced >> (8 * i));
  while (zeros > 0) {
    const std::size_t count = std::min(zeros, largest_block);
    zeros -= count;
    const auto head = static_cast<std::uint32_t>(count << 3 | 1 << 1 | (zeros == 0 ? 1 : 0));
    for (int i = 0; i < 3; ++i) frame += static_cast<char>(head >> (8 * i));
    frame += '\0';
  }
  return frame;
}

std::string beside(const std::string& base, const std::string& frame) {
  std::string head(zstd_from_start.begin(), zstd_from_start.end());
  const Digest digest = sha256(as_bytes(base));
  head.append(digest.bytes.begin(), digest.bytes.begin() + zstd_from_base_bytes);
  return head + frame;
}

std::string bsdiff_with(const Bytes& extra, std::size_t copied, std::size_t announced) {
  const PatchParts parts{{{0, static_cast<std::int64_t>(copied), 0}}, {}, extra, announced};
  const Bytes made = parts.assemble();
  return std::string(as_text(made));
}

// A patch to a larger file, whose header says that it is to the smaller one.
std::string tensor_bomb(const Offer& offer) {
  std::string bomb = offer.tensor_between(offer.old_model, std::string(bomb_bytes / 4, '\0'));
  std::array<std::uint8_t, tensor::header_bytes> head;
  std::copy_n(bomb.begin(), head.size(), head.begin());
  tensor::Header header = tensor::decode_header(head).value();
  header.new_file = measure(as_bytes(offer.new_model));
  head = tensor::encode(header);
  std::copy(head.begin(), head.end(), bomb.begin());
  return bomb;
}

struct BadOffer {
  std::string name;
  void (*spoil)(Offer&);
  Phase phase;
  std::string cause;
  std::string word;  // of the message; of a patch that is not even fetched: none
};
void PrintTo(const BadOffer& offer, std::ostream* out) {
  *out << offer.name;
}

// Signatures ----------------------------------------------------------------------------------------------------------

const BadOffer bad_signatures[] = {
    {"no_signature", [](Offer& o) { o.wish.signature.reset(); }, Phase::rejected, "signature_missing", "is not signed"},
    {"a_strangers_signature",
     [](Offer& o) {
       o.sign(o.wish, next_sequence, {make_signing_key("").value(), ""});
     },
     Phase::rejected, "signature_key", "trust"},
    {"a_signature_of_other_bytes",
     [](Offer& o) { o.wish.signature = o.signed_wish("1.1", "other bytes", 2, next_sequence).signature; },
     Phase::rejected, "signature_digest", "is not of the file"},
    {"a_signature_of_another_version", [](Offer& o) { o.wish.version = "1.2"; }, Phase::rejected, "signature_release",
     "is of digits@1.1, not of digits@1.2"},
    {"a_sequence_too_low", [](Offer& o) { o.sign(o.wish, old_sequence - 1); }, Phase::rejected, "signature_sequence",
     "this device has seen 10"},
    {"an_expired_signature",
     [](Offer& o) { o.sign(o.wish, next_sequence, o.publisher, instant_from_ms(1'600'000'000'000)); }, Phase::rejected,
     "signature_expired", "2020-09-13"},
    {"a_malformed_bundle", [](Offer& o) { o.wish.signature->bundle = "{}"; }, Phase::rejected, "signature_malformed",
     "bundle"},
    {"a_changed_statement", [](Offer& o) { o.wish.signature->statement += ' '; }, Phase::rejected, "signature_digest",
     "is not the one that was signed"},
};

// Blobs ---------------------------------------------------------------------------------------------------------------

const BadOffer bad_blobs[] = {
    {"other_bytes", [](Offer& o) { o.serve_instead(noise(3, model_bytes)); }, Phase::failed, "verify",
     "arrived with digest"},
    {"more_bytes_than_announced", [](Offer& o) { o.serve_instead(o.new_model + o.new_model); }, Phase::failed,
     "download", "longer than the 300000 bytes"},
    {"fewer_bytes_than_announced", [](Offer& o) { o.serve_instead(o.new_model.substr(0, 100'000)); }, Phase::failed,
     "download", "ended after 100000 of 300000"},
    {"a_size_for_no_disk", [](Offer& o) { o.announce(largest_count / 2); }, Phase::failed, "no_space", "make room"},
    {"a_size_at_the_end_of_numbers", [](Offer& o) { o.announce(largest_count); }, Phase::failed, "no_space",
     "make room"},
    {"a_data_set_for_no_disk",
     [](Offer& o) {
       o.wish.validation.dataset = {blob_of("else").digest, largest_count};
     },
     Phase::failed, "no_space", "make room"},
    {"a_data_set_of_other_bytes",
     [](Offer& o) {
       o.wish.validation.dataset = blob_of("else");
       o.bench.publish_as(blob_of("else").digest, "elsa");
     },
     Phase::failed, "verify", "arrived with digest"},
    {"a_data_set_longer_than_announced",
     [](Offer& o) {
       o.wish.validation.dataset = blob_of("else");
       o.bench.publish_as(blob_of("else").digest, std::string(1 << 20, 'e'));
     },
     Phase::failed, "download", "longer than the 4 bytes"},
};

// Patches: the whole file is taken instead ----------------------------------------------------------------------------

const BadOffer bad_patches[] = {
    {"a_tensor_patch_for_another_base",
     [](Offer& o) { o.patch("tensor", o.tensor_between(o.new_model, o.new_model + "x")); }, Phase::committed, "",
     "base-mismatch"},
    {"a_zstd_patch_for_another_base",
     [](Offer& o) { o.patch("zstd-from", beside(o.new_model, frame_of_zeros(20, model_bytes, model_bytes))); },
     Phase::committed, "", "base-mismatch"},
    {"a_patch_to_another_file",
     [](Offer& o) { o.patch("bsdiff", bsdiff_with(Bytes(model_bytes), model_bytes, model_bytes)); }, Phase::committed,
     "", "digest-mismatch"},
    {"a_tensor_patch_cut_short",
     [](Offer& o) {
       const std::string whole = o.tensor_between(o.old_model, o.new_model);
       o.patch("tensor", whole.substr(0, whole.size() / 2));
     },
     Phase::committed, "", "ends before its result does"},
    {"a_bsdiff_patch_cut_short",
     [](Offer& o) {
       const std::string whole = bsdiff_with(Bytes(model_bytes), model_bytes, model_bytes);
       o.patch("bsdiff", whole.substr(0, whole.size() - 4));
     },
     Phase::committed, "", "truncated"},
    {"a_patch_of_fewer_bytes_than_announced",
     [](Offer& o) {
       o.patch("bsdiff", "BSDIFF40, and no more");
       o.bench.publish_as(o.wish.patches[0].blob.digest, "BSDIFF40");
     },
     Phase::committed, "", "ended after 8 of 21"},
    {"a_patch_of_more_bytes_than_announced",
     [](Offer& o) {
       o.patch("zstd", "short");
       o.bench.publish_as(o.wish.patches[0].blob.digest, std::string(1 << 20, 'z'));
     },
     Phase::committed, "", "longer than the 5 bytes"},
    {"a_patch_of_other_bytes",
     [](Offer& o) {
       o.patch("zstd", "short");
       o.bench.publish_as(o.wish.patches[0].blob.digest, "SHORT");
     },
     Phase::committed, "", "arrived with digest"},
    {"an_empty_patch", [](Offer& o) { o.patch("tensor", ""); }, Phase::committed, "", "the patch failed"},
    {"a_zstd_bomb", [](Offer& o) { o.patch("zstd", frame_of_zeros(20, model_bytes, 16 * bomb_bytes)); },
     Phase::committed, "", "malformed-patch"},
    {"a_zstd_bomb_that_says_so", [](Offer& o) { o.patch("zstd", frame_of_zeros(20, bomb_bytes, bomb_bytes)); },
     Phase::committed, "", "makes a file of 67108864 bytes, and 300000 are expected"},
    {"a_zstd_window_of_128_mib", [](Offer& o) { o.patch("zstd", frame_of_zeros(27, model_bytes, model_bytes)); },
     Phase::committed, "", "too much memory"},
    {"a_zstd_from_bomb",
     [](Offer& o) { o.patch("zstd-from", beside(o.old_model, frame_of_zeros(20, model_bytes, 16 * bomb_bytes))); },
     Phase::committed, "", "malformed-patch"},
    {"zstd_from_over_its_limits",
     [](Offer& o) {
       o.aim_at(noise(4, zstd_from_new_limit_bytes + 1));
       const auto size = static_cast<std::uint32_t>(o.new_model.size());
       o.patch("zstd-from", beside(o.old_model, frame_of_zeros(22, size, size)));
     },
     Phase::committed, "", "too-large"},
    {"a_bsdiff_bomb", [](Offer& o) { o.patch("bsdiff", bsdiff_with(Bytes(bomb_bytes), model_bytes, model_bytes)); },
     Phase::committed, "", "holds more bytes"},
    {"a_bsdiff_bomb_of_one_step",
     [](Offer& o) { o.patch("bsdiff", bsdiff_with(Bytes(bomb_bytes), bomb_bytes, model_bytes)); }, Phase::committed, "",
     "more than the 300000 bytes"},
    {"a_tensor_bomb", [](Offer& o) { o.patch("tensor", tensor_bomb(o)); }, Phase::committed, "", "malformed-patch"},
    {"a_patch_of_an_unknown_codec", [](Offer& o) { o.patch("vcdiff", "a patch"); }, Phase::committed, "", ""},
    {"a_patch_for_a_base_that_is_not_here",
     [](Offer& o) {
       o.patch("zstd", "a patch");
       o.wish.patches[0].base_digest = blob_of("elsewhere").digest;
     },
     Phase::committed, "", ""},
    {"steps_in_a_circle",
     [](Offer& o) {
       const std::string there = o.tensor_between(o.old_model, o.new_model + "!");
       const std::string back = o.tensor_between(o.new_model + "!", o.old_model);
       o.patch("tensor", there, blob_of(o.new_model + "!"));
       o.patch("tensor", back, blob_of(o.old_model));
       o.wish.patches[1].base_digest = blob_of(o.new_model + "!").digest;
     },
     Phase::committed, "", ""},
    {"a_step_to_where_it_is",
     [](Offer& o) {
       const std::string step = o.new_model + "!";
       o.patch("tensor", "", blob_of(step));
       o.wish.patches[0].base_digest = blob_of(step).digest;  // costs nothing, and leads nowhere
       o.patch("tensor", o.tensor_between(o.old_model, step), blob_of(step));
       o.patch("tensor", "the rest");
       o.wish.patches[2].base_digest = blob_of(step).digest;
     },
     Phase::committed, "", "the patch failed"},
    {"a_step_for_no_disk",
     [](Offer& o) {
       const wire::BlobRef absurd{blob_of("a step").digest, largest_count};
       o.patch("zstd", frame_of_zeros(20, bomb_bytes, bomb_bytes), absurd);
       o.patch("zstd", "the rest");
       o.wish.patches[1].base_digest = absurd.digest;
     },
     Phase::committed, "", ""},
};

// The walk ------------------------------------------------------------------------------------------------------------

std::int64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  return 0;
}

void forget_peak() {
  ::malloc_trim(0);
  std::ofstream peak("/proc/self/clear_refs");
  peak << 5 << std::flush;
  EXPECT_TRUE(peak) << "the peak of the memory cannot be set back here";
}

class BadOffers : public testing::TestWithParam<BadOffer> {
 protected:
  std::filesystem::path downloads() const { return offer_.bench.storage().root() / "downloads"; }

  void handle_in_bounds() {
    Bench& bench = offer_.bench;
    forget_peak();
    const std::int64_t peak_before = peak_kib();
    const std::clock_t cpu_before = std::clock();
    bench.install(offer_.wish);
    for (int i = 0; i < 10 && !is_terminal(bench.phase()); ++i) {
      bench.let_time_pass(std::chrono::minutes(6));
      bench.run();
      bench.pass_probation({100, 0, 10.0, false});
    }
    if (is_sanitized) return;
    EXPECT_LT(peak_kib() - peak_before, most_growth_kib);
    EXPECT_LT(static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC, most_cpu_seconds);
  }
  void expect_outcome(const BadOffer& bad) {
    Bench& bench = offer_.bench;
    const auto update = *bench.updater().report().update;
    EXPECT_EQ(bench.phase(), bad.phase) << bench.log();
    EXPECT_EQ(update.cause, bad.cause) << update.message;
    EXPECT_NE(bench.log().find(bad.word), std::string::npos) << bench.log();
    EXPECT_TRUE(bad.phase != Phase::committed || update.source == "full") << update.source;
    const bool patch_was_fetched = bench.kinds().find('p') != std::string::npos;
    EXPECT_EQ(patch_was_fetched, bad.phase == Phase::committed && !bad.word.empty());
    EXPECT_TRUE(bench.served() == (bad.phase == Phase::committed ? offer_.new_model : offer_.old_model));
  }
  // What failed on the way is kept, so that a later try goes on there; it ends with the sweep that the agent makes.
  void expect_no_litter(const BadOffer& bad) {
    std::uint64_t kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator(downloads())) kept += entry.file_size();
    EXPECT_LE(kept, bad.phase == Phase::failed ? model_bytes : 0);
    EXPECT_TRUE(bad.phase == Phase::failed || std::filesystem::is_empty(downloads()));
    offer_.bench.storage().sweep({}, Duration{-1000});
    EXPECT_TRUE(std::filesystem::is_empty(downloads()));
  }

  Offer offer_;
};

TEST_P(BadOffers, IsRefusedAndHarmsNothing) {
  const BadOffer& bad = GetParam();
  Bench& bench = offer_.bench;
  ASSERT_TRUE(bench.served() == offer_.old_model) << bench.log();
  bad.spoil(offer_);
  const int fetches = bench.fetches();
  handle_in_bounds();
  expect_outcome(bad);
  EXPECT_EQ(bench.fetches() == fetches, bad.cause == "no_space");

  bench.start();  // nor does a restart bring it in
  bench.run();
  expect_outcome(bad);
  expect_no_litter(bad);

  bench.install(offer_.signed_wish("1.3", "a good model", 3, next_sequence + 1));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "a good model");
  EXPECT_TRUE(std::filesystem::is_empty(downloads()));
}

std::string name_of(const testing::TestParamInfo<BadOffer>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Signature, BadOffers, testing::ValuesIn(bad_signatures), name_of);
INSTANTIATE_TEST_SUITE_P(Blob, BadOffers, testing::ValuesIn(bad_blobs), name_of);
INSTANTIATE_TEST_SUITE_P(Patch, BadOffers, testing::ValuesIn(bad_patches), name_of);

// What no device gets to see: the document that brings the offer is refused as a whole --------------------------------

struct BadDocument {
  std::string name;
  void (*spoil)(wire::DesiredModel&);
  std::string word;
};

const BadDocument bad_documents[] = {
    {"a_format_that_is_no_name", [](wire::DesiredModel& m) { m.format = "../onnx"; }, "models[0].format"},
    {"a_version_that_is_no_name", [](wire::DesiredModel& m) { m.version = "1.0/.."; }, "models[0].version"},
    {"a_digest_that_is_a_path", [](wire::DesiredModel& m) { m.artifact.digest = "../../etc/passwd"; },
     "models[0].artifact.digest"},
    {"a_base_that_is_a_path",
     [](wire::DesiredModel& m) {
       m.patches = {{"..", "zstd", m.artifact, {}}};
     },
     "models[0].patches[0].base_digest"},
    {"too_many_patches",
     [](wire::DesiredModel& m) {
       m.patches.assign(65, {m.artifact.digest, "zstd", m.artifact, {}});
     },
     "models[0].patches"},
    {"an_oversized_bundle",
     [](wire::DesiredModel& m) {
       m.signature = {"{}", std::string(wire::max_bundle_bytes + 1, 'b'), {}};
     },
     "models[0].signature.bundle"},
    {"an_oversized_document", [](wire::DesiredModel& m) { m.version.assign(1 << 20, '1'); }, "the limit is 1048576"},
};

TEST(BadDocuments, AreRefusedWithThePathOfTheFault) {
  for (const BadDocument& bad : bad_documents) {
    wire::DesiredModel wish;
    wish.model = "digits";
    wish.version = "1.0";
    wish.format = "onnx";
    wish.artifact = blob_of("model");
    bad.spoil(wish);
    const auto decoded = wire::decode_desired(encode(wire::Desired{"d1", 1, {wish}}));
    ASSERT_FALSE(decoded) << bad.name;
    EXPECT_NE(decoded.error().message.find(bad.word), std::string::npos) << bad.name << ": " << decoded.error().message;
  }
}

}  // namespace
}  // namespace argosy::agent
