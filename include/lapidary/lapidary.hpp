#pragma once

// The library, without a device: include <lapidary/cpu.hpp> for the CPU. Headers that need one more package are
// not here: <lapidary/text/sentencepiece.hpp> (lapidary::sentencepiece), <lapidary/data/decompressed.hpp>
// (lapidary::compression), <lapidary/text/tokenizer_json.hpp> (lapidary::tokenizers),
// <lapidary/text/open_tokenizer.hpp> (either of the tokenizers).

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/checkpoint/checkpoint_saver.hpp>
#include <lapidary/checkpoint/manifest.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/core/version.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/eval/dialogue.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/models/families.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/train/evaluate.hpp>
#include <lapidary/train/json_lines.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>
