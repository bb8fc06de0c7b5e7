"""`python -m sandbox.samples FOLDER`: write the sample images and say what they are."""

from __future__ import annotations

import argparse
from pathlib import Path

from sandbox.samples.sample_files import write_samples


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.samples", description="Write the sample images.")
    parser.add_argument("folder", type=Path, help="made when it is not there")
    for sample in write_samples(parser.parse_args().folder):
        print(f"{sample.path}: {sample.description}")


if __name__ == "__main__":
    main()
