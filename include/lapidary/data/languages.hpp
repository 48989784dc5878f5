#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace lapidary {

namespace detail {

/// Endings of file names, and the languages that they stand for.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 94> languages{{
    {".adb", "ada"},
    {".ads", "ada"},
    {".agda", "agda"},
    {".als", "alloy"},
    {".g4", "antlr"},
    {".applescript", "applescript"},
    {".asm", "assembly"},
    {".s", "assembly"},
    {".aug", "augeas"},
    {".awk", "awk"},
    {".bat", "batchfile"},
    {".cmd", "batchfile"},
    {".bsv", "bluespec"},
    {".c", "c"},
    {".cs", "c-sharp"},
    {".clj", "clojure"},
    {".cmake", "cmake"},
    {".coffee", "coffeescript"},
    {".lisp", "common-lisp"},
    {".cc", "cpp"},
    {".cpp", "cpp"},
    {".cxx", "cpp"},
    {".hh", "cpp"},
    {".hpp", "cpp"},
    {".css", "css"},
    {".cu", "cuda"},
    {".cuh", "cuda"},
    {".dart", "dart"},
    {".dockerfile", "dockerfile"},
    {".ex", "elixir"},
    {".exs", "elixir"},
    {".elm", "elm"},
    {".el", "emacs-lisp"},
    {".erl", "erlang"},
    {".fs", "f-sharp"},
    {".f90", "fortran"},
    {".f", "fortran"},
    {".glsl", "glsl"},
    {".go", "go"},
    {".groovy", "groovy"},
    {".h", "c"},
    {".hs", "haskell"},
    {".html", "html"},
    {".htm", "html"},
    {".idr", "idris"},
    {".thy", "isabelle"},
    {".java", "java"},
    {".js", "javascript"},
    {".mjs", "javascript"},
    {".json", "json"},
    {".jl", "julia"},
    {".kt", "kotlin"},
    {".lean", "lean"},
    {".lua", "lua"},
    {".mk", "makefile"},
    {".m", "matlab"},
    {".md", "markdown"},
    {".ml", "ocaml"},
    {".pas", "pascal"},
    {".pl", "perl"},
    {".pm", "perl"},
    {".php", "php"},
    {".ps1", "powershell"},
    {".pro", "prolog"},
    {".proto", "protocol-buffer"},
    {".py", "python"},
    {".r", "r"},
    {".rkt", "racket"},
    {".rb", "ruby"},
    {".rs", "rust"},
    {".rst", "restructuredtext"},
    {".sas", "sas"},
    {".scala", "scala"},
    {".scm", "scheme"},
    {".sh", "shell"},
    {".bash", "shell"},
    {".st", "smalltalk"},
    {".sol", "solidity"},
    {".sparql", "sparql"},
    {".sql", "sql"},
    {".stan", "stan"},
    {".sml", "standard-ml"},
    {".do", "stata"},
    {".sv", "systemverilog"},
    {".tcl", "tcl"},
    {".tex", "tex"},
    {".thrift", "thrift"},
    {".ts", "typescript"},
    {".tsx", "typescript"},
    {".v", "verilog"},
    {".vhd", "vhdl"},
    {".vb", "visual-basic"},
    {".yaml", "yaml"},
    {".zig", "zig"},
}};

}  // namespace detail

/// A name without the ending that compression adds to it.
inline std::filesystem::path without_compression(std::filesystem::path file) {
    if (file.extension() == ".gz" || file.extension() == ".zst") file.replace_extension();
    return file;
}

/// The programming or markup language of a file by the ending of its name, `python` for `a.py` and `a.py.gz`;
/// empty if it is none of those known here. Names are those that StarCoder's data use for its folders.
inline std::string_view language_of(const std::filesystem::path& stored) {
    const std::filesystem::path file = without_compression(stored);
    if (file.filename() == "Makefile") return "makefile";
    if (file.filename() == "Dockerfile") return "dockerfile";
    const std::string ending = file.extension().string();
    const auto* found = std::find_if(detail::languages.begin(), detail::languages.end(),
                                     [&](const auto& language) { return language.first == ending; });
    return found == detail::languages.end() ? std::string_view() : found->second;
}

/// Whether a language has this name.
inline bool is_language(std::string_view name) {
    return std::any_of(detail::languages.begin(), detail::languages.end(),
                       [&](const auto& language) { return language.second == name; });
}

}  // namespace lapidary
