# argosy_embed(TARGET FUNCTION FILE...): compiles text files into TARGET as `argosy::FUNCTION()`, declared by
# common/base/embedded.hpp's EmbeddedFile: std::span<const EmbeddedFile>, sorted by name.
function(argosy_embed target function)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp")
  string(REPLACE ";" "|" files "${ARGN}")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -DOUTPUT=${output} -DFUNCTION=${function} "-DFILES=${files}"
            -P "${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake"
    DEPENDS ${ARGN} "${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake"
    VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
