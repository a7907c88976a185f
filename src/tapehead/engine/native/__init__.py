"""The C++ kernel: its operators, its build, its buffers, and a whole training update in one call.

Of use outside of the engine: :func:`loader.retry` builds again where a build failed, :func:`workspace.clear`
returns idle buffers to the system.
"""
