#pragma once

// The whole vocabulary of operations. Each is a function template that states shapes, checks them, and hands over
// to
// `<name>_on(device, ...)`, which the device's own headers define and argument-dependent lookup finds.
//
// Unless an operation says otherwise,
// - a result is overwritten: what it held before does not matter, uninitialised memory will do;
// - results overlap neither inputs nor each other;
// - any extent may be 0: the result is then empty, or the empty sum.

#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/adamw.hpp>
#include <lapidary/ops/attention.hpp>
#include <lapidary/ops/bias.hpp>
#include <lapidary/ops/block_rows.hpp>
#include <lapidary/ops/clamp.hpp>
#include <lapidary/ops/cross_entropy.hpp>
#include <lapidary/ops/digest.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/embedding.hpp>
#include <lapidary/ops/gelu.hpp>
#include <lapidary/ops/heads.hpp>
#include <lapidary/ops/layer_norm.hpp>
#include <lapidary/ops/matmul.hpp>
#include <lapidary/ops/positions.hpp>
#include <lapidary/ops/reduce.hpp>
#include <lapidary/ops/rms_norm.hpp>
#include <lapidary/ops/rmsprop.hpp>
#include <lapidary/ops/rotary.hpp>
#include <lapidary/ops/swiglu.hpp>
