#pragma once

// The reference device: `lapidary::Reference`.

#include <lapidary/reference/adamw.hpp>
#include <lapidary/reference/attention.hpp>
#include <lapidary/reference/bias.hpp>
#include <lapidary/reference/block_rows.hpp>
#include <lapidary/reference/clamp.hpp>
#include <lapidary/reference/cross_entropy.hpp>
#include <lapidary/reference/device.hpp>
#include <lapidary/reference/digest.hpp>
#include <lapidary/reference/elementwise.hpp>
#include <lapidary/reference/embedding.hpp>
#include <lapidary/reference/gelu.hpp>
#include <lapidary/reference/layer_norm.hpp>
#include <lapidary/reference/matmul.hpp>
#include <lapidary/reference/reduce.hpp>
#include <lapidary/reference/rms_norm.hpp>
#include <lapidary/reference/rmsprop.hpp>
#include <lapidary/reference/rotary.hpp>
#include <lapidary/reference/swiglu.hpp>
