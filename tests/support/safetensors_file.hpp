// Safetensors files, put together tensor by tensor: https://huggingface.co/docs/safetensors
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "common/base/encoding.hpp"

namespace argosy {

class SafetensorsFile {
 public:
  SafetensorsFile& add(const std::string& name, const std::string& type, const std::string& shape, ByteView content) {
    entries_ += (entries_.empty() ? "" : ",") +
                ("\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
                 std::to_string(data_.size()) + "," + std::to_string(data_.size() + content.size()) + "]}");
    data_.insert(data_.end(), content.begin(), content.end());
    return *this;
  }
  Bytes file() const {
    const std::string header = "{" + entries_ + "}";
    const std::uint64_t size = header.size();
    Bytes file(sizeof size + header.size() + data_.size());
    std::memcpy(file.data(), &size, sizeof size);
    std::copy(header.begin(), header.end(), file.begin() + sizeof size);
    std::copy(data_.begin(), data_.end(), file.end() - static_cast<std::ptrdiff_t>(data_.size()));
    return file;
  }

 private:
  std::string entries_;
  Bytes data_;
};

}  // namespace argosy
