"""The papers' optimiser, and ours."""

from .config import OptimizerConfig

PAPER_OPTIMIZER = OptimizerConfig(
    name="rmsprop-graves",  # section 4.6: "RMSProp in the form described in Graves 2013"
    lr=1e-4,  # Tables 1 to 3 have it for each experiment
    momentum=0.9,  # section 4.6
    decay=0.95,  # Graves 2013, equations 38 and 39
    eps=1e-4,  # Graves 2013, equation 40; inside the root
    clip="elementwise",  # section 4.6: "all gradient components were clipped elementwise"
    clip_value=10.0,  # section 4.6: "to the range (−10, 10)"
)

FAST_OPTIMIZER = OptimizerConfig(
    name="adam",  # 32,000 sequences to 0.1 bits on copy, where the paper shows about 100,000
    lr=1e-3,  # ten times the paper's: Adam's steps stay bounded where RMSProp's do not
    clip="norm",  # keeps the direction of the gradient, which clipping each component does not
    clip_value=10.0,  # about the norm at the start of a run, so only explosions are cut by much
)
