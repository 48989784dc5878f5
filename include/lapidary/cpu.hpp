#pragma once

// The CPU device: `lapidary::Cpu`.

#include <lapidary/cpu/adamw.hpp>
#include <lapidary/cpu/attention.hpp>
#include <lapidary/cpu/bias.hpp>
#include <lapidary/cpu/block_rows.hpp>
#include <lapidary/cpu/clamp.hpp>
#include <lapidary/cpu/cross_entropy.hpp>
#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/digest.hpp>
#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/cpu/embedding.hpp>
#include <lapidary/cpu/gelu.hpp>
#include <lapidary/cpu/layer_norm.hpp>
#include <lapidary/cpu/matmul.hpp>
#include <lapidary/cpu/reduce.hpp>
#include <lapidary/cpu/rms_norm.hpp>
#include <lapidary/cpu/rmsprop.hpp>
#include <lapidary/cpu/rotary.hpp>
#include <lapidary/cpu/swiglu.hpp>
