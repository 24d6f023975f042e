#!/usr/bin/env python3
"""Make the golden values beside this file: numbers from SciPy, mpmath and plain formulas, for the tests of common/stats.

Usage: make.py [NAME ...]      (default: all)

No test runs it. It needs SciPy and mpmath (and for some names what they say); each file names the versions it was made with.
"""
import json
import math
import os
import sys
from pathlib import Path

import mpmath
import numpy
import scipy
import scipy.optimize
import scipy.special
from scipy import stats

HERE = Path(__file__).parent


def tails():
    """Tails and points of the normal, Student's and the noncentral t, and the beta distribution."""
    mpmath.mp.dps = 50

    def ln_beta_tail(x, a, b):
        # By its series of positive terms, where SciPy's underflows.
        x, a, b = mpmath.mpf(x), mpmath.mpf(a), mpmath.mpf(b)
        front = a * mpmath.log(x) + b * mpmath.log1p(-x) - mpmath.log(b) - mpmath.log(mpmath.beta(a, b))
        total = term = mpmath.mpf(1)
        k = 0
        while term > total * mpmath.mpf(10) ** -30:
            term *= (a + b + k) / (b + 1 + k) * (1 - x)
            total += term
            k += 1
        return float(front + mpmath.log(total))

    return {
        "normal_tail": [[z, float(stats.norm.sf(z))] for z in (-3.0, 0.0, 1.0, 1.96, 5.0, 20.0)],
        "normal_point": [[p, float(stats.norm.isf(p))] for p in (0.9, 0.5, 0.05, 0.025, 1e-4, 1e-12)],
        "student_tail": [[t, df, float(stats.t.sf(t, df))] for t, df in ((0.5, 1.0), (3.0, 4.0), (2.2, 9.5), (8.0, 60.0), (-1.0, 2.5))],
        "student_point": [[p, df, float(stats.t.isf(p, df))]
                          for p, df in ((0.025, 1.0), (0.05, 4.0), (0.001, 2.5), (0.000625, 11.3), (1e-5, 400.0))],
        "noncentral_student_tail": [[t, df, shift, float(stats.nct.sf(t, df, shift))]
                                    for t, df, shift in ((2.2, 9.5, 3.0), (1.7, 4.0, 0.5), (3.5, 48.0, 5.0), (2.0, 9.0, -0.5),
                                                         (45.0, 20.0, 40.0), (90.0, 3.0, 60.0))],
        "ln_beta_tail": [[x, a, b, ln_beta_tail(x, a, b)]
                         for x, a, b in ((0.01, 3.5, 7.5), (0.01, 3.5, 1000.0), (0.01, 0.5, 90000.5), (0.01, 0.5, 1e6),
                                         (0.001, 20.5, 2e6), (0.3, 0.5, 1e5), (0.5, 0.5, 0.5))],
    }


def effects():
    """Stratified difference in differences by the formulas, with NumPy's means and variances; of one class alone it is
    Welch's test, for which SciPy's own degrees of freedom, p-value and interval are given."""
    random = numpy.random.default_rng(20240501)
    cases = []
    for sizes in (((5, 9),), ((10, 40),), ((3, 12), (4, 6), (2, 20)), ((1, 5), (1, 7), (6, 3)), ((30, 200), (12, 88), (8, 1))):
        classes = [(random.normal(0.05, 0.1, c), random.normal(0, 0.05 * (i + 1), n)) for i, (c, n) in enumerate(sizes)]
        canaries = sum(c for c, _ in sizes)
        freedom_c = sum(c - 1 for c, _ in sizes)
        pooled_c = sum((c - 1) * c_values.var(ddof=1) for (c, _), (c_values, _) in zip(sizes, classes) if c > 1) / freedom_c
        freedom_0 = sum(n - 1 for _, n in sizes)
        pooled_0 = sum((n - 1) * values.var(ddof=1) for (_, n), (_, values) in zip(sizes, classes) if n > 1) / freedom_0
        weights = [c / canaries for c, _ in sizes]
        lonely = sum(w ** 2 for w, (_, n) in zip(weights, sizes) if n == 1)
        theta = sum(w * (c_values.mean() - values.mean()) for w, (c_values, values) in zip(weights, classes))
        of_canary = sum(w ** 2 / c for w, (c, _) in zip(weights, sizes)) * pooled_c
        spread = of_canary ** 2 / freedom_c
        of_controls = lonely * pooled_0
        for w, (_, n), (_, values) in zip(weights, sizes, classes):
            if n > 1:
                of_controls += w ** 2 * values.var(ddof=1) / n
                spread += ((w ** 2 / n + lonely * (n - 1) / freedom_0) * values.var(ddof=1)) ** 2 / (n - 1)
        variance = of_canary + of_controls
        freedom = sum_of_parts(of_canary, lonely, pooled_0, weights, sizes, classes, freedom_0) ** 2 / spread
        case = {"classes": [{"canary": c.tolist(), "control": n.tolist()} for c, n in classes], "theta": theta,
                "se": math.sqrt(variance), "freedom": freedom,
                "lower_0.01": theta - stats.t.isf(0.01, freedom) * math.sqrt(variance),
                "p_over_0.02": float(stats.t.sf((theta - 0.02) / math.sqrt(variance), freedom))}
        if len(sizes) == 1:
            welch = stats.ttest_ind(classes[0][0], classes[0][1], equal_var=False, alternative="greater")
            case["welch"] = {"freedom": float(welch.df), "p": float(welch.pvalue),
                             "lower_0.05": float(welch.confidence_interval(0.95).low)}
        cases.append(case)
    return {"cases": cases}


def sum_of_parts(of_canary, lonely, pooled_0, weights, sizes, classes, freedom_0):
    """The variance again, as the sum over independent estimates, whose degrees of freedom are approximated."""
    whole = of_canary
    for w, (_, n), (_, values) in zip(weights, sizes, classes):
        if n > 1:
            whole += (w ** 2 / n + lonely * (n - 1) / freedom_0) * values.var(ddof=1)
    return whole


def spending():
    """Lan-DeMets boundaries for looks that are not equally spaced, and their power, by the recursion of gsdesign 0.1.5
    (r = 60) and SciPy's brentq."""
    from gsdesign import h1, hupdate
    from scipy.optimize import brentq

    def of_type(kind, alpha, t):
        if kind == "pocock":
            return alpha * math.log(1 + (math.e - 1) * t)
        return 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(t))

    def over(grid, t, t_before, z, drift):
        if grid is None:
            return stats.norm.sf(z - drift * math.sqrt(t))
        points, _, mass = grid
        at = (z * math.sqrt(t) - points * math.sqrt(t_before) - drift * (t - t_before)) / math.sqrt(t - t_before)
        return float(mass @ stats.norm.sf(at))

    def keep(grid, t, t_before, z, drift):
        if grid is None:
            return h1(r=60, theta=drift, info=t, b=z)
        return hupdate(60, drift, t, -math.inf, z, drift, t_before, grid)

    cases = []
    for kind, alpha, fractions in (("obrien_fleming", 0.025, (0.2, 0.4, 0.6, 0.8, 1.0)), ("pocock", 0.025, (0.2, 0.4, 0.6, 0.8, 1.0)),
                                   ("obrien_fleming", 0.05, (0.125, 0.25, 0.5, 1.0)), ("pocock", 0.0125, (1 / 64, 1 / 16, 1 / 4, 0.9)),
                                   ("obrien_fleming", 0.01, (0.3, 0.31, 0.7, 1.0))):
        grid, before, spent, zs = None, 0.0, 0.0, []
        for t in fractions:
            due = of_type(kind, alpha, t) - spent
            zs.append(brentq(lambda z: over(grid, t, before, z, 0) - due, -5, 10, xtol=1e-12))
            grid, before, spent = keep(grid, t, before, zs[-1], 0), t, spent + due
        grid, before, power = None, 0.0, []
        for t, z in zip(fractions, zs):
            power.append(over(grid, t, before, z, 3.0))
            grid, before = keep(grid, t, before, z, 3.0), t
        cases.append({"type": kind, "alpha": alpha, "fractions": fractions, "z": zs, "crossed_at_drift_3": power})
    return {"cases": cases}


def permutations():
    """Exact stratified permutation tests: SciPy's of one class, and all assignments gone through for several."""
    from itertools import combinations, product
    random = numpy.random.default_rng(20240502)
    cases = []
    for sizes in (((3, 7),), ((4, 6),), ((2, 4), (1, 5), (2, 3))):
        classes = [(random.standard_t(2, c) + 0.8, random.standard_t(2, n)) for c, n in sizes]
        canaries = sum(c for c, _ in sizes)

        def theta(chosen):
            total = 0.0
            for (c, n), (c_values, values), choice in zip(sizes, classes, chosen):
                both = numpy.concatenate([c_values, values])
                is_canary = numpy.isin(numpy.arange(c + n), choice)
                total += c / canaries * (both[is_canary].mean() - both[~is_canary].mean())
            return total

        every = [theta(chosen) for chosen in product(*(combinations(range(c + n), c) for c, n in sizes))]
        seen = theta([range(c) for c, _ in sizes])
        case = {"classes": [{"canary": c.tolist(), "control": n.tolist()} for c, n in classes], "theta": seen,
                "assignments": len(every), "p": sum(value >= seen - 1e-12 for value in every) / len(every)}
        if len(sizes) == 1:
            test = stats.permutation_test(classes[0], lambda x, y, axis: x.mean(axis) - y.mean(axis), vectorized=True,
                                          alternative="greater", n_resamples=numpy.inf)
            case["scipy_p"] = float(test.pvalue)
        cases.append(case)
    return {"cases": cases}


def families():
    """Westfall and Young's max-T with all assignments gone through, single-step and step-down; standard deviations are
    those of the enumerated values."""
    from itertools import combinations, product
    random = numpy.random.default_rng(20240503)
    cases = []
    for sizes, margins in ((((4, 7),), (0.0, 0.0, 0.0)), (((2, 4), (2, 4)), (0.1, 0.0, -0.2))):
        devices, rows = [], []
        for stratum, (c, n) in enumerate(sizes):
            for i in range(c + n):
                common = random.normal()
                devices.append((stratum, i < c))
                rows.append([common + 0.6 * random.normal() + (0.9 if i < c and m > 0 else 0) for m in range(len(margins))])
        rows = numpy.array(rows)
        shifted = rows - numpy.array([margins if is_canary else [0.0] * len(margins) for _, is_canary in devices])
        places = [[i for i, d in enumerate(devices) if d[0] == s] for s in range(len(sizes))]
        canaries = sum(c for c, _ in sizes)

        def theta(chosen):
            total = numpy.zeros(len(margins))
            for (c, _), at, choice in zip(sizes, places, chosen):
                rest = [i for i in at if i not in choice]
                total += c / canaries * (shifted[list(choice)].mean(0) - shifted[rest].mean(0))
            return total

        every = numpy.array([theta(chosen) for chosen in product(*(combinations(at, c) for at, (c, _) in zip(places, sizes)))])
        every_t = every / every.std(0)
        seen = theta([[i for i in at if devices[i][1]] for at in places])
        seen_t = seen / every.std(0)
        slack = 1e-9
        order = numpy.argsort(-seen_t)
        step_down, worst = [0.0] * len(margins), 0.0
        for i, m in enumerate(order):
            worst = max(worst, float((every_t[:, order[i:]].max(1) >= seen_t[m] - slack).mean()))
            step_down[m] = worst
        cases.append({"devices": devices, "harms": rows.flatten().tolist(), "margins": margins,
                      "theta": (seen + numpy.array(margins)).tolist(), "standardized": seen_t.tolist(),
                      "p": (every_t >= seen_t - slack).mean(0).tolist(),
                      "p_single_step": [float((every_t.max(1) >= t - slack).mean()) for t in seen_t], "p_step_down": step_down})
    return {"cases": cases}


def failures():
    """The one-sided beta-binomial e-process: ln of the integral over the shares beyond p0, by mpmath's quadrature."""
    mpmath.mp.dps = 40

    def ln_e(p0, s, f):
        # With p = sin^2 x the Beta(1/2, 1/2) is flat; sin^2s cos^2f is cut into pieces around its peak.
        p0 = mpmath.mpf(p0)
        begin, end = mpmath.asin(mpmath.sqrt(p0)), mpmath.pi / 2
        peak = max(begin, mpmath.atan2(mpmath.sqrt(s), mpmath.sqrt(f)))

        def ln_height(x):
            return 2 * ((s * mpmath.log(mpmath.sin(x)) if s else 0) + (f * mpmath.log(mpmath.cos(x)) if f else 0))

        width = 1 / mpmath.sqrt(4 * (s + f))
        steps = (-30, -10, -3, -1, -0.3, 0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
        cuts = sorted({begin, end, *(min(end, max(begin, peak + k * width)) for k in steps)})
        mixed = mpmath.quad(lambda x: mpmath.exp(ln_height(x) - ln_height(peak)) if x < end or not f else 0, cuts)
        return float(mpmath.log(mixed / (end - begin)) + ln_height(peak) - s * mpmath.log(p0) - f * mpmath.log(1 - p0))

    from ville import BernoulliTest
    two_sided = []
    for p0, outcomes in ((0.01, [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]), (0.2, [0, 1, 1, 0, 1] * 8)):
        test = BernoulliTest(p0, prior=(0.5, 0.5)).fit(numpy.array(outcomes, dtype=float))
        two_sided.append([p0, sum(outcomes), len(outcomes) - sum(outcomes), float(test.log_e_values_[-1])])
    return {"two_sided_by_ville_0.1.0": two_sided, "cases": [[p0, s, f, ln_e(p0, s, f)] for p0, s, f in
                      ((0.01, 1, 0), (0.01, 0, 1), (0.01, 2, 8), (0.01, 3, 7), (0.01, 4, 46), (0.01, 5, 45), (0.01, 5, 95), (0.01, 6, 94),
                       (0.01, 0, 100000), (0.01, 900, 100000), (0.05, 30, 170), (0.001, 3, 497), (0.2, 50, 0))]}


def sequences():
    """Boundaries of the gamma-exponential mixture by confseq 0.0.11 (its own C++), and of a series of values the mean, the
    squared deviations from the mean before and the bounds that follow."""
    from confseq.boundaries import gamma_exponential_mixture_bound
    random = numpy.random.default_rng(20240504)
    bounds = [[v, alpha, v_opt, alpha_opt, float(gamma_exponential_mixture_bound(v, alpha, v_opt, 1.0, alpha_opt))]
              for v, alpha, v_opt, alpha_opt in ((0.25, 0.05, 10.0, 0.05), (10.0, 0.05, 10.0, 0.05), (10.0, 0.0025, 5.0, 0.025),
                                                 (200.0, 0.025, 10.0, 0.025), (5000.0, 0.01, 100.0, 0.01))]
    values = random.beta(9, 1, 120)
    count = numpy.arange(1, len(values) + 1)
    mean = numpy.cumsum(values) / count
    before = (numpy.cumsum(values) - values + 0.5) / count
    deviations = numpy.cumsum((values - before) ** 2)
    half = gamma_exponential_mixture_bound(deviations, 0.025, 10.0, 1.0, 0.025) / count
    return {"bounds": bounds,
            "series": {"values": values.tolist(), "at": [1, 5, 20, 120],
                       "mean": [float(mean[i - 1]) for i in (1, 5, 20, 120)],
                       "deviations": [float(deviations[i - 1]) for i in (1, 5, 20, 120)],
                       "lower": [max(0.0, float(mean[i - 1] - half[i - 1])) for i in (1, 5, 20, 120)],
                       "upper": [min(1.0, float(mean[i - 1] + half[i - 1])) for i in (1, 5, 20, 120)]}}


def reporting():
    """ln likelihood ratios of Fisher's noncentral hypergeometric distribution by SciPy's nchypergeom_fisher and hypergeom,
    mixed over the odds; and Lindon and Malek's Dirichlet-multinomial evidence by SciPy's distributions."""
    odds = (1.5, 2, 3, 5, 10, 20, 50, 200)
    runs = []
    for steps in (((50, 450, 1, 0),), ((50, 450, 1, 2), (49, 448, 3, 0), (46, 448, 6, 1)), ((10, 12, 2, 9), (3, 40, 3, 0), (7, 0, 1, 0)),
                  ((1000, 9000, 60, 700), (940, 8300, 0, 3))):
        per_odds = []
        for ratio in odds:
            ln = 0.0
            for canaries, controls, silent_canaries, silent_controls in steps:
                silent = silent_canaries + silent_controls
                if not silent or not canaries or not controls:
                    continue
                all_devices = canaries + controls
                ln += (stats.nchypergeom_fisher.logpmf(silent_canaries, all_devices, canaries, silent, ratio)
                       - stats.hypergeom.logpmf(silent_canaries, all_devices, canaries, silent))
            per_odds.append(ln)
        runs.append({"steps": steps, "ln_evidence": float(scipy.special.logsumexp(per_odds) - math.log(len(odds)))})
    ratios = []
    for counts, shares, concentration in (([48, 452], [0.1, 0.9], 100.0), ([80, 420], [0.1, 0.9], 100.0), ([3, 0, 7], [0.5, 0.25, 0.25], 10.0)):
        alpha = [concentration * share for share in shares]
        ln = stats.dirichlet_multinomial.logpmf(counts, alpha, sum(counts)) - stats.multinomial.logpmf(counts, sum(counts), shares)
        ratios.append({"counts": counts, "shares": shares, "concentration": concentration, "ln_evidence": float(ln)})
    return {"runs": runs, "ratios": ratios}


def reach():
    """Power of the two-sample t test by SciPy's noncentral t: one class, where Welch's degrees of freedom at equal variances
    are plain arithmetic. Excess is in standard deviations of a device's D."""
    cases = []
    for canaries, controls, alpha in ((10, 40, 0.025), (50, 450, 0.0125 / 2), (5, 15, 0.05), (500, 4500, 0.0125 / 12)):
        of_canary, of_controls = 1 / canaries, 1 / controls
        freedom = (of_canary + of_controls) ** 2 / (of_canary ** 2 / (canaries - 1) + of_controls ** 2 / (controls - 1))
        se = math.sqrt(of_canary + of_controls)
        point = stats.t.isf(alpha, freedom)
        case = {"canaries": canaries, "controls": controls, "alpha": alpha,
                "power_at_0.5": float(stats.nct.sf(point, freedom, 0.5 / se))}
        for power in (0.8, 0.95):
            shift = scipy.optimize.brentq(lambda d: stats.nct.sf(point, freedom, d) - power, 0, 20, xtol=1e-12)
            case[f"excess_at_{power}"] = shift * se
        cases.append(case)
    return {"cases": cases}


def sketches():
    """Quantiles of ddsketch 3.0.1 with a relative error of 1 %, of latencies and of two sketches merged; and the bucket of
    some values."""
    from ddsketch import DDSketch
    random = numpy.random.default_rng(20240505)
    at = (0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0)
    cases = []
    for size in (1, 20, 400):
        values = [round(float(value), 3) for value in numpy.exp(random.normal(3, 0.5, size))] + [0.0] * (size // 10)
        half = len(values) // 2
        left, right = DDSketch(0.01), DDSketch(0.01)
        for value in values[:half]:
            left.add(value)
        for value in values[half:]:
            right.add(value)
        left.merge(right)
        cases.append({"values": values, "split_at": half, "at": at, "quantiles": [left.get_quantile_value(q) for q in at]})
    mapping = DDSketch(0.01)._mapping
    return {"cases": cases, "buckets": [[value, mapping.key(value), mapping.value(mapping.key(value))] for value in (1e-6, 0.5, 20.1, 1e8)]}


def estimates():
    """Accuracy estimated without labels by CBPE of NannyML 0.13.1 (which wants statsmodels, too), of models that are too sure,
    too unsure and about right, on inputs of other mixes than the reference: of each chunk its estimate and what was right.
    Answers are given by 20 bins of their confidence, the highest probability; `reference` adds how many of each were right."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "true"  # it would tell its makers
    import nannyml
    import pandas
    random = numpy.random.default_rng(20261130)
    size = 20_000

    def binned(confidences, right=None):
        bins = numpy.minimum((confidences * 20).astype(int), 19)
        counts = numpy.bincount(bins, minlength=20).tolist()
        return counts if right is None else [counts, numpy.bincount(bins, weights=right, minlength=20).astype(int).tolist()]

    def binary(count, a, b, slope):
        score = random.beta(a, b, count)
        true = 1 / (1 + numpy.exp(-slope * numpy.log(score / (1 - score))))
        frame = pandas.DataFrame({"p": score, "answer": (score > 0.5).astype(int)})
        frame["right"] = (random.random(count) < true).astype(int)
        return frame, numpy.maximum(score, 1 - score)

    def three(count, spread, slope):
        scores = random.normal(0, spread, (count, 3))
        said = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
        true = numpy.exp(slope * scores) / numpy.exp(slope * scores).sum(axis=1, keepdims=True)
        frame = pandas.DataFrame({f"p{k}": said[:, k] for k in range(3)})
        frame["answer"] = said.argmax(axis=1)
        frame["right"] = (random.random(count)[:, None] > true.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        return frame, said.max(axis=1)

    def case(name, made, chunks, problem, probabilities):
        reference, confidences = made
        estimator = nannyml.CBPE(problem_type=problem, y_pred_proba=probabilities, y_pred="answer", y_true="right",
                                 metrics=["accuracy"], chunk_number=1)
        estimator.fit(reference)
        found = []
        for what, (frame, sure) in chunks.items():
            told = estimator.estimate(frame.drop(columns="right")).filter(period="analysis").to_df()
            found.append({"name": what, "answers": binned(sure), "estimated": float(told["accuracy"]["value"].iloc[0]),
                          "right": float((frame["answer"] == frame["right"]).mean())})
        return {"name": name, "reference": binned(confidences, (reference["answer"] == reference["right"])), "chunks": found}

    cases = []
    for name, slope in (("too sure", 0.5), ("about right", 1.0), ("too unsure", 1.6)):
        chunks = {"as the reference": binary(size, 1.5, 1.5, slope), "surer": binary(size, 0.7, 0.7, slope), "less sure": binary(size, 4, 4, slope)}
        cases.append(case(f"two classes, {name}", binary(size, 1.5, 1.5, slope), chunks, "classification_binary", "p"))
        chunks = {"as the reference": three(size, 1.5, slope), "surer": three(size, 2.5, slope), "less sure": three(size, 0.8, slope)}
        cases.append(case(f"three classes, {name}", three(size, 1.5, slope), chunks, "classification_multiclass", {k: f"p{k}" for k in range(3)}))
    return {"cases": cases}


FILES = {"tails": tails, "effects": effects, "spending": spending,
         "permutations": permutations, "families": families, "failures": failures, "sequences": sequences,
         "reporting": reporting, "reach": reach, "sketches": sketches, "estimates": estimates}


def main(names):
    for name in names or FILES:
        made_with = f"SciPy {scipy.__version__}, NumPy {numpy.__version__}, mpmath {mpmath.__version__}"
        document = {"made_by": f"make.py {name}, {made_with}: {' '.join(FILES[name].__doc__.split())}", **FILES[name]()}
        (HERE / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
    else:
        main(sys.argv[1:])
