#include "cli/image_folder.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "cli/runner_process.hpp"
#include "common/base/file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

namespace fs = std::filesystem;

const fs::path pictures = ARGOSY_TEST_DATA "/pictures";

// A folder with the two pictures, to which a test adds what it is about.
struct PictureFolder {
  test::TemporaryFolder folder;
  PictureFolder() {
    for (const char* name : {"red.png", "blue.jpg", "grey.png", "labels.csv"})
      fs::copy_file(pictures / name, folder.path() / name);
  }
  void write(const char* name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(folder.path() / name, text));
  }
  std::string refusal() const {
    const auto made = npz_of_pictures(folder.path());
    return made ? "made" : made.error().message;
  }
};

TEST(ImageFolder, ReadsPngAndJpeg) {
  const auto png = read_picture(as_bytes(*read_file(pictures / "red.png")));
  ASSERT_TRUE(png) << png.error().message;
  EXPECT_EQ(png->width, 3U);
  EXPECT_EQ(png->height, 2U);
  EXPECT_EQ(png->channels, 3U);
  EXPECT_EQ((std::vector<std::uint8_t>(png->pixels.begin(), png->pixels.begin() + 3)),
            (std::vector<std::uint8_t>{255, 0, 0}));
  EXPECT_EQ((std::vector<std::uint8_t>(png->pixels.end() - 3, png->pixels.end())),
            (std::vector<std::uint8_t>{0, 10, 20}));
  const auto jpeg = read_picture(as_bytes(*read_file(pictures / "blue.jpg")));
  ASSERT_TRUE(jpeg) << jpeg.error().message;
  EXPECT_GT(jpeg->pixels[2], 240);
  EXPECT_EQ(read_picture(as_bytes(*read_file(pictures / "grey.png")))->channels, 1U);
}

TEST(ImageFolder, DamagedPicturesAreRefused) {
  for (const char* name : {"red.png", "blue.jpg"}) {
    const std::string whole = *read_file(pictures / name);
    EXPECT_FALSE(read_picture(as_bytes(std::string_view(whole).substr(0, whole.size() / 2)))) << name;
    for (std::size_t size = 0; size < whole.size(); size += 7)
      read_picture(as_bytes(std::string_view(whole).substr(0, size)));
  }
  EXPECT_EQ(read_picture(as_bytes("GIF89a")).error().message, "is neither PNG nor JPEG");
}

TEST(ImageFolder, BecomesADataSetThatTheRunnerReads) {
  PictureFolder given;
  const auto made = npz_of_pictures(given.folder.path());
  ASSERT_TRUE(made) << made.error().message;
  given.write("set.npz", *made);
  // The model takes four numbers; its refusal shows the arrays as the runner read them.
  const auto report = run_runner(ARGOSY_RUNNER, {"--model", ARGOSY_TEST_DATA "/cases/models/ok.onnx", "--dataset",
                                                 given.folder.path() / "set.npz", "--box", "any"});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message,
            "the model's input 'x' float32 [?,4] does not take the data set's x uint8 [2,3,2,3]");
}

TEST(ImageFolder, PixelsAreScaledAsItsSettingsSay) {
  PictureFolder given;
  given.write("labels.csv", "red.png,cat\n");
  given.write("argosy.json",
              R"({"pictures": {"layout": "nhwc", "scale": 0.5, "mean": [1], "std": [2]}, "classes": ["cat"]})");
  const auto made = npz_of_pictures(given.folder.path());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_NE(made->find("'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3, 3)"), std::string::npos);
  EXPECT_NE(made->find("'descr': '|S3'"), std::string::npos);
  EXPECT_NE(made->find(R"({"classes":["cat"]})"), std::string::npos);
  const std::size_t array = made->find("\x93NUMPY");
  std::uint16_t header = 0;
  float first = 0;
  std::memcpy(&header, made->data() + array + 8, sizeof header);
  std::memcpy(&first, made->data() + array + 10 + header, sizeof first);
  EXPECT_EQ(first, 63.25F);  // (255 * 0.5 - 1) / 2
}

TEST(ImageFolder, SaysWhatIsWrongWithWhichPicture) {
  PictureFolder given;
  given.write("labels.csv", "red.png,1\ngrey.png,0\n");
  EXPECT_NE(given.refusal().find(
                "grey.png is 4 x 4 grey, and red.png 3 x 2 in colour: pictures of a data set are of one size"),
            std::string::npos);
  given.write("labels.csv", "red.png\n");
  EXPECT_NE(given.refusal().find("\"red.png\" is no line FILE,LABEL"), std::string::npos);
  given.write("labels.csv", "file,label\n");
  EXPECT_NE(given.refusal().find("names no picture"), std::string::npos);
  given.write("labels.csv", "labels.csv,1\n");
  EXPECT_NE(given.refusal().find("labels.csv is neither PNG nor JPEG"), std::string::npos);
}

}  // namespace
}  // namespace argosy::cli
