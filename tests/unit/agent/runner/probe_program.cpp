// A program of another engine, as docs/validation.md has it, whose models are words: what it is to do. Its answer to a
// sample is the sample itself. For program_test.cpp and network_test.cpp.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Json = nlohmann::json;

int fail(const std::string& type, const std::string& message) {
  std::cout << Json{{"error", {{"type", type}, {"message", message}}}} << std::endl;
  return 1;
}

// The word for how a connection to a port of this machine ends.
std::string connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return std::strerror(errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return connected ? "connected" : std::strerror(errno);
}

std::vector<float> read_samples(const Json& inputs, std::size_t& values_each) {
  std::size_t count = 1;
  for (const Json& size : inputs["shape"]) count *= size.get<std::size_t>();
  values_each = count / inputs["shape"][0].get<std::size_t>();
  std::vector<float> samples(count);
  std::ifstream file(inputs["file"].get<std::string>(), std::ios::binary);
  file.seekg(inputs["offset"].get<std::streamoff>());
  file.read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(count * sizeof(float)));
  return samples;
}

// The sums of all inputs, sample by sample.
int answer_sums(const Json& inputs) {
  std::vector<double> sums;
  for (const Json& input : inputs) {
    std::size_t each = 0;
    const std::vector<float> samples = read_samples(input, each);
    sums.resize(samples.size() / each);
    for (std::size_t i = 0; i < samples.size(); ++i) sums[i / each] += static_cast<double>(samples[i]);
  }
  for (const double sum : sums) std::cout << Json{{"output", {sum}}, {"ms", 0.5}} << '\n';
  return 0;
}

int answer_all(const Json& job, const std::string& word) {
  if (job.contains("named_inputs")) return answer_sums(job["named_inputs"]);
  if (job["inputs"].is_null()) return 0;
  std::size_t each = 0;
  const std::vector<float> samples = read_samples(job["inputs"], each);
  for (std::size_t i = 0; i < samples.size(); i += each) {
    if (word == "stop" && i > 0) return 0;
    Json output = Json::array();
    for (std::size_t j = 0; j < each; ++j) output.push_back(word == "nan" ? Json() : Json(samples[i + j]));
    std::cout << Json{{"output", output}, {"ms", 0.5}} << '\n';
  }
  if (word == "talk") std::cout << Json{{"output", {1}}, {"ms", 1}} << '\n';
  return 0;
}

}  // namespace

int main(int argc, char**) {
  if (argc != 1) return fail("io", "arguments were given");
  const Json job = Json::parse(std::cin);
  std::ifstream model(job["model"].get<std::string>());
  std::string word;
  int number = 0;
  model >> word >> number;
  if (word == "broken") return fail("malformed-model", "not a model of words");
  if (word == "connect") return fail("incompatible", connect_to(number));
  if (word == "job") return fail("incompatible", job.dump());
  if (word == "environment") return fail("incompatible", std::getenv("ARGOSY_SECRET") ? "leaked" : "clean");
  if (word == "crash") std::abort();
  if (word == "exit") return number;
  if (word == "mute") return 0;
  if (word == "nonsense") std::cout << "sample 1 is 42\n";
  if (word == "endless") {
    const std::string block(1 << 20, 'x');
    for (;;) std::cout << block;
  }
  for (volatile unsigned spin = 0; word == "spin";) spin = spin + 1;
  if (word == "eat") {
    std::vector<char*> kept;
    for (;;) kept.push_back(static_cast<char*>(std::memset(new char[8 << 20], 1, 8 << 20)));
  }
  std::cout << Json{{"load_ms", 7.5}} << '\n';
  return answer_all(job, word);
}
