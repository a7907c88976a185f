"""Speed against the reference and against peers; refuses to report on a red correctness gate."""
