#!/usr/bin/env python3
"""Writes the data sets beside it, and golden.json: what well-kept libraries say of them, which argosy-runner has to say too.

In a virtual environment: pip install numpy onnx scikit-learn pycocotools jiwer; then run this file. The models answer with
their inputs, so that a data set's samples are predictions.
"""
import contextlib
import io
import json
import pathlib

import jiwer
import numpy as np
from onnx import TensorProto, helper
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn import metrics, neighbors

HERE = pathlib.Path(__file__).resolve().parent
RNG = np.random.default_rng(20)
GOLDEN = []


def save_model(name, ports):
    nodes = [helper.make_node("Identity", [source], [target]) for source, target, _ in ports]
    inputs = [helper.make_tensor_value_info(source, kind, None) for source, _, kind in ports]
    outputs = [helper.make_tensor_value_info(target, kind, None) for _, target, kind in ports]
    graph = helper.make_graph(nodes, name, inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def save_data(name, settings=None, **arrays):
    if settings:
        arrays["argosy"] = json.dumps(settings)
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def expect(model, dataset, metric, value, tolerance=1e-9):
    GOLDEN.append({"model": model, "dataset": dataset, "metric": metric, "value": float(value), "tolerance": tolerance})


def softmax(logits):
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def classification():
    y = RNG.integers(0, 4, 120)
    x = softmax(RNG.normal(size=(120, 4)) + 1.2 * np.eye(4)[y])
    save_data("classes", x=x, y=y)
    guess = x.argmax(1)
    expect("numbers", "classes", "accuracy", metrics.accuracy_score(y, guess))
    expect("numbers", "classes", "top2_accuracy", metrics.top_k_accuracy_score(y, x, k=2))
    expect("numbers", "classes", "f1", metrics.f1_score(y, guess, average="macro"))
    expect("numbers", "classes", "roc_auc", metrics.roc_auc_score(y, x, multi_class="ovr", average="macro"))
    expect("numbers", "classes", "average_precision", metrics.average_precision_score(np.eye(4)[y], x, average="macro"))
    areas = [metrics.auc(*metrics.precision_recall_curve(y == k, x[:, k])[1::-1]) for k in range(4)]
    expect("numbers", "classes", "pr_auc", np.mean(areas))


def two_classes():
    y = RNG.integers(0, 2, 150)
    x = np.round(1 / (1 + np.exp(-RNG.normal(size=150) - 2 * y + 1)), 2)  # with ties
    save_data("two_classes", x=x, y=y)
    expect("numbers", "two_classes", "accuracy", metrics.accuracy_score(y, x > 0.5))
    expect("numbers", "two_classes", "roc_auc", metrics.roc_auc_score(y, x))
    expect("numbers", "two_classes", "average_precision", metrics.average_precision_score(y, x))
    expect("numbers", "two_classes", "pr_auc", metrics.auc(*metrics.precision_recall_curve(y, x)[1::-1]))
    save_data("two_classes_logit", {"threshold": -0.3}, x=np.log(x + 1e-3), y=y)
    expect("numbers", "two_classes_logit", "accuracy", metrics.accuracy_score(y, np.log(x + 1e-3) > -0.3))


def segmentation():
    y = RNG.integers(0, 3, (12, 6, 8))
    x = np.moveaxis(np.eye(3)[y], -1, 1) + RNG.normal(size=(12, 3, 6, 8))
    y[RNG.random(y.shape) < 0.1] = 255
    save_data("masks", {"ignore": 255}, x=x.astype(np.float64), y=y.astype(np.uint8))
    seen, guess = y[y != 255], x.argmax(1)[y != 255]
    expect("numbers", "masks", "iou", metrics.jaccard_score(seen, guess, average="macro"))
    expect("numbers", "masks", "dice", metrics.f1_score(seen, guess, average="macro"))
    y = RNG.integers(0, 2, (9, 1, 5, 7))
    x = np.clip(0.5 + 0.3 * (y - 0.5) + RNG.normal(scale=0.2, size=y.shape), 0, 1)
    save_data("foreground", x=x, y=y)
    expect("numbers", "foreground", "iou", metrics.jaccard_score(y.ravel(), x.ravel() > 0.5))
    expect("numbers", "foreground", "dice", metrics.f1_score(y.ravel(), x.ravel() > 0.5))


def coco(truths, found):
    """Truths and detections: (sample, class, box as x, y, width, height, crowd or score)."""
    samples = sorted({t[0] for t in truths} | {d[0] for d in found})
    annotations = [{"id": i + 1, "image_id": s, "category_id": int(c), "bbox": [float(v) for v in b], "iscrowd": int(k),
                    "area": float(b[2] * b[3])} for i, (s, c, b, k) in enumerate(truths)]
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = {"images": [{"id": s} for s in samples], "annotations": annotations,
                          "categories": [{"id": c} for c in sorted({int(t[1]) for t in truths})]}
        ground.createIndex()
        results = ground.loadRes([{"image_id": s, "category_id": int(c), "bbox": [float(v) for v in b], "score": float(k)}
                                  for s, c, b, k in found])
        judged = COCOeval(ground, results, "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged.stats[:3]


def objects(samples, most, kinds):
    boxes, classes = np.zeros((samples, most, 4)), np.full((samples, most), -1)
    for s in range(samples):
        for i in range(RNG.integers(0 if s else 1, most + 1)):
            classes[s, i] = RNG.integers(0, kinds)
            boxes[s, i] = [*RNG.uniform(0, 60, 2), *RNG.uniform(8, 30, 2)]
    return boxes, classes


def near(boxes, classes, number, kinds):
    """Detections: some near the objects, others anywhere."""
    samples, most = classes.shape
    guess, kind = np.zeros((samples, number, 4)), RNG.integers(0, kinds, (samples, number))
    for s in range(samples):
        for i in range(number):
            there = i % most
            guess[s, i] = [*RNG.uniform(0, 60, 2), *RNG.uniform(8, 30, 2)]
            if classes[s, there] >= 0 and RNG.random() < 0.8:
                guess[s, i] = boxes[s, there] + RNG.normal(scale=1.5, size=4)
                kind[s, i] = classes[s, there]
    return np.maximum(guess, 1), kind


def flat(boxes, classes, more):
    return [(s, classes[s, i], boxes[s, i], more[s, i]) for s in range(len(classes)) for i in range(classes.shape[1])
            if classes[s, i] >= 0]


def expect_coco(model, dataset, truths, found):
    for metric, value in zip(("map", "map50", "map75"), coco(truths, found)):
        expect(model, dataset, metric, value, 1e-4)


def detection():
    boxes, classes = objects(20, 6, 3)
    crowd = ((RNG.random(classes.shape) < 0.15) & (classes >= 0)).astype(np.uint8)
    guess, kind = near(boxes, classes, 12, 3)
    score = np.round(RNG.random(kind.shape), 2)  # with ties
    corners = np.concatenate([guess[..., :2], guess[..., :2] + guess[..., 2:]], -1)
    save_data("boxes", {"detection": {"true_layout": "xywh"}}, found=corners, found_scores=score, found_labels=kind.astype(np.int64),
              boxes=boxes, classes=classes, crowd=crowd)
    expect_coco("detector", "boxes", flat(boxes, classes, crowd), flat(guess, kind, score))


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def raw_detection():
    """As YOLO answers: rows of centre, size and scores, transposed, in shares of the image, before NMS."""
    boxes, classes = objects(12, 5, 3)
    guess, kind = near(boxes, classes, 15, 3)
    scores = 0.3 * RNG.random((*kind.shape, 3))
    np.put_along_axis(scores, kind[..., None], RNG.random(kind.shape)[..., None], -1)
    width, height = 128.0, 64.0
    centres = np.concatenate([guess[..., :2] + guess[..., 2:] / 2, guess[..., 2:]], -1) / [width, height, width, height]
    x = np.moveaxis(np.concatenate([centres, scores], -1), 1, 2)
    settings = {"transposed": True, "layout": "cxcywh", "width": width, "height": height, "nms_iou": 0.5, "min_score": 0.05,
                "true_layout": "xywh"}
    save_data("raw_boxes", {"detection": settings}, x=x, boxes=boxes, classes=classes)
    found = []
    for s in range(len(guess)):
        kept = []
        for i in sorted(range(guess.shape[1]), key=lambda i: -scores[s, i].max()):
            best = int(scores[s, i].argmax())
            if scores[s, i].max() < 0.05 or any(k == best and overlap(b, guess[s, i]) > 0.5 for _, k, b, _ in kept):
                continue
            kept.append((s, best, guess[s, i], scores[s, i].max()))
        found += kept
    expect_coco("numbers", "raw_boxes", flat(boxes, classes, np.zeros_like(classes)), found)


def words():
    said = "the quick brown fox jumps over a lazy dog while it rains in the valley".split()
    right = [" ".join(RNG.choice(said, RNG.integers(3, 12))) for _ in range(40)]
    heard = [" ".join(w for w in line.split() if RNG.random() > 0.1) + (" dog" if RNG.random() > 0.6 else "") for line in right]
    heard = [line.strip() or "dog" for line in heard]
    save_data("words", x=np.array(heard), y=np.array(right))
    expect("texts", "words", "wer", jiwer.wer(right, heard))
    letters = ["<blank>", " ", *"abcdef"]
    tokens = RNG.integers(0, len(letters), (15, 24))
    truths = ["".join(letters[i] for i in row if i).strip() or "a" for row in RNG.integers(1, len(letters), (15, 10))]
    logits = RNG.normal(size=(15, 24, len(letters))) + 6 * np.eye(len(letters))[tokens]
    spoken = []
    for row in logits.argmax(-1):
        kept = [t for i, t in enumerate(row) if (i == 0 or t != row[i - 1]) and t != 0]
        spoken.append("".join(letters[t] for t in kept))
    save_data("letters", {"blank": 0, "vocabulary": letters}, x=logits, y=np.array([" ".join(t.split()) for t in truths]))
    expect("numbers", "letters", "wer", jiwer.wer([" ".join(t.split()) for t in truths], [" ".join(s.split()) for s in spoken]))


def language():
    y = RNG.integers(0, 9, (14, 11))
    x = RNG.normal(size=(14, 11, 9)) + 2 * np.eye(9)[y]
    y[:, 8:] = np.where(RNG.random((14, 3)) < 0.5, -100, y[:, 8:])
    save_data("language", x=x, y=y)
    expect("numbers", "language", "perplexity", np.exp(metrics.log_loss(y[y >= 0], softmax(x)[y >= 0], labels=range(9))))


def embeddings():
    y = RNG.integers(0, 6, 90)
    x = RNG.normal(size=(6, 8))[y] + 1.8 * RNG.normal(size=(90, 8))
    for name, distance in (("cosine", "cosine"), ("euclidean", "euclidean")):
        save_data(f"embeddings_{name}", {"distance": distance}, x=x, y=np.array([f"kind {k}" for k in y]))
        for places in (1, 3):
            near_by = neighbors.NearestNeighbors(n_neighbors=places, metric=distance).fit(x).kneighbors(return_distance=False)
            expect("numbers", f"embeddings_{name}", f"recall_at_{places}", np.mean((y[near_by] == y[:, None]).any(1)))


def regression():
    x = RNG.normal(size=(50, 3))
    y = x + RNG.normal(scale=0.3, size=x.shape)
    save_data("regression", x=x, y=y)
    expect("numbers", "regression", "mae", metrics.mean_absolute_error(y, x))
    expect("numbers", "regression", "mse", metrics.mean_squared_error(y, x))
    expect("numbers", "regression", "cosine", np.mean(1 - metrics.pairwise.paired_cosine_distances(x, y)))
    expect("numbers", "regression", "max_abs_difference", np.abs(x - y).max())


DOUBLE = TensorProto.DOUBLE
save_model("numbers", [("x", "scores", DOUBLE)])
save_model("texts", [("x", "texts", TensorProto.STRING)])
save_model("detector", [("found", "boxes", DOUBLE), ("found_scores", "scores", DOUBLE), ("found_labels", "labels", TensorProto.INT64)])
for make in (classification, two_classes, segmentation, detection, raw_detection, words, language, embeddings, regression):
    make()
(HERE / "golden.json").write_text(json.dumps(GOLDEN, indent=1) + "\n")
