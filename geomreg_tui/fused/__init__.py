"""The fused kernel: losses of random multilayer perceptrons on the CPU, without a tensor in between."""
