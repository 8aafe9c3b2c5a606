"""What to train for how long on which machine."""

from __future__ import annotations

from training.train import Plan

# Two cores: small crops, so that hundreds of thousands are seen; in them conv4_2 and deeper see little but the border.
# A large GPU: crops of 64 pixels, on which conv5_1 still has 4 × 4 places, and more styles, since millions of crops
# would learn 280 by heart.
PROFILES = {
    ("cpu", "embedded"): Plan(depth="conv4_1", minutes=105),
    ("cpu", "thin"): Plan(width=0.25, depth="conv4_1", minutes=15),
    ("gpu", "embedded"): Plan(minutes=15, styles=980, each=24, side=144, crop=64, batch=768, rate=3e-3),
    ("gpu", "thin"): Plan(width=0.25, minutes=4, styles=980, each=24, side=144, crop=64, batch=1024, rate=3e-3),
}
