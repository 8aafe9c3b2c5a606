"""python -m training styles|train|export|judge: see docs/embedded-weights.md."""

from training.cli import main

if __name__ == "__main__":
    main()
