"""Prints the figures that ttest_test.go and signflip_test.go hold, from SciPy 1.10."""
import numpy as np
from scipy import stats

for name, d in {
    "gain": [31, 28, 40, 22, 35],
    "two": [5, 7],
    "mixed": [-3, 4, 1, -2, 6, 0, 3],
    "tiny": [1e-9, 2e-9, -5e-10],
    "sure": [100, 100.5, 99.7, 100.1, 100.2, 99.9],
    "many": [((i * 7919) % 101 - 49) / 10 for i in range(500)],
}.items():
    d = np.array(d, float)
    low, high = stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))
    print(name, repr(d.mean()), repr(d.std(ddof=1)), repr(stats.ttest_1samp(d, 0).pvalue), repr(low), repr(high))
for df in (1, 2, 4, 9, 29, 1000, 1e6, 3.7):
    print(df, repr(2 * stats.t.sf(2.5, df)), repr(2 * stats.t.sf(12, df)), repr(stats.t.ppf(0.975, df)))
print("7 of 28", repr(stats.binomtest(7, 28).pvalue))
print("40 of 130", repr(stats.binomtest(40, 130).pvalue))
k = np.array([3, -1, 2, 2, -1, 5, 0, 1, -2, 4, 4], float)
print("signs", repr(stats.permutation_test((k,), lambda x, axis: x.sum(axis=axis), permutation_type="samples",
                                           n_resamples=np.inf, vectorized=True).pvalue))
