// The model that answers now, behind the `current` link that the agent switches. One thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <onnxruntime_cxx_api.h>

#include "examples/digits/features.hpp"

namespace digits {

struct Release {
  std::string model, version;  // version: empty when the slot does not say
};

// What a slot holds: the model is named by the folder around the slot, the version by its release.json.
Release release_of(const std::filesystem::path& slot);

struct Answer {
  int digit = -1;
  float confidence = 0;
};

class Model {
 public:
  // Loads `<slot>/model.onnx` and answers one image for a try. Throws std::exception.
  Model(Ort::Env& env, const std::filesystem::path& slot);

  const Release& release() const { return release_; }
  Answer classify(const Image& image);

 private:
  Release release_;
  Ort::Session session_;
  std::string input_, output_;
};

}  // namespace digits
