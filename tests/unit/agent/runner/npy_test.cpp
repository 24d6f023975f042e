#include "agent/runner/npy.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using test::npy;
using test::npy_with_header;
using test::npz;

std::string refusal_of(const std::string& bytes) {
  const auto array = parse_npy(as_bytes(bytes));
  if (array) return "parsed";
  EXPECT_EQ(array.error().code, Errc::corrupt);
  return array.error().message;
}

TEST(Npy, ReadsEachElementTypeByValue) {
  const std::string floats = npy<float>("<f4", "(2, 1)", {1.5F, -2.0F});
  const std::string doubles = npy<double>("<f8", "(1,)", {0.25});
  const std::string bytes = npy<std::uint8_t>("|u1", "(2,)", {0, 255});
  const std::string longs = npy<std::int64_t>("<i8", "(1,)", {-7});
  EXPECT_EQ(parse_npy(as_bytes(floats))->at(1), -2.0);
  EXPECT_EQ(parse_npy(as_bytes(floats))->describe(), "float32 [2,1]");
  EXPECT_EQ(parse_npy(as_bytes(doubles))->at(0), 0.25);
  EXPECT_EQ(parse_npy(as_bytes(bytes))->at(1), 255.0);
  EXPECT_EQ(parse_npy(as_bytes(longs))->at(0), -7.0);
}

TEST(Npy, AScalarHasAnEmptyShape) {
  const std::string bytes = npy<float>("<f4", "()", {3.0F});
  EXPECT_TRUE(parse_npy(as_bytes(bytes))->shape.empty());
  EXPECT_EQ(parse_npy(as_bytes(bytes))->count(), 1U);
}

TEST(Npy, SaysWhatIsWrongAndWhatToDo) {
  EXPECT_EQ(refusal_of("hello, world"), "not a .npy file");
  EXPECT_EQ(refusal_of(std::string("\x93NUMPY\x09\x00\x00\x00\x00\x00", 12)),
            ".npy version 9 is unknown: 1 to 3 are read");
  EXPECT_EQ(refusal_of(npy<float>("<f2", "(1,)", {1})),
            "element type '<f2' is not read: use float32, float64, int8, uint8, int32 or int64");
  EXPECT_EQ(refusal_of(npy<float>("<f4", "(3,)", {1, 2})), "the array holds 8 bytes where its shape needs 12");
  EXPECT_EQ(refusal_of(npy_with_header("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "1234")),
            "the array is in Fortran order: save numpy.ascontiguousarray of it");
}

TEST(Npy, RefusesHeadersThatNumPyDoesNotWrite) {
  for (const char* header :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 'x', }"}) {
    EXPECT_EQ(refusal_of(npy_with_header(header, "1234")),
              "the .npy header is not one that NumPy writes for a plain array")
        << header;
  }
}

TEST(Npy, AShapeThatOverflowsIsRefused) {
  EXPECT_EQ(refusal_of(npy<float>("<f4", "(4294967296, 4294967296, 4)", {1})),
            "the array holds 4 bytes where its shape needs more than 63 bits can count");
}

TEST(Npz, FindsItsArraysByName) {
  const std::string bytes =
      npz({{"x.npy", npy<float>("<f4", "(1,)", {2.5F})}, {"y.npy", npy<std::uint8_t>("|u1", "(1,)", {9})}});
  const auto entries = parse_npz(as_bytes(bytes));
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "x");
  EXPECT_EQ((*entries)[0].array.at(0), 2.5);
  EXPECT_EQ((*entries)[1].name, "y");
}

TEST(Npz, ReadsWhatNumPyWrote) {
  const auto bytes = read_file(std::string(ARGOSY_DIGITS) + "/data/validation.npz");
  const auto entries = parse_npz(as_bytes(*bytes));
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ((*entries)[0].array.describe(), "uint8 [400,1,8,8]");
  EXPECT_EQ((*entries)[1].array.describe(), "int64 [400]");
}

TEST(Npz, RefusesWhatItCannotRead) {
  const std::string x = npy<float>("<f4", "(1,)", {1});
  const auto message = [](const std::string& bytes) { return parse_npz(as_bytes(bytes)).error().message; };
  EXPECT_EQ(message(npz({{.name = "x.npy", .data = x, .method = 8}})),
            "member 'x.npy' is compressed: save it with numpy.savez, not savez_compressed");
  EXPECT_EQ(message(npz({{.name = "x.npy", .data = x, .flags = 1}})), "member 'x.npy' is encrypted");
  EXPECT_EQ(message(npz({{"x.npy", "junk"}})), "array 'x': not a .npy file");
  EXPECT_EQ(message(npz(std::vector<test::ZipMember>(17, {"x.npy", x}))), "17 arrays in one file: at most 16");
}

// Whatever is cut off or changed, the reader answers; under the address sanitizer this shows that it stays inside.
TEST(Npz, SurvivesEveryTruncationAndEveryChangedByte) {
  const std::string whole =
      npz({{"x.npy", npy<float>("<f4", "(2, 1)", {1, 2})}, {"y.npy", npy<std::uint8_t>("|u1", "(2,)", {0, 1})}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_npz(as_bytes(std::string_view(whole).substr(0, size)))) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ change);
      const auto entries = parse_npz(as_bytes(changed));
      if (!entries) continue;
      for (const NpzEntry& entry : *entries) {
        for (std::size_t i = 0; i < entry.array.count(); ++i) entry.array.at(i);
      }
    }
  }
}

}  // namespace
}  // namespace argosy::agent
