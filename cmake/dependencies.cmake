# Found by both the source tree and the installed package, so that both ask for the same things.

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
include(CMakeFindDependencyMacro)
find_dependency(nlohmann_json)
find_dependency(range-v3)
find_dependency(OpenSSL COMPONENTS Crypto)
find_dependency(Threads)
find_package(SentencePiece QUIET)  # optional: lapidary::sentencepiece
find_package(ZLIB QUIET)           # optional, both: lapidary::compression
find_package(Zstd QUIET)
