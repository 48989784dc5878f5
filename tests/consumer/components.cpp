// One use of each component that is linked: its target defines a macro that says so.

#include "components.hpp"

#ifdef LAPIDARY_SENTENCEPIECE
#include <lapidary/text/sentencepiece.hpp>
#endif
#ifdef LAPIDARY_TOKENIZERS
#include <lapidary/text/tokenizer_json.hpp>
#endif
#ifdef LAPIDARY_COMPRESSION
#include <lapidary/data/decompressed.hpp>
#endif
#ifdef LAPIDARY_EIGEN
#include <lapidary/cpu/eigen.hpp>
#endif
#ifdef LAPIDARY_CUDA
#include <lapidary/cuda.hpp>
#endif

int use_components() {
    int used = 0;
#ifdef LAPIDARY_SENTENCEPIECE
    try {
        const lapidary::SentencePiece tokenizer("no.model");
    } catch (const lapidary::Error&) {
        ++used;
    }
#endif
#ifdef LAPIDARY_TOKENIZERS
    try {
        const lapidary::JsonTokenizer tokenizer("no.json");
    } catch (const lapidary::Error&) {
        ++used;
    }
#endif
#ifdef LAPIDARY_COMPRESSION
    try {
        lapidary::open_lines("no.gz");
    } catch (const lapidary::Error&) {
        ++used;
    }
#endif
#ifdef LAPIDARY_EIGEN
    const float x[] = {1, 2, 3, 4};
    if (lapidary::as_eigen(lapidary::ConstView<float, 2>(x, {2, 2})).trace() == 5) ++used;
#endif
#ifdef LAPIDARY_CUDA
    try {
        const lapidary::Cuda gpu({.device = 1000});
    } catch (const lapidary::Error&) {
        ++used;
    }
#endif
    return used;
}
