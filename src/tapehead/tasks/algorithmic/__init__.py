"""The NTM paper's five tasks, and the DNC paper's re-allocation."""
