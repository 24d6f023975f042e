# What a device gets: the Debian package argosy-agent, made by scripts/package. Models, journals and identity under
# /var/lib/argosy are the agent's, not the package's: it neither brings nor removes them.
include(GNUInstallDirs)

find_package(OnnxRuntime REQUIRED)
set(private_libraries "${CMAKE_INSTALL_LIBDIR}/argosy")
# Debian 12 has no ONNX Runtime, so the runner brings its own.
set_target_properties(argosy-runner PROPERTIES INSTALL_RPATH "${CMAKE_INSTALL_PREFIX}/${private_libraries}")
install(TARGETS argosy-agent argosy-runner RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT agent)
get_target_property(onnxruntime OnnxRuntime::OnnxRuntime IMPORTED_LOCATION)
file(REAL_PATH "${onnxruntime}" onnxruntime)
install(PROGRAMS "${onnxruntime}" DESTINATION "${private_libraries}" RENAME libonnxruntime.so.1 COMPONENT agent)
install(FILES "${ONNXRUNTIME_ROOT}/copyright" DESTINATION "${CMAKE_INSTALL_DOCDIR}-agent" RENAME onnxruntime.copyright COMPONENT agent
        OPTIONAL)
install(FILES agent/sdk/argosy_observe.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT agent)
install(FILES agent/sdk/argosy_observe.py DESTINATION lib/python3/dist-packages COMPONENT agent)
install(FILES deploy/systemd/argosy-agent.service DESTINATION lib/systemd/system COMPONENT agent)
install(FILES docs/agent.md docs/observations.md docs/validation.md DESTINATION "${CMAKE_INSTALL_DOCDIR}-agent" COMPONENT agent)
install(FILES deploy/debian/agent.toml DESTINATION /etc/argosy COMPONENT agent)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL agent)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_AGENT_PACKAGE_NAME argosy-agent)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The people of Argosy <packages@argosy.dev>")
set(CPACK_DEBIAN_AGENT_DESCRIPTION "Argosy's agent: keeps a device's machine-learning models up to date
 Rebuilds models from binary patches, validates them on the device, switches
 atomically, watches them under real traffic and rolls back by itself.")
set(CPACK_DEBIAN_AGENT_PACKAGE_SECTION net)
set(CPACK_DEBIAN_AGENT_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_AGENT_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${ONNXRUNTIME_ROOT}/lib")
set(CPACK_DEBIAN_AGENT_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/deploy/debian/postinst;${CMAKE_SOURCE_DIR}/deploy/debian/prerm;${CMAKE_SOURCE_DIR}/deploy/debian/conffiles")
include(CPack)
