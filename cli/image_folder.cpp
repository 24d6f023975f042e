#include "cli/image_folder.hpp"

#include <algorithm>
#include <charconv>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <sstream>

#include <jpeglib.h>
#include <nlohmann/json.hpp>
#include <png.h>
#include <zlib.h>

#include "common/base/file.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_pictures = 100'000;
constexpr std::uint64_t most_bytes = 2ULL << 30;
constexpr std::uint32_t most_pixels_a_side = 1 << 14;
constexpr std::uint64_t most_picture_bytes = 64 << 20;

Error bad_picture(const std::string& message) {
  return make_error(Errc::corrupt, message);
}

Result<Picture> read_png(ByteView file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) return bad_picture("is a damaged PNG");
  if (image.width > most_pixels_a_side || image.height > most_pixels_a_side) {
    png_image_free(&image);
    return bad_picture("has more than 16384 pixels a side");
  }
  const bool is_coloured = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = is_coloured ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Picture picture{image.width, image.height, is_coloured ? 3U : 1U, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  const png_color white{255, 255, 255};  // behind what is transparent
  if (png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr) == 0)
    return bad_picture("is a damaged PNG");
  return picture;
}

struct JpegFailure {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

// libjpeg leaves by a jump: nothing in here may need to be destroyed.
bool decode_jpeg(ByteView file, Picture& picture) {
  jpeg_decompress_struct jpeg{};
  JpegFailure failure{};
  jpeg.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = [](j_common_ptr info) {
    std::longjmp(reinterpret_cast<JpegFailure*>(info->err)->back, 1);
  };
  failure.manager.output_message = [](j_common_ptr) {};
  if (setjmp(failure.back) != 0) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&jpeg);
  if (jpeg.output_width > most_pixels_a_side || jpeg.output_height > most_pixels_a_side) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  picture.width = jpeg.output_width;
  picture.height = jpeg.output_height;
  picture.channels = static_cast<std::uint32_t>(jpeg.output_components);
  const std::size_t row_bytes = std::size_t{picture.width} * picture.channels;
  picture.pixels.resize(row_bytes * picture.height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = picture.pixels.data() + jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return failure.manager.num_warnings == 0;
}

struct Labelled {
  std::string file, label;
};

Result<std::vector<Labelled>> read_labels(const fs::path& file) {
  ARGOSY_TRY(const std::string text, read_file(file));
  std::vector<Labelled> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const auto comma = line.rfind(',');
    if (line.empty() || (all.empty() && line == "file,label")) continue;
    if (comma == std::string::npos)
      return make_error(Errc::invalid_argument,
                        file.string() + ": \"" + shortened(line) + "\" is no line FILE,LABEL, such as cat1.png,0");
    all.push_back({line.substr(0, comma), line.substr(comma + 1)});
    if (all.size() > most_pictures)
      return make_error(Errc::too_large, file.string() + " names more than 100,000 pictures");
  }
  if (all.empty()) return make_error(Errc::invalid_argument, file.string() + " names no picture");
  return all;
}

struct PictureForm {
  bool channels_first = true;
  bool is_float = false;
  double scale = 1;
  std::vector<double> mean, deviation;
  std::string settings;  // the rest of argosy.json; empty: there is none
};

Result<PictureForm> read_form(const fs::path& file) {
  PictureForm form;
  std::error_code failed;
  if (!fs::exists(file, failed)) return form;
  ARGOSY_TRY(const std::string text, read_file(file, 4 << 20));
  auto settings = parse_json(text, {.bytes = 4 << 20});
  if (!settings) return std::move(settings).error().within(file.string());
  ARGOSY_TRY(JsonReader in, JsonReader::of(*settings, {}, UnknownKeys::pass));
  in.optional_object("pictures", [&](JsonReader& pictures) {
    std::string layout = "nchw";
    pictures.optional("layout", layout)
        .optional("scale", form.scale)
        .optional("mean", form.mean)
        .optional("std", form.deviation);
    pictures.check("layout", layout == "nchw" || layout == "nhwc", "must be nchw or nhwc");
    pictures.check("std", std::find(form.deviation.begin(), form.deviation.end(), 0.0) == form.deviation.end(),
                   "must not hold 0");
    form.is_float = pictures.has("scale") || pictures.has("mean") || pictures.has("std");
    form.channels_first = layout == "nchw";
  });
  if (auto good = in.finish(); !good) return std::move(good).error().within(file.string());
  settings->erase("pictures");
  if (!settings->empty()) form.settings = settings->dump();
  return form;
}

template <class T>
void append_number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string npy_header(const std::string& descr, const std::string& shape) {
  constexpr std::size_t alignment = 64, fixed = 10;
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(alignment - 1 - (fixed + header.size()) % alignment, ' ');
  header += '\n';
  std::string npy("\x93NUMPY\x01\x00", 8);
  append_number(npy, static_cast<std::uint16_t>(header.size()));
  return npy + header;
}

void append_picture(std::string& out, const Picture& picture, const PictureForm& form) {
  const std::size_t places = std::size_t{picture.width} * picture.height, channels = picture.channels;
  const auto append = [&](std::size_t place, std::size_t channel) {
    const std::uint8_t pixel = picture.pixels[place * channels + channel];
    if (!form.is_float) return append_number(out, pixel);
    double value = pixel * form.scale;
    if (channel < form.mean.size()) value -= form.mean[channel];
    if (channel < form.deviation.size()) value /= form.deviation[channel];
    append_number(out, static_cast<float>(value));
  };
  if (form.channels_first)
    for (std::size_t channel = 0; channel < channels; ++channel)
      for (std::size_t place = 0; place < places; ++place) append(place, channel);
  else
    for (std::size_t place = 0; place < places; ++place)
      for (std::size_t channel = 0; channel < channels; ++channel) append(place, channel);
}

// Integers where all are, else texts.
std::string npy_of_labels(const std::vector<Labelled>& all) {
  const std::string shape = std::to_string(all.size()) + ",";
  std::string integers;
  std::size_t longest = 1;
  for (const Labelled& each : all) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(each.label.data(), each.label.data() + each.label.size(), value);
    if (error == std::errc{} && end == each.label.data() + each.label.size()) append_number(integers, value);
    longest = std::max(longest, each.label.size());
  }
  if (integers.size() == all.size() * sizeof(std::int64_t)) return npy_header("<i8", shape) + integers;
  std::string texts;
  for (const Labelled& each : all) texts += each.label + std::string(longest - each.label.size(), '\0');
  return npy_header("|S" + std::to_string(longest), shape) + texts;
}

// A zip of stored members, as numpy.savez writes it.
class Archive {
 public:
  void add(const std::string& name, const std::string& data) {
    const auto offset = static_cast<std::uint32_t>(bytes_.size()), size = static_cast<std::uint32_t>(data.size());
    const auto sum = static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
    std::string facts;  // in both places: version, flags, method, time, date, sum and sizes
    append_number<std::uint16_t>(facts, 20);
    facts.append(4, '\0');
    append_number<std::uint32_t>(facts, 0x00210000);  // 1980-01-01
    append_number(facts, sum);
    append_number(facts, size);
    append_number(facts, size);
    append_number(facts, static_cast<std::uint16_t>(name.size()));
    append_number<std::uint32_t>(bytes_, 0x04034b50);
    bytes_ += facts + std::string(2, '\0') + name + data;
    append_number<std::uint32_t>(directory_, 0x02014b50);
    append_number<std::uint16_t>(directory_, 20);
    directory_ += facts + std::string(12, '\0');
    append_number(directory_, offset);
    directory_ += name;
    ++members_;
  }
  std::string finish() && {
    const auto start = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += directory_;
    append_number<std::uint32_t>(bytes_, 0x06054b50);
    bytes_.append(4, '\0');
    append_number(bytes_, members_);
    append_number(bytes_, members_);
    append_number(bytes_, static_cast<std::uint32_t>(directory_.size()));
    append_number(bytes_, start);
    bytes_.append(2, '\0');
    return std::move(bytes_);
  }

 private:
  std::string bytes_, directory_;
  std::uint16_t members_ = 0;
};

std::string size_of(const Picture& picture) {
  return std::to_string(picture.width) + " x " + std::to_string(picture.height) +
         (picture.channels == 1 ? " grey" : " in colour");
}

}  // namespace

Result<Picture> read_picture(ByteView file) {
  const std::string_view text = as_text(file);
  if (text.starts_with("\x89PNG")) return read_png(file);
  if (!text.starts_with("\xff\xd8")) return bad_picture("is neither PNG nor JPEG");
  Picture picture;
  if (!decode_jpeg(file, picture) || (picture.channels != 1 && picture.channels != 3))
    return bad_picture("is a damaged JPEG, or of a kind that is not read");
  return picture;
}

Result<std::string> npz_of_pictures(const fs::path& folder) {
  ARGOSY_TRY(const std::vector<Labelled> all, read_labels(folder / "labels.csv"));
  ARGOSY_TRY(const PictureForm form, read_form(folder / "argosy.json"));
  Picture first;
  std::string values;
  for (const Labelled& each : all) {
    ARGOSY_TRY(const std::string bytes, read_file(folder / each.file, most_picture_bytes));
    auto picture = read_picture(as_bytes(bytes));
    if (!picture)
      return make_error(picture.error().code, (folder / each.file).string() + " " + picture.error().message);
    if (first.pixels.empty()) first = *picture;
    if (size_of(*picture) != size_of(first))
      return make_error(Errc::invalid_argument, (folder / each.file).string() + " is " + size_of(*picture) + ", and " +
                                                    all[0].file + " " + size_of(first) +
                                                    ": pictures of a data set are of one size");
    append_picture(values, *picture, form);
    if (values.size() > most_bytes)
      return make_error(Errc::too_large, folder.string() + " takes more than 2 GiB as arrays");
  }
  const std::string width = std::to_string(first.width), height = std::to_string(first.height),
                    channels = std::to_string(first.channels);
  const std::string shape =
      std::to_string(all.size()) + ", " +
      (form.channels_first ? channels + ", " + height + ", " + width : height + ", " + width + ", " + channels);
  Archive archive;
  archive.add("x.npy", npy_header(form.is_float ? "<f4" : "|u1", shape) + values);
  archive.add("y.npy", npy_of_labels(all));
  if (!form.settings.empty()) archive.add("argosy.json", form.settings);
  return std::move(archive).finish();
}

}  // namespace argosy::cli
