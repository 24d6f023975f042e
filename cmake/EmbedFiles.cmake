# Script mode, called by argosy_embed: writes OUTPUT, a C++ file that holds the text of FILES (parted by '|').
string(REPLACE "|" ";" FILES "${FILES}")
list(SORT FILES)
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" content)
  string(APPEND entries "    {\"${name}\", R\"argosy_file(${content})argosy_file\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"common/base/embedded.hpp\"

namespace argosy {
namespace {
constexpr EmbeddedFile files[] = {
${entries}};
}  // namespace
std::span<const EmbeddedFile> ${FUNCTION}();
std::span<const EmbeddedFile> ${FUNCTION}() { return files; }
}  // namespace argosy
")
