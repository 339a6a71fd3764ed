"""One target under atheris: `python -m tests.fuzz.one TARGET FOLDER [libFuzzer's options]`."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qbot"]):
    from tests.fuzz.targets import TARGETS, seeds

if __name__ == "__main__":
    name, folder, *limits = sys.argv[1:]
    corpus = Path(folder)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-artifact_prefix={folder}/", "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"]
    atheris.Setup([sys.argv[0], folder, *options, *limits], TARGETS[name])
    atheris.Fuzz()
