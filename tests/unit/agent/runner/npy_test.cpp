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

std::vector<double> values_of(const std::string& bytes) {
  const auto array = parse_npy(as_bytes(bytes));
  EXPECT_TRUE(array) << array.error().message;
  std::vector<double> values;
  for (std::size_t i = 0; array && i < array->count(); ++i) values.push_back(array->at(i));
  return values;
}
std::string bytes_of(std::initializer_list<int> bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(Npy, PutsFortranOrderIntoCOrder) {
  const std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
  EXPECT_EQ(values_of(npy_with_header(header, bytes_of({1, 4, 2, 5, 3, 6}))), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, TurnsBigEndianRound) {
  const std::string header = "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(values_of(npy_with_header(header, bytes_of({1, 0, 0, 2}))), (std::vector<double>{256, 2}));
}

TEST(Npy, ReadsHalvesAndTexts) {
  EXPECT_EQ(values_of(npy<std::uint16_t>("<f2", "(2,)", {0x3c00, 0xc100})), (std::vector<double>{1, -2.5}));
  const std::string texts = npy<std::uint32_t>("<U2", "(2,)", {'a', 0xe9, 'b', 0});
  EXPECT_EQ(parse_npy(as_bytes(texts))->text_at(0), "a\xc3\xa9");
  EXPECT_EQ(parse_npy(as_bytes(texts))->text_at(1), "b");
  EXPECT_EQ(parse_npy(as_bytes(texts))->describe(), "text [2]");
  const std::string bytes = npy<char>("|S3", "(1,)", {'c', 'd', 0});
  EXPECT_EQ(parse_npy(as_bytes(bytes))->text_at(0), "cd");
}

TEST(Npy, SaysWhyPythonObjectsAreNotRead) {
  EXPECT_EQ(refusal_of(npy<double>("|O", "(1,)", {1})),
            "the array holds Python objects, which nobody but Python reads: give it a type before it is saved, "
            "np.asarray(array, dtype=np.int64) for labels, np.float32 for numbers, str for names");
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
  EXPECT_EQ(refusal_of(npy<double>("<c8", "(1,)", {1})),
            "elements of type '<c8' are complex: save their real and imaginary parts, np.stack([a.real, a.imag], -1)");
  EXPECT_EQ(refusal_of(npy<double>("<M8[s]", "(1,)", {1})),
            "elements of type '<M8[s]' are not read: use bool, integers, float16, float32, float64 or texts, as "
            "np.asarray(array, dtype=np.float32) makes them");
  EXPECT_EQ(refusal_of(npy<float>("<f4", "(3,)", {1, 2})), "the array holds 8 bytes where its shape needs 12");
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
  EXPECT_EQ(message(npz({{.name = "x.npy", .data = x, .method = 12}})),
            "member 'x.npy' is compressed by a method that NumPy does not use: save it with numpy.savez");
  EXPECT_EQ(message(npz({{.name = "x.npy", .data = x, .method = 8}})),
            "array 'x': its compressed bytes are damaged or unpack to another size than was promised");
  EXPECT_EQ(message(npz({{.name = "x.npy", .data = x, .flags = 1}})), "member 'x.npy' is encrypted");
  EXPECT_EQ(message(npz({{"x.npy", "junk"}})), "array 'x': not a .npy file");
  EXPECT_EQ(message(npz(std::vector<test::ZipMember>(65, {"x.npy", x}))), "65 arrays in one file: at most 64");
}

TEST(Npz, UnpacksWhatSavezCompressedWrote) {
  const auto bytes = read_file(ARGOSY_TEST_DATA "/cases/datasets/compressed.npz");
  const auto plain = read_file(ARGOSY_TEST_DATA "/cases/datasets/ok.npz");
  const auto unpacked = parse_npz(as_bytes(*bytes)), stored = parse_npz(as_bytes(*plain));
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  ASSERT_EQ(unpacked->size(), stored->size());
  for (std::size_t i = 0; i < stored->size(); ++i)
    EXPECT_EQ(as_text((*unpacked)[i].array.data), as_text((*stored)[i].array.data));
}

// A few bytes that claim to be gigabytes take no memory.
TEST(Npz, RefusesABombBeforeItUnpacks) {
  std::string bytes = npz({{.name = "x.npy", .data = std::string(100, 'x'), .method = 8}});
  const std::size_t size_in_directory = bytes.size() - 22 - 5 - 46 + 24;
  const std::uint32_t claimed = 0x7fffffff;
  bytes.replace(size_in_directory, 4, reinterpret_cast<const char*>(&claimed), 4);
  EXPECT_EQ(parse_npz(as_bytes(bytes)).error().message,
            "member 'x.npy' claims to unpack to more than deflate can hold");
}

TEST(Npz, SurvivesEveryTruncationAndEveryChangedByteOfACompressedFile) {
  const std::string whole = *read_file(ARGOSY_TEST_DATA "/cases/datasets/compressed.npz");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_npz(as_bytes(std::string_view(whole).substr(0, size)))) << size;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ 0x41U);
    const auto entries = parse_npz(as_bytes(changed));
    if (!entries) continue;
    for (const NpzEntry& entry : *entries)
      for (std::size_t i = 0; i < entry.array.count(); ++i) entry.array.at(i);
  }
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
