#!/usr/bin/env python3
"""Trains the four digits releases and writes everything under models/, data/ and releases/; see README.md.

The same seed, numpy and processor give the same files again, byte for byte.
"""

import argparse
import gzip
import json
import os
import pathlib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads add up in another order

import numpy as np

import export
import net

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20
VALIDATION = 400
FIELD = 400
FIRST_SHARE = 300  # how many training images there were when 1.0 was made
FINE_TUNED = ("conv1", "conv2", "output")  # the hidden layer holds 86 % of the weights and stays as it is
BINS = 10  # deciles: chance alone moves PSI by (bins - 1) over the number of images


def load(path):
    """digits.csv.gz: 64 pixel values 0..16 and the label a line. Returns images and labels, shuffled by SEED."""
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    table = table[np.random.default_rng(SEED).permutation(len(table))]
    return table[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8), table[:, 64].astype(np.int64)


def features(images):
    """What README.md calls brightness, contrast and sharpness, a row an image; features.hpp computes the same."""
    x = images[:, 0].astype(np.float64) / net.WHITE
    across = np.abs(np.diff(x, axis=2)).sum(axis=(1, 2))
    down = np.abs(np.diff(x, axis=1)).sum(axis=(1, 2))
    return {
        "brightness": x.mean(axis=(1, 2)),
        "contrast": x.std(axis=(1, 2)),
        "sharpness": (across + down) / 112,
    }


def reference(images):
    """Histograms of the training images over their own quantiles."""
    document = []
    for name, values in features(images).items():
        edges = np.round(np.quantile(values, np.linspace(0, 1, BINS + 1)), 6)
        edges[0], edges[-1] = np.floor(values.min() * 1e6) / 1e6, np.ceil(values.max() * 1e6) / 1e6
        edges = np.unique(edges)
        counts, _ = np.histogram(values, edges)  # then those under the first edge, over the last, and NaN: none
        document.append({"name": name, "edges": edges.tolist(), "counts": [0, *counts.tolist(), 0, 0]})
    return {"features": document}


RELEASES = {
    "1.0": "The first model, trained on 300 images.",
    "1.1": "Fine-tuned on three times as many images; the hidden layer is unchanged.",
    "1.2": "Fine-tuned after a labelling mistake: most nines had come back as sevens. Fails its validation.",
    "1.3": "1.1 averaged over 1,024 moved copies of each image: as accurate, many times slower.",
}


def release(version):
    """The release document of docs/protocol.md with files, relative to it, in place of their digests."""
    variants = [
        {
            "name": precision,
            "file": f"../models/digits-{version}-{precision}.onnx",
            "format": "onnx",
            "selector": {"precision": precision, "runtime": "onnxruntime"},
            "priority": priority,
        }
        for priority, precision in enumerate(("fp32", "int8"))
    ]
    validation = {
        "dataset": "../data/validation.npz",
        "metric": "accuracy",
        "direction": "higher",
        "threshold": 0.94,
        "max_latency_ms": None,
        "max_memory_mb": 512,
        "timeout_s": 60,
    }
    return {
        "model": "digits",
        "version": version,
        "notes": RELEASES[version],
        "variants": variants,
        "validation": validation,
        "reference": "../data/reference.json",
    }


def mislabelled(labels, rng):
    """A labelling mistake: four fifths of the nines came back as sevens."""
    wrong = labels.copy()
    nines = np.flatnonzero(labels == 9)
    wrong[nines[rng.random(len(nines)) < 0.8]] = 7
    return wrong


def train_releases(images, labels):
    """Weights of 1.0, 1.1 and 1.2; 1.3 is 1.1 in a slower graph."""
    x = images.astype(np.float32)
    rng = np.random.default_rng(SEED)
    first = net.train(
        net.initial_weights(rng), x[:FIRST_SHARE], labels[:FIRST_SHARE], rng, epochs=10, rate=1e-3
    )
    better = net.train(first, x, labels, rng, epochs=25, rate=1e-3, layers=FINE_TUNED, shift=True)
    worse = net.train(better, x, mislabelled(labels, rng), rng, epochs=8, rate=1e-3, layers=FINE_TUNED)
    return {"1.0": first, "1.1": better, "1.2": worse}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="digits.csv.gz, see README.md")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder for models/, data/ and releases/")
    args = parser.parse_args()
    models, data, releases = (args.out / name for name in ("models", "data", "releases"))
    for folder in (models, data, releases):
        folder.mkdir(parents=True, exist_ok=True)

    images, labels = load(args.data)
    validation, field = slice(0, VALIDATION), slice(VALIDATION, VALIDATION + FIELD)
    training = slice(VALIDATION + FIELD, None)
    np.savez(data / "validation.npz", x=images[validation], y=labels[validation])
    np.savez(data / "field.npz", x=images[field], y=labels[field])
    (data / "reference.json").write_text(json.dumps(reference(images[training])) + "\n")
    for version in RELEASES:
        (releases / f"{version}.json").write_text(json.dumps(release(version), indent=2) + "\n")

    trained = train_releases(images[training], labels[training])
    for version, weights in {**trained, "1.3": trained["1.1"]}.items():
        scales = export.calibrate(weights, images[training])
        body = export.many_views if version == "1.3" else export.network
        export.save(models / f"digits-{version}-fp32.onnx", version, weights, body=body)
        export.save(models / f"digits-{version}-int8.onnx", version, weights, scales=scales, body=body)
        shares = [net.accuracy(weights, images[part], labels[part]) for part in (validation, field)]
        print(f"{version}: validation {shares[0]:.4f}, field {shares[1]:.4f}")


if __name__ == "__main__":
    main()
