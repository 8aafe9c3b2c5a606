"""python -m training styles|train|export|judge: see docs/embedded-weights.md."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: spinning threads starve the rendering processes

from training.cli import main

if __name__ == "__main__":
    main()
