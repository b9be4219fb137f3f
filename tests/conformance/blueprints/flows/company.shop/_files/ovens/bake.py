"""How many rolls are on the trays: `bake.py --trays 2`."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--trays", type=int, required=True)
print(parser.parse_args().trays * 20, "rolls")
