"""The Triton engine: the memory step of NTM and DNC in one kernel, between matrix products by PyTorch.

Importing this package imports no Triton; :mod:`.available` says whether there is one, and what it serves.
"""
