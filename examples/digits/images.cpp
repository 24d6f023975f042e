#include "examples/digits/images.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace digits {
namespace {

// The elements of the array whose .npy file comes first in `archive`, which then begins behind them. `description` is
// what the header must say about them; `count`: how many samples of `bytes_each` there are, 0 when not known yet.
std::string_view take_array(std::string_view& archive, std::string_view description, std::string_view shape_end,
                            std::size_t bytes_each, std::size_t& count) {
  constexpr std::string_view magic("\x93NUMPY\x01\x00", 8);
  const std::size_t start = archive.find(magic);
  if (start == std::string_view::npos || archive.size() - start < 10) throw std::runtime_error("an array is missing");
  std::uint16_t header_size = 0;
  std::memcpy(&header_size, archive.data() + start + magic.size(), sizeof header_size);
  const std::string header(archive.substr(start + 10, header_size));
  const std::size_t shape = header.find("'shape': (");
  if (header.find(description) == std::string::npos || shape == std::string::npos)
    throw std::runtime_error("an array is not " + std::string(description));
  std::size_t digits = 0;
  const std::size_t samples = std::stoul(header.substr(shape + 10), &digits);
  if (header.compare(shape + 10 + digits, shape_end.size(), shape_end) != 0 || (count != 0 && samples != count))
    throw std::runtime_error("the arrays are not x [N,1,8,8] and y [N]");
  count = samples;
  archive.remove_prefix(std::min(archive.size(), start + 10 + header_size));
  if (samples == 0 || samples > archive.size() / bytes_each) throw std::runtime_error("an array is cut or empty");
  const std::string_view data = archive.substr(0, samples * bytes_each);
  archive.remove_prefix(data.size());
  return data;
}

}  // namespace

std::vector<Sample> load_samples(const std::filesystem::path& file) try {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot be opened");
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  std::string_view archive = content;
  std::size_t count = 0;
  const auto x = take_array(archive, "'descr': '|u1', 'fortran_order': False", ", 1, 8, 8)", pixels, count);
  const auto y = take_array(archive, "'descr': '<i8', 'fortran_order': False", ",)", sizeof(std::int64_t), count);
  std::vector<Sample> samples(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::transform(x.begin() + static_cast<long>(i * pixels), x.begin() + static_cast<long>((i + 1) * pixels),
                   samples[i].image.begin(), [](char value) { return static_cast<unsigned char>(value); });
    std::int64_t label = 0;
    std::memcpy(&label, y.data() + i * sizeof label, sizeof label);
    samples[i].label = static_cast<int>(label);
  }
  return samples;
} catch (const std::exception& error) {
  throw std::runtime_error(file.string() + ": " + error.what());
}

}  // namespace digits
