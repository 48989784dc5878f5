#pragma once

// Layers and the ways to compose them.

#include <lapidary/nn/alibi.hpp>
#include <lapidary/nn/attention.hpp>
#include <lapidary/nn/block.hpp>
#include <lapidary/nn/decoder.hpp>
#include <lapidary/nn/embedding.hpp>
#include <lapidary/nn/gelu_mlp.hpp>
#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/layer_norm.hpp>
#include <lapidary/nn/linear.hpp>
#include <lapidary/nn/lm_head.hpp>
#include <lapidary/nn/parallel_block.hpp>
#include <lapidary/nn/position_scheme.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/rms_norm.hpp>
#include <lapidary/nn/rotary.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/nn/sequential_block.hpp>
#include <lapidary/nn/swiglu.hpp>
