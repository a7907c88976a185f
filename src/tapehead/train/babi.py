"""The runs on bAbI: the DNC paper's (``dnc-babi-paper``), and ours."""

from ..tasks import Babi
from .config import OptimizerConfig, TrainConfig
from .models import dnc

BABI_PRESETS: dict[str, TrainConfig] = {
    # DNC Extended Data Table 2, "DNC1", the best on average of the grid search.
    "dnc-babi-paper": TrainConfig(
        task=Babi(),
        model=dnc(hidden_size=256, memory_size=256, word_size=64, num_reads=4),
        # DNC Methods, "Optimization": RMSProp in Tieleman and Hinton's form, which has no momentum, and the
        # gradient clipped at the controller's activations.
        optimizer=OptimizerConfig(
            name="rmsprop", lr=1e-4, momentum=0.0, decay=0.9, clip="controller", clip_value=10.0
        ),
        batch_size=1,  # by 16 workers that share the weights; here one after the other
        sequences=1_000_000,  # not told; a re-implementation's 500,000 took a week
        validate_every=20_000,
        validation_sequences=512,
    ),
    # The recipe of Franke et al. 2018 (ADNC), 6.3 ± 2.7 % after 2.8 million stories: reads by content alone,
    # layer norm on the interface, bypass dropout. Measured on one core, stories of 91 steps a second: 74 with
    # the paper's machine; 200 so; 230 with 128 slots; 320 with 128 × 32; 490 with 128 units, too. The
    # published size, because three million stories then take five hours of a core, the memory holds a slot
    # for each sentence of all but the longest stories, and no smaller machine is known to get as far.
    # At half of this learning rate, with batches of one length: 11.4 bits a story after 9,600 stories; with
    # `init="lookup"` and without the norm 16.0 after 8,000.
    "dnc-babi": TrainConfig(
        task=Babi(),
        model=dnc(
            hidden_size=256,
            memory_size=192,
            word_size=64,
            num_reads=4,
            temporal_links=False,
            interface_norm=True,
            bypass_dropout=0.1,
        ),
        # 10.0 bits a story after 8,000 stories at 1e-3; so that a batch, which holds few tasks, does not
        # decide, the average of the weights is what is scored.
        optimizer=OptimizerConfig(
            name="adam", lr=1e-3, clip="norm", clip_value=10.0, warmup=200, final_lr=1e-5
        ),
        batch_size=32,
        sequences=3_000_000,
        validate_every=50_000,
        validation_sequences=512,
        ema_decay=0.999,
    ),
}
