"""The C++ kernel: its operators, its build, its buffers, and a whole training update in one call."""
