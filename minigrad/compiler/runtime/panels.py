"""Parts of a matrix product, for emitted code, compiled and from Python: some rows of the result, or some columns."""


def panels(gemm):
    """(rows, columns): rows or columns first ... last - 1 of c (m, n) = op(a) op(b), by the product `gemm`."""

    def rows(first, last, n, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
        a_first = first if ta else first * lda
        c_first = c_start + first * ldc
        gemm(last - first, n, k, ta, a, a_start + a_first, lda, tb, b, b_start, ldb, c, c_first, ldc)

    def columns(first, last, m, k, ta, a, a_start, lda, tb, b, b_start, ldb, c, c_start, ldc):
        b_first = first * ldb if tb else first
        c_first = c_start + first
        gemm(m, last - first, k, ta, a, a_start, lda, tb, b, b_start + b_first, ldb, c, c_first, ldc)

    return rows, columns
